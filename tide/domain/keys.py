"""Names of repositories, pools and pull requests, as people and Prow write them."""

import re
from dataclasses import dataclass
from typing import TypeAlias

from tide.domain.names import folded

_PULL = re.compile(r"(?P<org>[^/#:\s]+)/(?P<repo>[^/#:\s]+)#(?P<number>[1-9][0-9]{0,9})")
_NAME = r"[^/#:\s]+"
# At the code host, or on our own page; as browsers show it, with or without the scheme and what follows.
_PULL_ADDRESS = re.compile(
    rf"(?:https?://)?[^/\s]+/(?:(?P<org>{_NAME})/(?P<repo>{_NAME})/pull|pull/(?P<our_org>{_NAME})/(?P<our_repo>{_NAME}))"
    r"/(?P<number>[1-9][0-9]{0,9})(?:[/?#]\S*)?"
)
_POOL = re.compile(r"(?P<org>[^/#:\s]+)/(?P<repo>[^/#:\s]+):(?P<branch>\S+)")


@dataclass(frozen=True, slots=True, order=True)
class RepoKey:
    """A repository: `org/repo`."""

    org: str
    name: str

    def __str__(self) -> str:
        return f"{self.org}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "RepoKey":
        """Read `org/repo`; raise ValueError when there are not exactly two non-empty parts."""
        org, slash, name = text.partition("/")
        if not (org and slash and name) or "/" in name:
            raise ValueError(f"{text!r} is not of the form org/repo")
        return cls(org, name)


@dataclass(frozen=True, slots=True, order=True)
class PoolKey:
    """A pool: `org/repo:branch`."""

    org: str
    repo: str
    branch: str

    def __str__(self) -> str:
        return f"{self.org}/{self.repo}:{self.branch}"

    @property
    def repository(self) -> RepoKey:
        """The repository that the branch is in."""
        return RepoKey(self.org, self.repo)

    @property
    def folded(self) -> "PoolKey":
        """The same in the form in which keys are compared: the case of the names does not count, a branch's does."""
        return PoolKey(folded(self.org), folded(self.repo), self.branch)

    @classmethod
    def parse(cls, text: str) -> "PoolKey":
        """Read `org/repo:branch`; raise ValueError when it is not of that form."""
        match = _POOL.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not of the form org/repo:branch")
        return cls(match["org"], match["repo"], match["branch"])


@dataclass(frozen=True, slots=True, order=True)
class PullKey:
    """A pull request: `org/repo#number`."""

    org: str
    repo: str
    number: int

    def __str__(self) -> str:
        return f"{self.org}/{self.repo}#{self.number}"

    @property
    def repository(self) -> RepoKey:
        """The repository that the pull request is in."""
        return RepoKey(self.org, self.repo)

    @property
    def folded(self) -> "PullKey":
        """The same in the form in which keys are compared: the case of the names does not count."""
        return PullKey(folded(self.org), folded(self.repo), self.number)

    @classmethod
    def parse(cls, text: str) -> "PullKey":
        """Read `org/repo#number`; raise ValueError when it is not of that form."""
        match = _PULL.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not of the form org/repo#number")
        return cls(match["org"], match["repo"], int(match["number"]))

    @classmethod
    def named(cls, text: str) -> "PullKey":
        """Read what people name one by: `org/repo#number`, or its address; raise ValueError when it is neither."""
        match = _PULL_ADDRESS.fullmatch(text)
        if not match:
            return cls.parse(text)
        return cls(match["org"] or match["our_org"], match["repo"] or match["our_repo"], int(match["number"]))


@dataclass(frozen=True, slots=True, order=True)
class HeadKey:
    """A commit that may be the head of pull requests, by its full SHA."""

    org: str
    repo: str
    sha: str

    def __str__(self) -> str:
        return f"{self.org}/{self.repo}@{self.sha}"

    @property
    def repository(self) -> RepoKey:
        """The repository whose pull requests may have it."""
        return RepoKey(self.org, self.repo)


Hint: TypeAlias = RepoKey | PoolKey | PullKey | HeadKey
"""What the outside names when it says that something has changed: where to look, never what is there."""
