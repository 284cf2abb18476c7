"""What a template must not be able to do."""

import pytest

from tide.golang.template import Record, TemplateFailed, TemplateSyntaxError, parse, render

DATA = Record("Data", {"Title": "half a pair: \ud800", "Bytes": "é"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{range 1000000000}}{{end}}", "line 1: takes too many steps"),
        ("\n{{range 90000}}aaaaaaaaaaaaaaaaaaaa{{end}}", "line 2: takes too many steps"),
        ('{{define "a"}}{{template "a"}}{{end}}{{template "a"}}', "line 1: templates use each other too deeply"),
        ('{{printf "%99999999d" 1}}', "line 1: printf wants a width or precision that is too large"),
        (
            '{{define "a"}}{{.}}{{.}}{{end}}{{$x := "a"}}{{range 50}}{{$x = print $x $x}}{{end}}',
            "gives too long a text",
        ),
    ],
)
def test_what_would_never_end_or_grow_without_bounds_fails(text: str, reason: str) -> None:
    rendered = render(parse(text), DATA)
    assert isinstance(rendered, TemplateFailed)
    assert reason in rendered.reason


@pytest.mark.parametrize("text", ["{{if 1}}" * 5000, "{{" + "(" * 5000, "{{define `a`}}" * 5000])
def test_a_template_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        parse(text)


def test_half_of_a_surrogate_pair_does_no_harm() -> None:
    assert render(parse("{{len .Title}} {{.Title}} {{slice .Bytes 1}}"), DATA) == "16 half a pair: \ufffd \ufffd"


def test_what_is_refused_is_told_with_its_line() -> None:
    with pytest.raises(TemplateSyntaxError, match="function 'upper' not defined") as refused:
        parse("a\nb {{.Title}}\n{{.Title | upper}}")
    assert refused.value.line == 3
    failed = render(parse("a\nb {{.Title}}\n{{.Author}}"), DATA)
    assert failed == TemplateFailed("line 3: can't evaluate field Author in type Data")
