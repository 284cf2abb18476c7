"""GitHub as the code host of the queue."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict

from tide.adapters.github import parse
from tide.adapters.github.allowance import Allowance
from tide.adapters.github.answers import failure, path
from tide.adapters.github.blockers import blockers_of
from tide.adapters.github.branch_rules import BranchRulesReader
from tide.adapters.github.calls import Calls
from tide.adapters.github.client import Client
from tide.adapters.github.contact import Contact
from tide.adapters.github.documents import document
from tide.adapters.github.graph import Graph
from tide.adapters.github.listing import PullLister
from tide.adapters.github.merging import merge_answer
from tide.adapters.github.paging import Trail
from tide.adapters.github.pulls import PullReader
from tide.adapters.github.search import CAP, find_all
from tide.domain.actions import Target
from tide.domain.branch_rules import BranchRules
from tide.domain.errors import BadAnswer, NotFound, Unauthorized
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.outcomes import MergeAnswer
from tide.domain.pulls import ContextState, Pull, RepoSettings
from tide.policy.commit_text import HOSTS_TEXT, CommitText
from tide.ports.code_host import (
    NO_SEARCHES,
    BlockerIssue,
    Comment,
    Commit,
    Followed,
    Found,
    Searches,
    StatusPost,
)

LONGEST_DESCRIPTION = 140
"""Characters that GitHub takes for the description of a status."""

_APP_SUFFIX = "[bot]"
_UNLIMITED = "rate limiting is not enabled"
_MANY_STATUSES = "maximum number of statuses"

_log = structlog.get_logger(__name__)


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Object(_Answered):
    sha: str


class _Ref(_Answered):
    ref: str
    object: _Object


class _Commit(_Answered):
    sha: str
    tree: _Object
    parents: tuple[_Object, ...]


class _User(_Answered):
    login: str


class _Comment(_Answered):
    id: int
    body: str | None = None
    # Nobody, where the account has been deleted.
    user: _User | None = None


class _Repository(_Answered):
    # GitHub leaves these out of what it tells those who may not push.
    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = True
    archived: bool = False


@dataclass(frozen=True, slots=True)
class GitHub:
    """The port `CodeHost` over GitHub's APIs; made by `tide.adapters.github.connect.github`."""

    client: Client
    graph: Graph
    pulls: PullReader
    rules: BranchRulesReader

    @property
    def calls(self) -> Calls:
        """What was asked of GitHub so far."""
        return self.client.calls

    @property
    def contact(self) -> Contact:
        """Whether GitHub answers."""
        return self.client.wire.contact

    def now(self) -> datetime:
        """Give the present by GitHub's own clock, as far as its answers have told it."""
        return self.client.wire.clock.now()

    def with_writes_counted(self, allowance: Allowance) -> "GitHub":
        """Give the same host, but what is written through it counts against another allowance."""
        return replace(self, client=replace(self.client, allowance=allowance))

    async def verify(self) -> None:
        """Ask both APIs something that every token may ask, once, for the first organisation that lets us.

        Raises:
            RemoteError: With one line that says what is wrong with the token or the addresses.
        """
        problems: dict[str, Unauthorized] = {}
        for org in await self.client.credentials.orgs():
            try:
                await self._verify(org)
            except Unauthorized as error:
                problems[org] = error
            else:
                break
        else:
            if problems:
                raise next(iter(problems.values()))
        for org, problem in problems.items():
            _log.warning("an organisation is out of reach", org=org, problem=str(problem))

    async def _verify(self, org: str) -> None:
        try:
            await self.client.get_once("/rate_limit", org)
        except NotFound as error:
            # A GitHub Enterprise Server without limits says so by a 404 (GitHub docs: Get rate limit status).
            if _UNLIMITED not in str(error).lower():
                raise
        await self.client.graphql_once({"query": document("rate_limit")}, org)

    async def token_for(self, org: str) -> str:
        """Give the token for git in the repositories of an organisation.

        Raises:
            Unauthorized: There is none.
            Transient: It could not be had just now.
        """
        return (await self.client.credentials.grant(org)).token

    async def search_pulls(self, query: str, *, org: str = "") -> Found:
        """Find pull requests by a search string, all of them (see `search`), with all contexts of their heads.

        Where there are more than a search can give, others of the same repositories may be among them.
        """
        lister = PullLister(self.client, self.graph, self.pulls)
        return await find_all(partial(self.pulls.search_page, org=org), query, partial(lister.rest, org=org))

    async def read_pulls(self, keys: Sequence[PullKey]) -> dict[PullKey, Pull | None]:
        """Read these pull requests now; None for one that does not exist."""
        return await self.pulls.read_all(keys)

    async def follow_pulls(
        self,
        keys: Sequence[PullKey],
        *,
        watched: Collection[PullKey] = (),
        along: Searches = NO_SEARCHES,
        org: str = "",
    ) -> Followed:
        """Give these pull requests as they are now, reading whole only what has changed (see `glances`)."""
        return await self.pulls.follow_all(keys, watched, along=along, org=org)

    async def branch_head(self, pool: PoolKey) -> str:
        """Give the SHA that the branch points to (GitHub docs: Get a reference); raise NotFound without one."""
        told = await self.client.get(
            path("repos", pool.org, pool.repo, "git", "ref", "heads", pool.branch), org=pool.org
        )
        # Older servers list every ref that begins like the one asked for.
        refs = [parse.read(_Ref, each) for each in (told if isinstance(told, list) else [told])]
        for ref in refs:
            if ref.ref == f"refs/heads/{pool.branch}":
                return ref.object.sha
        raise NotFound(f"{pool.repository} has no branch {pool.branch}")

    async def commit(self, repo: RepoKey, sha: str) -> Commit:
        """Read one commit (GitHub docs: Get a commit object)."""
        told = await self.client.get(path("repos", repo.org, repo.name, "git", "commits", sha), org=repo.org)
        commit = parse.read(_Commit, told)
        return Commit(commit.sha, commit.tree.sha, tuple(parent.sha for parent in commit.parents))

    async def repo_settings(self, repo: RepoKey) -> RepoSettings:
        """Read which merge methods the repository allows (GitHub docs: Get a repository)."""
        told = await self.client.get(path("repos", repo.org, repo.name), org=repo.org)
        settings = parse.read(_Repository, told)
        return RepoSettings(
            allow_merge=settings.allow_merge_commit,
            allow_squash=settings.allow_squash_merge,
            allow_rebase=settings.allow_rebase_merge,
            is_archived=settings.archived,
        )

    async def branch_rules(self, pool: PoolKey) -> BranchRules:
        """Read what GitHub itself asks of a merge into a branch (see `branch_rules`)."""
        return await self.rules.read(pool)

    async def prepare_branch_rules(self, pools: Collection[PoolKey]) -> None:
        """Read together what there is about these branches in GraphQL."""
        await self.rules.prepare(pools)

    async def search_blockers(self, query: str, *, org: str = "") -> tuple[BlockerIssue, ...]:
        """Find the open issues that block merging.

        Raises:
            RemoteError: Also when only some of them could be read: one that is missed would let merges through.
        """
        found: list[BlockerIssue] = []
        after: str | None = None
        trail = Trail()
        while True:
            answer = await self.graph.ask("search_blockers", {"query": query, "after": after}, org=org)
            answer.require()
            page = parse.read(parse.SearchPage, answer.data.get("search"))
            if page.issue_count > CAP:
                raise BadAnswer(f"more than {CAP} issues block merging: not all of them can be read")
            found += blockers_of(page)
            after = trail.follow(page.page_info.next)
            if after is None:
                return tuple(found)

    async def post_status(self, repo: RepoKey, sha: str, status: StatusPost) -> bool:
        """Set a commit status (GitHub docs: Create a commit status).

        A commit that is gone, and one that has as many statuses as GitHub takes, are let be; give False for the latter.
        """
        where = path("repos", repo.org, repo.name, "statuses", sha)
        answer = await self.client.write("POST", where, _status_body(status), org=repo.org)
        is_full = answer.status == HTTPStatus.UNPROCESSABLE_ENTITY and _MANY_STATUSES in answer.message.lower()
        if is_full or answer.status == HTTPStatus.NOT_FOUND:
            _log.warning("a status was not taken", repo=str(repo), sha=sha, context=status.context, why=answer.message)
        elif problem := failure(answer):
            raise problem
        return not is_full

    async def comments(self, pull: PullKey) -> tuple[Comment, ...]:
        """Read the comments on a pull request (GitHub docs: List issue comments)."""
        listed = await self.client.get_all(
            path("repos", pull.org, pull.repo, "issues", pull.number, "comments"), org=pull.org
        )
        ours = await self._own_logins(pull.org) if listed else frozenset()
        return tuple(_comment_of(parse.read(_Comment, one), ours) for one in listed)

    async def _own_logins(self, org: str) -> frozenset[str]:
        """Name whom we write as; an App is told with its suffix or without."""
        answer = await self.graph.ask("viewer", {}, org=org)
        answer.require()
        login = parse.read(_User, answer.data.get("viewer")).login
        return frozenset({login, f"{login}{_APP_SUFFIX}"})

    async def delete_comment(self, repo: RepoKey, comment_id: int) -> None:
        """Delete a comment (GitHub docs: Delete an issue comment); one that is gone already is let be."""
        where = path("repos", repo.org, repo.name, "issues", "comments", comment_id)
        answer = await self.client.write("DELETE", where, None, org=repo.org)
        problem = failure(answer)
        if problem and not isinstance(problem, NotFound):
            raise problem

    async def update_branch(self, pull: PullKey, head_sha: str) -> str:
        """Have the base merged into the branch of a pull request (GitHub docs: Update a pull request branch).

        Give GitHub's words where it refuses (403: we may not push to it; 422: it conflicts, or its head has moved).
        """
        where = path("repos", pull.org, pull.repo, "pulls", pull.number, "update-branch")
        answer = await self.client.write("PUT", where, {"expected_head_sha": head_sha}, org=pull.org)
        return answer.message if answer.status >= HTTPStatus.BAD_REQUEST else ""

    async def merge(self, repo: RepoKey, target: Target, text: CommitText = HOSTS_TEXT) -> MergeAnswer:
        """Ask for a merge that pins the head SHA (GitHub docs: Merge a pull request); sent once.

        Raises:
            Unavailable: It may or may not have been merged.
            RateLimited: It was not merged.
        """
        where = path("repos", repo.org, repo.name, "pulls", target.number, "merge")
        told = {"commit_title": text.title, "commit_message": text.message}
        body = {
            "sha": target.head_sha,
            "merge_method": target.method.value,
            **{name: said for name, said in told.items() if said is not None},
        }
        return merge_answer(await self.client.write("PUT", where, body, org=repo.org))


def _comment_of(told: _Comment, ours: frozenset[str]) -> Comment:
    return Comment(told.id, told.body or "", told.user is not None and told.user.login in ours)


def _status_body(status: StatusPost) -> Mapping[str, Any]:
    # EXPECTED is GitHub's word for a context that nobody has posted yet: it cannot be posted.
    state = ContextState.PENDING if status.state is ContextState.EXPECTED else status.state
    body = {
        "context": status.context,
        "state": state.value.lower(),
        "description": status.description[:LONGEST_DESCRIPTION],
    }
    return body | ({"target_url": status.target_url} if status.target_url else {})
