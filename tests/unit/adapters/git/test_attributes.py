import pytest

from tide.adapters.git.attributes import merge_attributes


def test_attributes_that_do_not_touch_merging_give_nothing() -> None:
    assert merge_attributes({b"": b"*.go text eol=lf linguist-generated=true\n"}) == b""


def test_without_any_file_there_is_nothing() -> None:
    assert merge_attributes({}) == b""


def test_those_of_the_top_directory_stay_as_they_are() -> None:
    assert merge_attributes({b"": b"*.txt merge=union\n/a b\n"}) == b"*.txt merge=union\n/a b\n"


@pytest.mark.parametrize(
    ("line", "moved"),
    [
        (b"*.txt merge=union", b'"docs/**/*.txt" merge=union'),
        (b"/list merge=union", b'"docs/list" merge=union'),
        (b"deep/list -merge", b'"docs/deep/list" -merge'),
        (b'"a b\\"\\303\\274.txt" merge=union', b'"docs/**/a b\\042\\303\\274.txt"  merge=union'),
        (b"\t*.txt\tmerge=union  text\r", b'"docs/**/*.txt" merge=union  text'),
        (b"[attr]joined merge=union", b""),
        (b"!*.txt merge=union", b""),
        (b"sub/ merge=union", b""),
        (b"# merge", b"# merge"),
        (b"x merge=" + b"a" * 3000, b""),
        (b"", b""),
    ],
)
def test_those_of_a_directory_are_prefixed_with_it(line: bytes, moved: bytes) -> None:
    content = merge_attributes({b"docs": line + b"\n", b"": b"x merge\n"})
    assert content == b"x merge\n" + (moved + b"\n" if moved else b"")


def test_directories_are_taken_literally() -> None:
    assert merge_attributes({b"a*[b]\\c": b"x merge\n"}) == b'"a\\134*\\134[b]\\134\\134c/**/x" merge\n'


def test_the_deepest_file_has_the_last_word() -> None:
    files = {b"a/b": b"* merge=3\n", b"": b"* merge=1\n", b"a": b"* merge=2\n"}
    assert merge_attributes(files).splitlines() == [b"* merge=1", b'"a/**/*" merge=2', b'"a/b/**/*" merge=3']
