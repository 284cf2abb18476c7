"""Endpoints of issues and of what pull requests share with them: labels, comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tide.sandbox.model import PullRequest
from tide.sandbox.rest.call import Answer, Body, Call, RestError, not_found
from tide.sandbox.rest.shapes_pulls import comment, issue, issue_of_pull
from tide.sandbox.rest.shapes_repositories import label
from tide.sandbox.rest.texts import check_comment, check_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tide.sandbox.model import Comment, Issue


class NamedLabel(Body):
    """A label given as an object."""

    name: str


class IssueBody(Body):
    """Body of ``POST /issues``."""

    title: str | int
    body: str | None = None
    labels: tuple[str | NamedLabel, ...] = ()


class IssuePatch(Body):
    """Body of ``PATCH /issues/{number}``."""

    title: str | None = None
    body: str | None = None
    state: Literal["open", "closed"] | None = None
    state_reason: Literal["completed", "not_planned", "reopened"] | None = None
    labels: tuple[str | NamedLabel, ...] | None = None


class LabelsBody(Body):
    """Body of ``POST /issues/{number}/labels``; GitHub also takes the bare list."""

    labels: tuple[str | NamedLabel, ...] = ()


class CommentBody(Body):
    """Body of comments."""

    body: str


def _comment_body(call: Call) -> str:
    body = call.body(CommentBody).body
    check_comment(body)
    return body


def _show(call: Call, found: Issue) -> dict[str, Any]:
    if isinstance(found, PullRequest):
        return issue_of_pull(call.base, call.forge, call.repository, found)
    return issue(call.base, call.forge, call.repository, found)


def _names(labels: Iterable[str | NamedLabel]) -> list[str]:
    return [one if isinstance(one, str) else one.name for one in labels]


async def create_issue(call: Call) -> Answer:
    """``POST /issues``."""
    body = call.body(IssueBody)
    check_texts(str(body.title), body.body)
    made = call.forge.open_issue(
        call.repository, title=str(body.title), body=body.body, author=call.login, labels=_names(body.labels)
    )
    return Answer(_show(call, made), 201)


async def get_issue(call: Call) -> Answer:
    """``GET /issues/{number}``."""
    return Answer(_show(call, call.issue))


async def patch_issue(call: Call) -> Answer:
    """``PATCH /issues/{number}``; it serves pull requests too."""
    body, found, repository = call.body(IssuePatch), call.issue, call.repository
    check_texts(body.title, body.body)
    call.forge.edit_issue(repository, found, title=body.title, body=body.body, actor=call.login)
    if body.labels is not None:
        _replace_labels(call, found, _names(body.labels))
    if body.state is not None:
        _set_state(call, found, body.state, body.state_reason)
    return Answer(_show(call, found))


def _set_state(call: Call, found: Issue, state: Literal["open", "closed"], reason: str | None) -> None:
    if not isinstance(found, PullRequest):
        call.forge.set_issue_state(call.repository, found, state, reason=reason, actor=call.login)
    elif state == "closed":
        call.forge.close_pull(call.repository, found, call.login)
    else:
        call.forge.reopen_pull(call.repository, found, call.login)


def _labels(call: Call, found: Issue) -> list[dict[str, Any]]:
    ensure = call.forge.ensure_label
    return [label(call.base, call.repository, ensure(call.repository, name)) for name in found.labels]


async def list_labels(call: Call) -> Answer:
    """``GET /issues/{number}/labels``."""
    return call.page(_labels(call, call.issue), lambda shown: shown)


async def add_labels(call: Call) -> Answer:
    """``POST /issues/{number}/labels``: labels that are new to the repository are made."""
    for name in _names(_labels_body(call)):
        call.forge.add_label(call.repository, call.issue, name, call.login)
    return Answer(_labels(call, call.issue))


def _labels_body(call: Call) -> tuple[str | NamedLabel, ...]:
    if call.raw.lstrip().startswith(b"["):
        wrapped = b'{"labels":' + call.raw + b"}"
        return Call(call.request, call.forge, call.caller, call.limits, wrapped).body(LabelsBody).labels
    return call.body(LabelsBody).labels


def _replace_labels(call: Call, found: Issue, names: list[str]) -> None:
    kept = {name.lower() for name in names}
    for name in [name for name in found.labels if name.lower() not in kept]:
        call.forge.remove_label(call.repository, found, name, call.login)
    for name in names:
        call.forge.add_label(call.repository, found, name, call.login)


async def remove_label(call: Call) -> Answer:
    """``DELETE /issues/{number}/labels/{name}``: the labels that are left."""
    if not call.forge.remove_label(call.repository, call.issue, call.path("name"), call.login):
        raise RestError(404, "Label does not exist")
    return Answer(_labels(call, call.issue))


async def list_comments(call: Call) -> Answer:
    """``GET /issues/{number}/comments``: oldest first."""
    found = call.issue
    return call.page(found.comments, lambda one: comment(call.base, call.forge, call.repository, found, one))


async def create_comment(call: Call) -> Answer:
    """``POST /issues/{number}/comments``."""
    found = call.issue
    made = call.forge.comment(call.repository, found, _comment_body(call), call.login)
    return Answer(comment(call.base, call.forge, call.repository, found, made), 201)


def _comment(call: Call) -> tuple[Issue, Comment]:
    wanted = call.path("comment")
    for found in (*call.repository.issues.values(), *call.repository.pulls.values()):
        for one in found.comments:
            if str(one.id) == wanted:
                return found, one
    raise not_found()


async def edit_comment(call: Call) -> Answer:
    """``PATCH /issues/comments/{comment}``."""
    found, one = _comment(call)
    call.forge.edit_comment(call.repository, found, one, _comment_body(call), call.login)
    return Answer(comment(call.base, call.forge, call.repository, found, one))


async def delete_comment(call: Call) -> Answer:
    """``DELETE /issues/comments/{comment}``."""
    found, one = _comment(call)
    call.forge.delete_comment(call.repository, found, one, call.login)
    return Answer(None, 204)
