"""Faults in the words of a Kubernetes API server."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import Response

from tide.sandbox.kubernetes.call import TRUE

if TYPE_CHECKING:
    from starlette.types import Scope

    from tide.sandbox.faults import Fault
    from tide.sandbox.kubernetes.resources import JsonObject

_PATHS = re.compile(r"/(?:api(?:/v1(?:/.*)?)?|apis(?:/.*)?)")
_TOO_MANY = "the server has received too many requests and has asked us to try again later"
_REFUSALS = {
    401: ("Unauthorized", "Unauthorized"),
    403: ("Forbidden", "the request is forbidden"),
    404: ("NotFound", "the server could not find the requested resource"),
    409: ("Conflict", "the server reported a conflict"),
    410: ("Expired", "The resourceVersion for the provided list is too old."),
    429: ("TooManyRequests", _TOO_MANY),
    500: ("InternalError", "Internal error occurred: etcdserver: request timed out"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}
"""By code: reason and message (apimachinery: pkg/api/errors/errors.go)."""


def concerns_kubernetes(path: str) -> bool:
    """Whether a path is the API server's."""
    return _PATHS.fullmatch(path) is not None


def is_watch(scope: Scope) -> bool:
    """Whether a request wants an answer that does not end by itself."""
    wanted = parse_qs(scope["query_string"].decode("latin-1")).get("watch", [""])
    return concerns_kubernetes(scope["path"]) and wanted[-1] in TRUE


def refusal(fault: Fault) -> Response:
    """Return the answer of a fault.

    - ``status``: its body, or a ``Status`` of that code; a code that only proxies send (502) comes as plain text.
    - ``rate_limit``: 429 as a ``Status``, ``Retry-After`` where the fault names it.
    - ``secondary_rate_limit``: 429 in plain text (apiserver: pkg/server/filters/maxinflight.go tooManyRequests).
    """
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.kind == "secondary_rate_limit":
        return _plain("Too many requests, please try again later.\n", 429, headers)
    code = 429 if fault.kind == "rate_limit" else fault.status
    if isinstance(fault.body, str) or (fault.body is None and code not in _REFUSALS):
        return _plain(fault.body or "", code, headers)
    body = json.dumps(fault.body or _status(code, fault.retry_after))
    return Response(body, code, {"Content-Type": "application/json", **headers})


def _plain(text: str, code: int, headers: dict[str, str]) -> Response:
    return Response(text, code, {"Content-Type": "text/plain; charset=utf-8", **headers})


def _status(code: int, retry_after: int | None) -> JsonObject:
    reason, message = _REFUSALS[code]
    told = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    details = {"details": {"retryAfterSeconds": retry_after}} if retry_after is not None else {}
    return {**told, "reason": reason, **details, "code": code}
