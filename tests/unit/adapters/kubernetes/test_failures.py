import ssl
from datetime import timedelta

import httpx
import pytest

from tests.builders import NOW
from tide.adapters.kubernetes.failures import (
    AlreadyExists,
    Expired,
    Refused,
    failure,
    translated,
    value_of,
)
from tide.domain.errors import BadAnswer, Forbidden, NotFound, RateLimited, RemoteError, Unavailable


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", BadAnswer),
        (401, "Unauthorized", Refused),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (405, "MethodNotAllowed", BadAnswer),
        (409, "AlreadyExists", AlreadyExists),
        (409, "Conflict", Unavailable),
        (410, "Gone", Expired),
        (410, "", Expired),
        (400, "Expired", Expired),
        (422, "Invalid", BadAnswer),
        (429, "TooManyRequests", RateLimited),
        (500, "InternalError", Unavailable),
        (503, "", Unavailable),
        (504, "Timeout", Unavailable),
        (302, "", BadAnswer),
    ],
)
def test_every_answer_has_its_error(code: int, reason: str, kind: type[RemoteError]) -> None:
    assert type(failure("GET x", code, {"reason": reason, "message": "said\nso"}, NOW)) is kind


def test_an_error_says_what_was_asked_and_what_the_server_said_in_one_short_line() -> None:
    error = failure("POST x", 422, {"message": "spec.job:\n invalid " + "x" * 1000}, NOW)
    assert str(error).startswith("POST x: spec.job: invalid xxx")
    assert len(str(error)) < 330
    assert str(failure("GET x", 502, None, NOW)) == "GET x: HTTP 502 Bad Gateway"


@pytest.mark.parametrize(
    ("header", "status", "seconds"),
    [
        ("7", {}, 7),
        ("", {"details": {"retryAfterSeconds": 3}}, 3),
        ("", {}, 1),
        ("soon", {}, 1),
        ("86400", {}, 60),
        ("nan", {}, 1),
        ("", {"details": {"retryAfterSeconds": []}}, 1),
    ],
)
def test_patience_is_as_long_as_was_asked_within_reason(header: str, status: object, seconds: int) -> None:
    error = failure("GET x", 429, status, NOW, header)
    assert isinstance(error, RateLimited)
    assert error.until == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (TimeoutError(), Unavailable, "no answer in time"),
        (httpx.ReadTimeout(""), Unavailable, "no answer in time"),
        (httpx.ConnectError("All connection attempts failed"), Unavailable, "cannot be reached"),
        (httpx.RemoteProtocolError("peer closed connection"), Unavailable, "broke off: peer closed"),
        (httpx.ReadError(""), Unavailable, "broke off: ReadError"),
        (ssl.SSLError(1, "wrong version number"), Unavailable, "broke off: .*wrong version number"),
        (ConnectionResetError(104, "Connection reset by peer"), Unavailable, "broke off: .*reset by peer"),
    ],
)
def test_what_a_connection_raises_is_told_as_ours(raised: Exception, kind: type[RemoteError], text: str) -> None:
    with pytest.raises(kind, match=text), translated("GET x"):
        raise raised


def test_a_refused_certificate_is_no_passing_trouble() -> None:
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_message = "self-signed certificate"
    error = httpx.ConnectError("failed")
    error.__cause__ = refused
    with pytest.raises(Refused, match="the certificate is refused: self-signed certificate"), translated("GET x"):
        raise error


def test_a_server_that_does_not_take_our_certificate_is_told_apart() -> None:
    error = httpx.ReadError("")
    error.__cause__ = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required")
    with pytest.raises(Refused, match=r"our certificate is refused: .*certificate required"), translated("GET x"):
        raise error


def test_what_is_not_json_came_garbled() -> None:
    with pytest.raises(Unavailable, match="cut short"):
        value_of("GET x", b'{"kind": "Pro')
