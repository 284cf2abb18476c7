"""GitHub's GraphQL errors: their types, their texts, and the shape in which they are answered.

GitHub answers nearly all of them with HTTP 200 and ``errors``; where a part could be answered there is ``data`` beside.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphql.language import Node

UNDEFINED_FIELD = re.compile(r"Cannot query field '(?P<fieldName>\w+)' on type '(?P<typeName>\w+)'")


class GithubError(GraphQLError):
    """An error with GitHub's ``type``, such as ``NOT_FOUND``."""

    def __init__(
        self, kind: str | None, message: str, *, nodes: Sequence[Node] = (), path: Sequence[str | int] | None = None
    ) -> None:
        super().__init__(message, nodes=list(nodes) or None, path=list(path) if path else None)
        self.kind = kind


def not_found(message: str) -> GithubError:
    """Return the error for something that does not exist, or that the token may not see."""
    return GithubError("NOT_FOUND", message)


def rate_limited(account_id: int) -> dict[str, Any]:
    """Return the error of a token without points (github/docs#22607)."""
    return {"type": "RATE_LIMITED", "message": f"API rate limit exceeded for user ID {account_id}."}


def something_went_wrong(request_id: str) -> GithubError:
    """Return what GitHub says when it gives up on a part of a query (octokit/graphql.js#261)."""
    return GithubError(
        None,
        "Something went wrong while executing your query. This may be the result of a timeout, or it could be a "
        f"GitHub bug. Please include `{request_id}` when reporting this issue.",
    )


def as_json(error: GraphQLError) -> dict[str, Any]:
    """Return an error as GitHub writes it: ``type``, ``path``, ``locations``, ``message``, each where it applies."""
    source = error.original_error if isinstance(error.original_error, GithubError) else error
    written: dict[str, Any] = {}
    if isinstance(source, GithubError) and source.kind is not None:
        written["type"] = source.kind
    if error.path:
        written["path"] = error.path
    if error.locations:
        written["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    written["message"] = error.message
    if undefined := UNDEFINED_FIELD.match(error.message):
        names = undefined.groupdict()
        written["extensions"] = {"code": "undefinedField", **names}
        written["message"] = f"Field '{names['fieldName']}' doesn't exist on type '{names['typeName']}'"
    return written
