"""Choosing between a page and JSON, and telling errors in the form that was asked for."""

from collections.abc import Iterator

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_JSON = frozenset({"application/json"})


def prefers_html(accept: str) -> bool:
    """Tell whether an Accept header names HTML, and no less than JSON.

    Wildcards name nothing: a program that sends `*/*`, or no header as Prow's Deck does, gets JSON.
    """
    weights = dict(_weights(accept))
    html = max((weights.get(kind, 0.0) for kind in _HTML), default=0.0)
    return html > 0 and html >= max(weights.get(kind, 0.0) for kind in _JSON)


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    for item in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in item.split(";"))
        yield kind, _weight(parameters)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
