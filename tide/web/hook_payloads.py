"""Webhook payloads as hints of where to look; nothing else in them is believed.

The shapes are those of GitHub's docs, "Webhook events and payloads". A payload of another shape hints at nothing.
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from tide.domain.keys import HeadKey, Hint, PoolKey, PullKey, RepoKey
from tide.policy.contexts import TIDE_CONTEXT
from tide.policy.labels import folded

_BRANCHES = "refs/heads/"

_FullName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")]
_Sha = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
_Ref = Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f]{1,1000}$")]
_Number = Annotated[int, Field(ge=1, lt=2**31)]


def hint_of(event: str, payload: dict[str, Any], blocker_label: str) -> Hint | None:
    """Say where an event asks to look, None where there is nothing to see.

    Args:
        event: its name (`X-GitHub-Event`).
        payload: what came with it.
        blocker_label: the label of issues that block merging, "" when the feature is off.
    """
    shape = _SHAPES.get(event)
    if shape is None:
        return None
    try:
        told = shape.model_validate(payload)
    except ValidationError:
        return None
    if isinstance(told, _IssueEvent) and not told.speaks_of(blocker_label):
        return None
    # Our own status says nothing new, and every one of them would ask for another look.
    if isinstance(told, _StatusEvent) and told.context == TIDE_CONTEXT:
        return None
    return told.hint


def place_of(payload: dict[str, Any]) -> str:
    """Give the `org/repo` that a payload speaks of, or the organisation; "" when it speaks of neither."""
    try:
        about = _Place.model_validate(payload)
    except ValidationError:
        return ""
    if about.repository is not None:
        return about.repository.full_name
    return about.organization.login if about.organization is not None else ""


class _Repository(BaseModel):
    full_name: _FullName

    @property
    def key(self) -> RepoKey:
        return RepoKey.parse(self.full_name)


class _Organization(BaseModel):
    login: str


class _Place(BaseModel):
    repository: _Repository | None = None
    organization: _Organization | None = None


class _Numbered(BaseModel):
    number: _Number


class _OfHead(BaseModel):
    head_sha: _Sha


class _Label(BaseModel):
    name: str


class _Issue(BaseModel):
    labels: list[_Label] = []


class _Event(BaseModel):
    repository: _Repository

    @property
    def hint(self) -> Hint | None:
        return self.repository.key

    def _head(self, sha: str) -> HeadKey:
        repo = self.repository.key
        return HeadKey(repo.org, repo.name, sha)


class _PullEvent(_Event):
    pull_request: _Numbered

    @property
    def hint(self) -> Hint:
        repo = self.repository.key
        return PullKey(repo.org, repo.name, self.pull_request.number)


class _StatusEvent(_Event):
    sha: _Sha
    context: str = ""

    @property
    def hint(self) -> Hint:
        return self._head(self.sha)


class _CheckRunEvent(_Event):
    check_run: _OfHead

    @property
    def hint(self) -> Hint:
        return self._head(self.check_run.head_sha)


class _CheckSuiteEvent(_Event):
    check_suite: _OfHead

    @property
    def hint(self) -> Hint:
        return self._head(self.check_suite.head_sha)


class _PushEvent(_Event):
    ref: _Ref

    @property
    def hint(self) -> Hint | None:
        repo, branch = self.repository.key, self.ref.removeprefix(_BRANCHES)
        is_branch = self.ref.startswith(_BRANCHES) and bool(branch)
        return PoolKey(repo.org, repo.name, branch) if is_branch else None


class _IssueEvent(_Event):
    issue: _Issue
    label: _Label | None = None

    def speaks_of(self, label: str) -> bool:
        """Tell whether a label is on the issue, or has just been put on it or taken off."""
        named = (*self.issue.labels, *((self.label,) if self.label else ()))
        return bool(label and folded((label,)) & folded(tuple(one.name for one in named)))


_SHAPES: dict[str, type[_Event]] = {
    # Rules that change are no update of the pull requests that they are about.
    "branch_protection_configuration": _Event,
    "branch_protection_rule": _Event,
    "repository_ruleset": _Event,
    "check_run": _CheckRunEvent,
    "check_suite": _CheckSuiteEvent,
    "issues": _IssueEvent,
    "pull_request": _PullEvent,
    "pull_request_review": _PullEvent,
    # Rules may ask that conversations are resolved.
    "pull_request_review_thread": _PullEvent,
    "push": _PushEvent,
    "status": _StatusEvent,
}
