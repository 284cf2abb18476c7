"""What goes wrong between us and an API server, as errors of ours: the one table of this adapter.

Kubernetes docs: "Kubernetes API Concepts"; the reasons are those of apimachinery, `meta/v1/types.go`.
"""

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx

from tide.domain.errors import (
    BadAnswer,
    Forbidden,
    NotFound,
    Permanent,
    RateLimited,
    RemoteError,
    Unauthorized,
    Unavailable,
)

_LONGEST_MESSAGE = 300
# What a server says that does not take our certificate, or misses one (RFC 8446, 6.2), in OpenSSL's words.
_ALERTS = (
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_CERTIFICATE_",  # revoked, expired, unknown, required
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
    "ALERT_DECRYPT_ERROR",
    "ALERT_HANDSHAKE_FAILURE",  # so TLS 1.2 says that a certificate is missing
)
_SHORTEST_PATIENCE, _LONGEST_PATIENCE = 1, 60  # seconds; whatever a server asks for stays between


class Expired(Unavailable):
    """The resource version or the page is too old to go on from: list again."""


class Refused(Unauthorized):
    """Our credentials are not taken, or the server's certificate cannot be verified."""


class AlreadyExists(Permanent):
    """The name is taken."""


_ERRORS: Mapping[int, type[RemoteError]] = {
    HTTPStatus.BAD_REQUEST: BadAnswer,
    HTTPStatus.UNAUTHORIZED: Refused,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    HTTPStatus.CONFLICT: Unavailable,  # such as two who count against one quota at once
    HTTPStatus.GONE: Expired,
    HTTPStatus.UNPROCESSABLE_ENTITY: BadAnswer,
}
_ERRORS_BY_REASON: Mapping[str, type[RemoteError]] = {
    "AlreadyExists": AlreadyExists,
    "Expired": Expired,
    "Gone": Expired,
}


def failure(asked: str, code: int, status: object, now: datetime, retry_after: str = "") -> RemoteError:
    """Give the error that an answer stands for.

    Args:
        asked: the request, in words.
        code: the HTTP status.
        status: the `Status` object that tells more, or anything else that came.
        now: the present, to which `retry_after` refers.
        retry_after: the header of that name, in seconds.
    """
    told = status if isinstance(status, Mapping) else {}
    message = f"{asked}: {_message(told, code)}"
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(message, now + timedelta(seconds=_patience(told, retry_after)))
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(message)
    kind = _ERRORS_BY_REASON.get(str(told.get("reason")), _ERRORS.get(code, BadAnswer))
    return kind(message)


@contextmanager
def translated(asked: str) -> Iterator[None]:
    """Turn what a request raises while the block runs into an error of ours."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException) as error:
        raise Unavailable(f"{asked}: no answer in time") from error
    except httpx.HTTPError as error:
        raise _broken(asked, error) from error
    except OSError as error:
        # TLS alerts that come after the handshake: so a certificate of ours is refused (RFC 8446, 4.4.2.4).
        raise _broken(asked, error) from error


def is_refusal(error: BaseException) -> bool:
    """Tell whether one side did not take the certificate of the other."""
    found = _tls_error(error)
    if found is None or isinstance(found, ssl.SSLCertVerificationError):
        return found is not None
    return any(told in str(found) for told in _ALERTS)


def value_of(asked: str, content: bytes | str) -> Any:
    """Read JSON; raise Unavailable when it is none, as what was sent came garbled or from somebody in between."""
    try:
        return json.loads(content)
    except ValueError:
        raise Unavailable(f"{asked}: the answer was cut short or is not JSON") from None


def _broken(asked: str, error: httpx.HTTPError | OSError) -> RemoteError:
    found = _tls_error(error)
    if isinstance(found, ssl.SSLCertVerificationError):
        return Refused(f"{asked}: the certificate is refused: {_one_line(found.verify_message)}")
    if found is not None and is_refusal(error):
        return Refused(f"{asked}: our certificate is refused: {_one_line(str(found))}")
    what = "cannot be reached" if isinstance(error, httpx.ConnectError) else "the connection broke off"
    return Unavailable(f"{asked}: {what}: {_one_line(str(error) or type(error).__name__)}")


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _message(status: Mapping[str, Any], code: int) -> str:
    said = status.get("message")
    if isinstance(said, str) and said:
        return _one_line(said)
    try:
        return f"HTTP {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"HTTP {code}"


def _patience(status: Mapping[str, Any], retry_after: str) -> int:
    details = status.get("details")
    told = retry_after or str(details.get("retryAfterSeconds") if isinstance(details, Mapping) else "")
    seconds = int(told) if told.isascii() and told.isdigit() and len(told) < len("1000000") else 0
    return min(max(seconds, _SHORTEST_PATIENCE), _LONGEST_PATIENCE)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_MESSAGE]
