import json

import pytest

from tide.golang.yaml_reader import YamlError, go_text, load


def read(text: str) -> object:
    return load(text.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, True) for word in ("y", "Y", "yes", "Yes", "on", "ON", "true")),
        *((word, False) for word in ("n", "N", "no", "No", "off", "OFF", "False")),
        *((word, None) for word in ("~", "null", "NULL", "")),
        *((word, word) for word in ("yEs", "nO", "12:30:45", "2024-01-02", "2024-01-02T03:04:05Z", "0x", "+", "1.2.3")),
        *((text, 15) for text in ("15", "017", "0o17", "0xF", "0b1111", "+15", "1_5", "15.0", "1.5e1", "15.")),
        ("08", 8),
        ("1e3", 1000),
        ("-0b11", -3),
        ("0400", 256),
        (".5_0", 0.5),
        ("18446744073709551615", 18446744073709551615),
        ("123456789012345678901", 123456789012345683968),
        ("1e400", "1e400"),
        ('"yes"', "yes"),
        ("'017'", "017"),
        ("!!str 017", "017"),
        ('!!int "0x1F"', 31),
        ("!!float 3", 3),
        ("!foo 12", "12"),
        ("!!binary aGk=", "hi"),
    ],
)
def test_a_scalar_means_what_go_takes_it_for(text: str, value: object) -> None:
    document = read(f"v: {text}")
    # JSON tells true from 1, and writes a float without a fraction as an integer, as Go's does.
    assert json.dumps(document) == json.dumps({"v": value})


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("yes", "true"),
        ("n", "false"),
        ("1.10", "1.1"),
        ("017", "15"),
        ("1e6", "1e+06"),
        ("3.14159265358979", "3.1415927"),
    ],
)
def test_a_key_becomes_the_text_that_go_makes_of_it(key: str, text: str) -> None:
    assert read(f"{key}: here") == {text: "here"}


@pytest.mark.parametrize("key", ["~", "[a]", "{a: 1}"])
def test_a_key_that_is_no_scalar_or_null_is_refused(key: str) -> None:
    with pytest.raises(YamlError, match="a key may not be"):
        read(f"? {key}\n: 1")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1.10", "1.1"),
        ("1e6", "1e+06"),
        ("08", "8"),
        ("017", "15"),
        ("1000000", "1000000"),
        ("yes", "true"),
        ("a", "a"),
    ],
)
def test_a_scalar_becomes_the_text_that_go_makes_of_it(written: str, text: str) -> None:
    document = read(f"v: {written}")
    assert isinstance(document, dict)
    assert go_text(document["v"]) == text


def test_of_duplicate_keys_the_last_wins() -> None:
    assert read("a: 1\nb: 2\na: 3") == {"a": 3, "b": 2}


def test_keys_after_a_merge_win_over_what_it_brings() -> None:
    assert read("j: &j {a: 1, b: 2}\nk: {<<: *j, a: 3}") == {"j": {"a": 1, "b": 2}, "k": {"a": 3, "b": 2}}


def test_keys_before_a_merge_lose_as_in_go() -> None:
    assert read("j: &j {a: 1}\nk: {a: 3, <<: *j}") == {"j": {"a": 1}, "k": {"a": 1}}


def test_of_several_merged_maps_the_first_wins() -> None:
    assert read("j: &j {a: 1}\nk: &k {a: 2, b: 2}\nl:\n  <<: [*j, *k]\n  c: 3") == {
        "j": {"a": 1},
        "k": {"a": 2, "b": 2},
        "l": {"a": 1, "b": 2, "c": 3},
    }


def test_a_quoted_merge_key_is_a_key() -> None:
    assert read('"<<": {a: 1}') == {"<<": {"a": 1}}


@pytest.mark.parametrize("source", ["3", "[1]", "*list"])
def test_only_maps_can_be_merged(source: str) -> None:
    with pytest.raises(YamlError, match="map merge requires map"):
        read(f"list: &list [{{a: 1}}]\nb: {{<<: {source}}}")


def test_an_anchor_may_be_given_again() -> None:
    assert read("a: &x 1\nb: *x\nc: &x 2\nd: *x") == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_an_alias_inside_of_what_it_names_is_refused() -> None:
    with pytest.raises(YamlError, match="contains itself"):
        read("a: &a [*a]")


def test_an_unknown_alias_is_refused() -> None:
    with pytest.raises(YamlError, match="unknown anchor 'b'"):
        read("a: *b")


@pytest.mark.parametrize("text", ["a: 1\n---\nb: 2", "a: 1\n---\n}{: ["])
def test_only_the_first_document_is_read(text: str) -> None:
    assert read(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n# nothing\n"])
def test_an_empty_text_is_none(text: str) -> None:
    assert read(text) is None


def test_a_byte_order_mark_is_skipped() -> None:
    assert load(b"\xef\xbb\xbfa: 1") == {"a": 1}


@pytest.mark.parametrize("text", [".inf", "-.Inf", ".nan"])
def test_numbers_that_json_cannot_hold_are_refused(text: str) -> None:
    with pytest.raises(YamlError, match="JSON"):
        read(f"a: {text}")


def test_aliases_that_explode_are_refused_at_once() -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 30)]
    with pytest.raises(YamlError, match="excessive aliasing"):
        read("\n".join(lines))


def test_merges_that_explode_are_refused_while_few_are_made() -> None:
    entries = 20_000
    presets = ", ".join(f"k{number}: 1" for number in range(entries))
    lines = [f"presets: &a {{{presets}}}", "jobs:", *["- <<: *a"] * 3000]
    with pytest.raises(YamlError, match="excessive aliasing") as caught:
        read("\n".join(lines))
    merges = caught.value.line - len(("presets", "jobs"))
    assert 0 < merges * entries < 500_000


def test_maps_that_are_merged_into_each_other_level_by_level_are_refused() -> None:
    entries = ", ".join(f"k{number}: 1" for number in range(20_000))
    levels = "".join(f"\n<<: &a{level} {{" for level in range(90))
    with pytest.raises(YamlError, match="excessive aliasing") as caught:
        read(f"{{{levels}{entries}{'}' * 91}")
    assert caught.value.line > 1


def test_many_merges_of_what_jobs_share_are_fine() -> None:
    shared = ", ".join(f"k{number}: 1" for number in range(20))
    jobs = "\n".join(f"- {{<<: *a, name: unit-{number}}}" for number in range(2000))
    document = read(f"shared: &a {{{shared}}}\njobs:\n{jobs}")
    assert isinstance(document, dict)
    assert len(document["jobs"][-1]) == 21


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(YamlError, match="nested too deeply") as caught:
        read("a: 1\nb:\n" + "- " * 100_000 + "1")
    assert caught.value.line == 3


def test_nesting_by_aliases_is_nesting() -> None:
    levels = "\n".join(f"a{level}: &a{level} {{a: *a{level - 1}}}" for level in range(1, 150))
    with pytest.raises(YamlError, match="nested too deeply") as caught:
        read(f"a0: &a0 {{b: 1}}\n{levels}")
    assert 90 < caught.value.line < 110


def test_what_stands_side_by_side_is_not_nested() -> None:
    assert isinstance(read("a: &a {b: {c: [1]}}\nl:\n" + "- [*a, [{b: *a}]]\n" * 300), dict)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"a: 1\nb: [1, 2\n", 3, "did not find expected ',' or ']'"),
        (b"a:\n\tb: 2\n", 2, "cannot start any token"),
        (b"a: 1\nb: \xff\n", 2, "invalid leading UTF-8 octet"),
        (b"a: 1\nb: !!int x\n", 2, "cannot decode `x` as a !!int"),
    ],
)
def test_an_error_names_its_line_in_one_line(text: bytes, line: int, words: str) -> None:
    with pytest.raises(YamlError, match=r"^[^\n]+$") as caught:
        load(text)
    assert caught.value.line == line
    assert words in str(caught.value)
