"""What the API server refuses, in the real one's words.

The wording follows k8s.io/apimachinery ``pkg/api/errors/errors.go``, where no other file is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tide.sandbox.kubernetes.resources import JsonObject, Resource

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


class ApiProblem(Exception):  # noqa: N818 - Kubernetes calls it a Status; each subclass is a reason
    """A refusal: answered as a ``Status`` object.

    Args:
        message: the whole message.
        details: what it is about, as ``Status.details``.
    """

    code: int = HTTPStatus.INTERNAL_SERVER_ERROR
    reason: str = "InternalError"

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.details = details

    @property
    def status(self) -> JsonObject:
        """The ``Status`` object that tells it."""
        told: JsonObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
        }
        if self.details:
            told["details"] = dict(self.details)
        return told | {"code": int(self.code)}


class BadRequest(ApiProblem):
    """The request makes no sense."""

    code = HTTPStatus.BAD_REQUEST
    reason = "BadRequest"


class Unauthorized(ApiProblem):
    """Nobody known is asking."""

    code = HTTPStatus.UNAUTHORIZED
    reason = "Unauthorized"


class Forbidden(ApiProblem):
    """Who is asking may not do that."""

    code = HTTPStatus.FORBIDDEN
    reason = "Forbidden"


class NotFound(ApiProblem):
    """There is no such object."""

    code = HTTPStatus.NOT_FOUND
    reason = "NotFound"


class UnknownPath(ApiProblem):
    """Nothing is served at the path; told in plain text, as a real server does."""

    code = HTTPStatus.NOT_FOUND
    reason = "NotFound"

    def __init__(self) -> None:
        super().__init__("404 page not found")


class MethodNotAllowed(ApiProblem):
    """The path is known, the method is none of its."""

    code = HTTPStatus.METHOD_NOT_ALLOWED
    reason = "MethodNotAllowed"


class AlreadyExists(ApiProblem):
    """The name is taken."""

    code = HTTPStatus.CONFLICT
    reason = "AlreadyExists"


class Conflict(ApiProblem):
    """The object is another than the caller thinks."""

    code = HTTPStatus.CONFLICT
    reason = "Conflict"


class Expired(ApiProblem):
    """The resource version or the list is too old to go on from."""

    code = HTTPStatus.GONE
    reason = "Expired"


class UnsupportedMediaType(ApiProblem):
    """The body is of a type that is not understood."""

    code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    reason = "UnsupportedMediaType"


class Invalid(ApiProblem):
    """The object breaks a rule of its kind."""

    code = HTTPStatus.UNPROCESSABLE_ENTITY
    reason = "Invalid"


@dataclass(frozen=True)
class Cause:
    """One rule that one field breaks (apimachinery: pkg/util/validation/field/errors.go).

    Args:
        field: its path, such as ``metadata.labels``.
        reason: such as ``FieldValueInvalid``.
        message: what is wrong, without the field.
    """

    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"

    @property
    def told(self) -> JsonObject:
        """Return it as an item of ``Status.details.causes``."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def _about(resource: Resource, name: str) -> JsonObject:
    details: JsonObject = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    return details | {"kind": resource.plural}


def not_found(resource: Resource, name: str) -> NotFound:
    """There is no object of that name."""
    return NotFound(f'{resource.qualified} "{name}" not found', _about(resource, name))


def already_exists(resource: Resource, name: str) -> AlreadyExists:
    """There is an object of that name."""
    return AlreadyExists(f'{resource.qualified} "{name}" already exists', _about(resource, name))


def conflict(resource: Resource, name: str, why: str = MODIFIED) -> Conflict:
    """The object is not as the caller read it."""
    return Conflict(f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}', _about(resource, name))


def forbidden(resource: Resource, name: str, why: str) -> Forbidden:
    """Say why an object may not be touched; the name is empty where many are meant."""
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    return Forbidden(f"{subject} is forbidden: {why}", _about(resource, name))


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> Invalid:
    """Say which fields of an object break the rules (aggregated as apimachinery's ErrorList.ToAggregate does)."""
    told = [str(cause) for cause in dict.fromkeys(causes)]
    message = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    details: JsonObject = {"name": name}
    if resource.group:
        details["group"] = resource.group
    details |= {"kind": resource.kind, "causes": [cause.told for cause in causes]}
    return Invalid(f'{resource.qualified_kind} "{name}" is invalid: {message}', details)


def too_old(asked: int, oldest: int) -> Expired:
    """A watch from before the history (apiserver: pkg/storage/cacher/watch_cache.go)."""
    return Expired(f"too old resource version: {asked} ({oldest})")


def continue_expired() -> Expired:
    """A list cannot be gone on with as it was (apiserver: pkg/storage/etcd3/errors.go)."""
    return Expired("The provided continue parameter is too old to display a consistent list result.")
