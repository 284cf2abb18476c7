from typing import Any

import pytest

from tide.adapters.github.graph_errors import errors_of, limit_told, points_taken, trouble
from tide.domain.errors import BadAnswer, Forbidden, NotFound, RemoteError, Unavailable


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "NOT_FOUND", "message": "no such thing"}, NotFound),
        ({"type": "FORBIDDEN", "message": "SAML"}, Forbidden),
        ({"type": "INSUFFICIENT_SCOPES", "message": "scopes"}, Forbidden),
        ({"message": "Something went wrong while executing your query."}, Unavailable),
        ({"message": "Field x doesn't exist", "extensions": {"code": "undefinedField"}}, BadAnswer),
        ({"message": "?"}, BadAnswer),
        ({}, BadAnswer),
    ],
)
@pytest.mark.parametrize("data", [None, {"search": None, "rateLimit": {"cost": 1}}])
def test_an_answer_without_data_is_an_error(error: dict[str, Any], kind: type[RemoteError], data: object) -> None:
    assert type(trouble({"data": data, "errors": [error]})) is kind


def test_partial_data_is_kept() -> None:
    assert trouble({"data": {"nodes": [None]}, "errors": [{"type": "NOT_FOUND", "path": ["nodes", 0]}]}) is None


def test_an_answer_with_neither_is_bad() -> None:
    assert isinstance(trouble({}), BadAnswer)


def test_a_limit_is_told_by_its_type_or_its_words() -> None:
    assert limit_told({"errors": [{"type": "RATE_LIMITED", "message": "exceeded"}]})
    assert limit_told({"errors": [{"message": "You have exceeded a secondary rate limit"}]})
    assert not limit_told({"errors": [{"type": "NOT_FOUND", "message": "no"}]})


@pytest.mark.parametrize("listed", [None, "x", [None, 7], {}])
def test_errors_of_another_form_are_none(listed: object) -> None:
    assert errors_of(listed) == ()


@pytest.mark.parametrize(
    ("body", "points"),
    [
        ({"data": {"rateLimit": {"cost": 3}}}, 3),
        ({"data": {"rateLimit": None}}, 0),
        ({"data": None}, 0),
        ({}, 0),
    ],
)
def test_points_are_read_where_they_are_told(body: dict[str, Any], points: int) -> None:
    assert points_taken(body) == points
