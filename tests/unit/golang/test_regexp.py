import pytest

from tide.golang.regexp import compile_pattern, matches


@pytest.mark.parametrize(
    ("pattern", "subject", "found"),
    [
        pytest.param("main", "main-2", True, id="a search is not anchored"),
        pytest.param("^main$", "main\n", False, id="the dollar does not match before a final newline"),
        pytest.param(r"^\d+$", "\u0663", False, id="digits are ASCII"),
        pytest.param(r"\bok\b", "\u00e9ok", True, id="word characters are ASCII"),
        pytest.param(r"(?m)^/test( | .* )unit,?($|\s.*)", "please\n/test unit", True, id="Prow's default trigger"),
        pytest.param(r"((?m)^/a$)|((?m)^/b$)", "x\n/b\ny", True, id="flags inside of a group"),
        pytest.param(r"^*/(.*.go|Makefile)", "cmd/x.go", True, id="a repeated empty-width assertion"),
        pytest.param(r"\pL\z", "1\u00e9", True, id="Unicode classes and the end of the text"),
        pytest.param(r"\Q(?P<a>\C\E", r"(?P<a>\C", True, id="quoted text"),
        pytest.param(r"[(?P<a>](?P<a>x)", "<x", True, id="a class that looks like a group"),
        pytest.param(r"^.$", "\udcff", True, id="a byte that is not UTF-8 is one character"),
        pytest.param("", "", True, id="nothing is found everywhere"),
    ],
)
def test_expressions_mean_what_they_mean_in_go(pattern: str, subject: str, found: bool) -> None:  # noqa: FBT001 - a table
    assert matches(pattern, subject) is found


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "missing )"),
        ("(?=a)", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        (r"a\C", r"\C"),
        (r"(?P<a>x)(?P<a>y)", "duplicate capture group name: a"),
        ("(?P<\u00e9>x)", "invalid named capture"),
        ("x{1001}", "invalid repetition size"),
        ("\ud800", "invalid UTF-8"),
        ("a\n(", r"a\n("),
    ],
)
def test_what_go_refuses_is_refused_in_one_line(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        compile_pattern(pattern)
    assert words in str(caught.value)


def test_matching_takes_linear_time() -> None:
    assert not matches("(a+)+$", "a" * 5000 + "b")


def test_a_pattern_is_compiled_once() -> None:
    assert compile_pattern("once|only") is compile_pattern("once|only")
