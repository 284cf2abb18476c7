"""Find by lists of repositories what a search cannot give.

A search gives 1,000 results, and is split by the second of creation (see `search`): of more that were opened within one
second, or that change faster than its pages are read, some never come. The lists of the repositories that it covers
have no such end. They are read by what tells the pull requests apart, a point for each hundred, and whatever the search
has not given is read by its id, a point for each 49.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from tide.adapters.github import parse
from tide.adapters.github.answers import path
from tide.adapters.github.client import Client
from tide.adapters.github.graph import Graph
from tide.adapters.github.paging import Trail
from tide.adapters.github.parse import ChangedNode, ChangedPage
from tide.adapters.github.pulls import PullReader
from tide.adapters.github.scope import Scope
from tide.adapters.github.search import Listed
from tide.domain.errors import NotFound, RemoteError
from tide.domain.keys import PullKey, RepoKey
from tide.domain.names import folded
from tide.domain.pulls import Pull
from tide.ports.code_host import PartlyRead

# Open ones by creation, which never changes. What changed since a moment by the change, the latest first: one that
# changes meanwhile is ahead of its old place, and is found by whoever asks for later changes.
_OPEN = {"states": ["OPEN"], "orderBy": {"field": "CREATED_AT", "direction": "ASC"}}
_CHANGED = {"states": None, "orderBy": {"field": "UPDATED_AT", "direction": "DESC"}}


class _Repository(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    full_name: str
    archived: bool = False
    # Pull requests among them; old servers may leave it out.
    open_issues_count: int | None = None


@dataclass(frozen=True, slots=True)
class PullLister:
    """Lists the pull requests of repositories."""

    client: Client
    graph: Graph
    pulls: PullReader

    async def rest(self, scope: Scope, had: Collection[PullKey], org: str) -> Listed:
        """Read the pull requests of a search but for those that were had.

        Args:
            scope: What the search covers.
            had: Those that it has given.
            org: The organisation that it is limited to, "" where one token is for everything.

        Raises:
            RemoteError: What there is cannot be listed.
        """
        nodes = [node for repo in await self._repos(scope, org) for node in await self._list(repo, scope.since)]
        missing = [node for node in nodes if node.key not in had]
        self.pulls.know(missing)
        found, error = await self._read([node.key for node in missing])
        return Listed(found, len(nodes), error)

    async def _read(self, keys: Sequence[PullKey]) -> tuple[tuple[Pull, ...], str]:
        answers: Mapping[PullKey, Pull | None] = {}
        error = ""
        try:
            answers = await self.pulls.read_all(keys)
        except PartlyRead as partly:
            answers, error = partly.found, str(partly)
        except RemoteError as failure:
            error = str(failure)
        return tuple(pull for pull in answers.values() if pull), error

    async def _repos(self, scope: Scope, org: str) -> list[RepoKey]:
        """Name the repositories in which there may be any."""
        found = set(scope.repos)
        for name in scope.orgs:
            for repo in await self._repos_of(name, org or name):
                is_empty = scope.since is None and repo.open_issues_count == 0
                if not (repo.archived or is_empty or folded(repo.full_name) in scope.left_out):
                    found.add(RepoKey.parse(repo.full_name))
        return sorted(found)

    async def _repos_of(self, name: str, org: str) -> list[_Repository]:
        """Read the repositories of an organisation, or of a user, whom searches take as well (GitHub docs: `org`)."""
        try:
            listed = await self.client.get_all(path("orgs", name, "repos"), org=org)
        except NotFound:
            listed = await self.client.get_all(path("users", name, "repos"), org=org)
        return [parse.read(_Repository, one) for one in listed]

    async def _list(self, repo: RepoKey, since: datetime | None) -> list[ChangedNode]:
        """List the open ones, or with `since` those of any state that have changed since."""
        found: list[ChangedNode] = []
        after: str | None = None
        trail = Trail()
        while True:
            variables = {"owner": repo.org, "name": repo.name, "after": after, **(_CHANGED if since else _OPEN)}
            try:
                answer = await self.graph.ask("list_pulls", variables, org=repo.org)
            except NotFound:
                return found  # as a search passes over what does not exist
            page = parse.read(ChangedPage, (answer.data.get("repository") or {}).get("pullRequests"))
            wanted = [node for node in page.nodes if since is None or node.updated_at >= since]
            found += wanted
            after = trail.follow(page.page_info.next)
            if after is None or len(wanted) < len(page.nodes):
                return found
