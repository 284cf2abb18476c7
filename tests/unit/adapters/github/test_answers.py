import json
from collections.abc import Mapping

import pytest

from tide.adapters.github.answers import Answer, failure, path
from tide.domain.errors import BadAnswer, Forbidden, NotFound, RemoteError, Unauthorized, Unavailable


def answer(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer("GET x", status, headers or {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadAnswer),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (408, Unavailable),
        (410, NotFound),
        (422, BadAnswer),
        (451, NotFound),
        (500, Unavailable),
        (503, Unavailable),
        (599, Unavailable),
        (307, BadAnswer),
    ],
)
def test_a_status_has_its_error(status: int, kind: type[RemoteError]) -> None:
    assert type(failure(answer(status))) is kind


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_no_failure(status: int) -> None:
    assert failure(answer(status)) is None


def test_a_message_has_the_details_of_a_validation() -> None:
    body = {"message": "Validation Failed", "errors": [{"message": "No commit found"}, "and more", {"code": "x"}, 7]}
    assert answer(422, body).message == "Validation Failed: No commit found: and more"


def test_a_message_is_one_line_of_bounded_length() -> None:
    message = answer(500, {"message": "oh\n" * 1000}).message
    assert "\n" not in message
    assert len(message) == 300


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff", b'{"message": 7}'])
def test_an_answer_without_words_gives_its_status(body: bytes) -> None:
    assert Answer("GET x", 502, {}, body).message == "HTTP 502 Bad Gateway"


def test_an_unheard_of_status_is_told() -> None:
    assert answer(599).message == "HTTP 599"


def test_a_path_quotes_its_parts() -> None:
    assert path("repos", "a/b", "c d", "heads", "x/y#z") == "/repos/a%2Fb/c%20d/heads/x/y%23z"


@pytest.mark.parametrize("part", ["", ".", "..", "a/../b"])
def test_a_path_has_no_part_that_a_client_would_resolve(part: str) -> None:
    with pytest.raises(NotFound):
        path("repos", part)
