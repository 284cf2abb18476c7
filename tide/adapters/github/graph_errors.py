"""What the `errors` of a GraphQL answer mean.

GitHub answers 200 also when it fails; the kind of an error is in its `type` (GitHub docs: Forming calls with GraphQL,
Rate limits and query limits for the GraphQL API). Where there is data as well, the errors belong to its parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tide.domain.errors import BadAnswer, Forbidden, NotFound, RemoteError, Unavailable

RATE_LIMITED = "RATE_LIMITED"
NOT_FOUND = "NOT_FOUND"
FORBIDDEN = "FORBIDDEN"

_KINDS: Mapping[str, type[RemoteError]] = {
    NOT_FOUND: NotFound,
    FORBIDDEN: Forbidden,
    "INSUFFICIENT_SCOPES": Forbidden,
    "SERVICE_UNAVAILABLE": Unavailable,
    "INTERNAL": Unavailable,
    "TIMEOUT": Unavailable,
    "MAX_NODE_LIMIT_EXCEEDED": BadAnswer,
    "RESOURCE_LIMITS_EXCEEDED": Unavailable,
}
# "Something went wrong while executing your query" has no type: the query took too long, or a server failed.
_PASSING = "something went wrong"


@dataclass(frozen=True, slots=True)
class GraphError:
    """One error of a GraphQL answer; `path` leads to the null that it explains."""

    kind: str
    message: str
    path: tuple[str | int, ...] = ()

    def as_error(self) -> RemoteError:
        """Give the error of ours."""
        default = Unavailable if _PASSING in self.message.lower() else BadAnswer
        return _KINDS.get(self.kind, default)(f"GraphQL: {self.message}")


def errors_of(listed: object) -> tuple[GraphError, ...]:
    """Read the list of errors as GitHub sends it; whatever is not of its form is left out."""
    entries = listed if isinstance(listed, list) else []
    return tuple(_error(entry) for entry in entries if isinstance(entry, dict))


def _error(entry: Mapping[str, Any]) -> GraphError:
    # "type" stands beside the message; errors found before execution have a code in their extensions instead.
    extensions = entry.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    path = entry.get("path")
    steps = path if isinstance(path, list) else []
    return GraphError(
        kind=str(entry.get("type") or code or ""),
        message=" ".join(str(entry.get("message") or "an error without a message").split()),
        path=tuple(step for step in steps if isinstance(step, str | int)),
    )


def limit_told(body: Mapping[str, Any]) -> str:
    """Give the message of an error that speaks of a rate limit, "" when there is none."""
    for error in errors_of(body.get("errors")):
        if error.kind == RATE_LIMITED or "rate limit" in error.message.lower():
            return f"rate limit: {error.message}"
    return ""


def trouble(body: Mapping[str, Any]) -> RemoteError | None:
    """Give the error of an answer without any data, None where there is some to read."""
    data = body.get("data")
    if isinstance(data, dict) and any(value is not None for name, value in data.items() if name != "rateLimit"):
        return None
    errors = errors_of(body.get("errors"))
    if errors:
        return errors[0].as_error()
    return None if isinstance(data, dict) else BadAnswer("GraphQL: the answer has neither data nor errors")


def points_taken(body: Mapping[str, Any]) -> int:
    """Give what the query cost, 0 when the answer does not tell."""
    data = body.get("data")
    rate = data.get("rateLimit") if isinstance(data, dict) else None
    cost = rate.get("cost") if isinstance(rate, dict) else None
    return cost if isinstance(cost, int) else 0
