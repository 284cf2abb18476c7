"""The system that holds the pull requests and merges them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tide.domain.actions import Target
from tide.domain.branch_rules import BranchRules
from tide.domain.errors import BadAnswer
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.outcomes import MergeAnswer
from tide.domain.pulls import Blocker, ContextState, Pull, RepoSettings
from tide.policy.commit_text import HOSTS_TEXT, CommitText


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search.

    `complete` is False when there was more than could be read (an error half-way): what is missing from a partial
    answer must not be taken for gone. `error` then says how many they are, and why.
    """

    pulls: tuple[Pull, ...]
    complete: bool = True
    error: str = ""


class PartlyRead(BadAnswer):
    """Some of several pull requests could not be read.

    `found` are the others, None for those that do not exist; `lost` says why the rest could not be read.
    """

    def __init__(self, found: Mapping[PullKey, Pull | None], lost: Mapping[PullKey, str]) -> None:
        (first, why), *more = lost.items()
        super().__init__(f"{first}: {why}{f' (and {len(more)} more)' if more else ''}")
        self.found, self.lost = found, lost


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its tree and its parents' SHAs."""

    sha: str
    tree: str
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BlockerIssue:
    """An open issue with the blocker label, and the repository that it is in."""

    repo: RepoKey
    blocker: Blocker


@dataclass(frozen=True, slots=True)
class Searches:
    """What to search for along with a look, "" for nothing: the pull requests that changed, the issues that block."""

    changes: str = ""
    blockers: str = ""


NO_SEARCHES = Searches()


@dataclass(frozen=True, slots=True)
class Followed:
    """What a look at known pull requests gave.

    `pulls` are as they are now, None for one that does not exist; `lost` says why the others could not be read.
    `branch_heads` are where the branches that they are to be merged into were seen to be, as far as that came along.

    What was searched for along with it is None where not all of it was had: `blockers` are the issues that block
    merging; the pull requests that have changed are in `pulls` when they were read for it, else in `changed`, by the
    moment when they were read before.
    """

    pulls: Mapping[PullKey, Pull | None]
    lost: Mapping[PullKey, str]
    blockers: tuple[BlockerIssue, ...] | None = None
    changed: Mapping[datetime, Sequence[Pull]] | None = None
    branch_heads: Mapping[PoolKey, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatusPost:
    """A commit status to set: at most 140 characters of `description`."""

    context: str
    state: ContextState
    description: str
    target_url: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a pull request; `is_ours` tells that it was written under the name that we act under."""

    id: int
    body: str
    is_ours: bool


class CodeHost(Protocol):
    """Reads and changes pull requests. Every call may raise a `tide.domain.errors.RemoteError`."""

    def now(self) -> datetime:
        """Give the present by the code host's own clock, as far as it is known: what it names is compared to that."""
        ...

    async def search_pulls(self, query: str, *, org: str = "") -> Found:
        """Find pull requests by a search string, with all contexts of their heads.

        `org` is the organisation that the search is limited to: whose token to show, where each has its own. Where
        there are very many, others of the same repositories may be among them.
        """
        ...

    async def read_pulls(self, keys: Sequence[PullKey]) -> dict[PullKey, Pull | None]:
        """Read these pull requests now, past any search index; None for one that does not exist.

        Raise PartlyRead when some of them cannot be read, whatever is wrong with the others.
        """
        ...

    async def follow_pulls(
        self,
        keys: Sequence[PullKey],
        *,
        watched: Collection[PullKey] = (),
        along: Searches = NO_SEARCHES,
        org: str = "",
    ) -> Followed:
        """Give these pull requests as they are now, at less cost than `read_pulls`.

        What was read before and has not changed need not be read again. Of one that is not `watched`, check runs that
        come up may stay unseen as long as all of its contexts are successful, or a status has failed, or a status is
        pending and nothing has failed; whatever turns one of these into another is seen. Of one that has been closed
        nothing else need be as it is now. What a merge rests on is read by `read_pulls`. `along` is what may be had in
        the same breath. `org` is the organisation that everything is in, where each has a token of its own.
        """
        ...

    async def branch_head(self, pool: PoolKey) -> str:
        """Give the SHA that the branch points to; raise NotFound when there is no such branch."""
        ...

    async def commit(self, repo: RepoKey, sha: str) -> Commit:
        """Read one commit."""
        ...

    async def repo_settings(self, repo: RepoKey) -> RepoSettings:
        """Read which merge methods the repository allows."""
        ...

    async def branch_rules(self, pool: PoolKey) -> BranchRules:
        """Read the code host's own rules for a branch, as far as they bind us; they change rarely, so keep them."""
        ...

    async def prepare_branch_rules(self, pools: Collection[PoolKey]) -> None:
        """Be told that `branch_rules` is about to be asked for all of these: what is read together costs less.

        Whatever goes wrong with it is left to `branch_rules` to tell.
        """
        ...

    async def search_blockers(self, query: str, *, org: str = "") -> tuple[BlockerIssue, ...]:
        """Find the open issues that block merging, by a search string; `org` as for `search_pulls`."""
        ...

    async def post_status(self, repo: RepoKey, sha: str, status: StatusPost) -> bool:
        """Set a commit status; setting the same one twice does no harm.

        Give False when the commit has got as many of this context as the code host takes.
        """
        ...

    async def comments(self, pull: PullKey) -> tuple[Comment, ...]:
        """Read the comments on a pull request, oldest first."""
        ...

    async def delete_comment(self, repo: RepoKey, comment_id: int) -> None:
        """Delete a comment; one that is gone already is let be."""
        ...

    async def update_branch(self, pull: PullKey, head_sha: str) -> str:
        """Ask for a merge of the base into the branch of a pull request; nothing happens when its head has moved.

        Give "" when it was taken, which may take effect later, else why it was refused.
        """
        ...

    async def merge(self, repo: RepoKey, target: Target, text: CommitText = HOSTS_TEXT) -> MergeAnswer:
        """Ask for a merge that pins the head SHA. Never retried here: the answer may have been lost, not the deed.

        `text` is what the commit is to say; what it leaves open is the code host's to write.
        """
        ...
