import pytest

from tide.web.negotiation import prefers_html


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "TEXT/HTML; q=0.4",
        "application/json;q=0.5, text/html",
    ],
)
def test_who_names_html_gets_a_page(accept: str) -> None:
    assert prefers_html(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/json, text/html;q=0.5",
        "text/html;q=0",
        "text/html;q=x",
        "text/plain",
        ";;,",
    ],
)
def test_everybody_else_gets_json(accept: str) -> None:
    assert not prefers_html(accept)
