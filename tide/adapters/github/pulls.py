"""Read pull requests with all contexts of their heads."""

from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

import structlog

from tide.adapters.github import parse
from tide.adapters.github.along import Along
from tide.adapters.github.batches import batches
from tide.adapters.github.glances import IDS, OF_WHOLE, WHOLE, Look, Reading, looks, unchanged
from tide.adapters.github.graph import Graph, GraphAnswer
from tide.adapters.github.paging import Trail
from tide.adapters.github.parse import (
    ChangedNode,
    CheckRunNode,
    Contexts,
    GlanceNode,
    PullNode,
    SearchPage,
    StatusNode,
)
from tide.adapters.github.search import PAGE_SIZE, REVIEWED_PAGE_SIZE, Page, Result
from tide.adapters.news import News
from tide.domain.errors import BadAnswer, NotFound, RateLimited, RemoteError, Unauthorized
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.pulls import Pull
from tide.ports.code_host import NO_SEARCHES, Followed, PartlyRead, Searches

KNOWN_IDS = 20_000
"""Node ids remembered at most; one that is not known costs a query of its own, which tells it."""

FEWEST_IDS = 25
"""Pull requests looked at in each list of a look at least, however long GitHub takes for more."""

MORE_IDS = 5
"""By how many more pull requests a list is longer after one of full length was answered."""

KNOWN_READINGS = 5_000
"""Pull requests remembered at most, some kilobytes each; one that is not known has to be read whole."""

_log = structlog.get_logger(__name__)

_Kept = TypeVar("_Kept")
_ContextNodes = list[CheckRunNode | StatusNode | None]


class PullReader:
    """Reads pull requests over GraphQL.

    Args:
        graph: Where the documents are sent.
        asks_for_reviews: Tells whether it matters what reviews come to where a branch asks for none.
    """

    def __init__(self, graph: Graph, asks_for_reviews: Callable[[], bool] = lambda: False) -> None:
        self._graph = graph
        self._asks_for_reviews = asks_for_reviews
        self._ids: OrderedDict[PullKey, str] = OrderedDict()
        self._readings: OrderedDict[PullKey, Reading] = OrderedDict()
        # By organisation: what a search has shown to change so lately that it is read whole until it has settled.
        self._restless: dict[str, tuple[PullKey, ...]] = {}
        self._most_ids = IDS
        self._parts, self._contexts_lost = News[PullKey](), News[PullKey]()

    async def search_page(self, query: str, after: str | None, *, org: str = "") -> Page:
        """Read one page of a search; raise RemoteError when nothing of it can be read.

        Args:
            query: The search string.
            after: The cursor of the page before, None for the first page.
            org: The organisation that it is limited to, "" where one token is for everything.
        """
        answer = await self._ask("search_pulls", {"query": query, "first": self._page_size, "after": after}, org)
        found = parse.read(SearchPage, answer.data.get("search"))
        results: list[Result] = []
        troubles: list[str] = []
        for index, node in enumerate(found.nodes):
            try:
                read = await self._result(node, answer, ("search", "nodes", index))
            except BadAnswer as error:
                troubles.append(str(error))
            else:
                results.extend(read)
        return Page(
            results=tuple(results),
            total=found.issue_count,
            next=found.page_info.next,
            trouble=f"{len(troubles)} results could not be read: {troubles[0]}" if troubles else "",
        )

    @property
    def _page_size(self) -> int:
        return REVIEWED_PAGE_SIZE if self._asks_for_reviews() else PAGE_SIZE

    async def _ask(self, name: str, variables: Mapping[str, Any], org: str) -> GraphAnswer:
        return await self._graph.ask(name, variables, org=org, with_reviews=self._asks_for_reviews())

    async def _result(self, node: object, answer: GraphAnswer, place: tuple[str | int, ...]) -> list[Result]:
        """Give the pull request of a result; none when the search found something else."""
        if node is None:
            errors = answer.errors_at(*place)
            raise BadAnswer(errors[0].message if errors else "GraphQL: an empty result")
        if not isinstance(node, dict) or node.get("__typename") != "PullRequest":
            return []
        known = parse.read(PullNode, node)
        return [Result(await self._whole(known, answer, place), known.created_at)]

    async def read_all(self, keys: Iterable[PullKey]) -> dict[PullKey, Pull | None]:
        """Read pull requests by their keys, as they are now.

        Those whose node ids are known are read many at a time, the others one by one.

        Raises:
            PartlyRead: Some of them could not be read.
            RemoteError: Nothing could be read.
        """
        wanted = list(dict.fromkeys(keys))
        progress = _Progress()
        # Each organisation may have a token, and troubles, of its own.
        for org, of_org in groupby(sorted(wanted), key=lambda key: key.org):
            here = list(of_org)
            try:
                await self._read_of(org, here, progress)
            except RemoteError as error:
                progress.lose(here, error)
        return progress.result(wanted)

    async def follow_all(
        self, keys: Iterable[PullKey], watched: Collection[PullKey], *, along: Searches = NO_SEARCHES, org: str = ""
    ) -> Followed:
        """Give pull requests as they are now; those that are known are looked at first (see `glances`).

        Args:
            keys: Which.
            watched: Those of them whose check runs are read in any case.
            along: What to search for in the same breath.
            org: The organisation that everything is in, "" where one token is for everything.
        """
        wanted, progress, had = list(dict.fromkeys(keys)), _Progress(), Along()
        # These a look reads besides at no cost; otherwise what it finds to have changed has to be asked for after it.
        restless = self._restless.get(org, ()) if along.changes else ()
        ids = {key: self._ids[key] for key in dict.fromkeys((*wanted, *restless)) if key in self._ids}
        readings = {key: reading for key in ids if (reading := self._standing(key))}
        quiet = [key for key in readings if key not in watched]
        unknown = [key for key in ids if key not in readings]
        try:
            loud = [key for key in readings if key in watched]
            for look in looks(quiet, loud, unknown, self._most_ids, OF_WHOLE + self._asks_for_reviews()):
                searches = had.missing(along)
                answer = await self._glance(org, look, ids, searches)
                if answer is None and searches != NO_SEARCHES:
                    # Whatever is wrong with a search is wrong with all that it goes along with.
                    along = NO_SEARCHES
                    answer = await self._glance(org, look, ids)
                self._learn(look, answer)
                if answer is not None:
                    await self._take(look, readings, answer, progress)
                    had.take(answer)
            moved = [node for node in had.changed or () if self._known(node) is None]
            self.know(moved)
            if had.changed is not None:
                self._restless[org] = tuple(node.key for node in moved)
            unread = dict.fromkeys((*wanted, *(node.key for node in moved)))
            await self._read_of(org, [key for key in unread if key not in progress.found], progress)
        except RemoteError as error:
            progress.lose(wanted, error)
        as_read_before = self._as_read_before(had, progress)
        heads = {pool: frozenset(seen) for pool, seen in progress.branch_heads.items()}
        return Followed(progress.found, progress.lost, had.blockers, as_read_before, heads)

    def know(self, nodes: Iterable[ChangedNode]) -> None:
        """Remember the ids of pull requests, so that they are read many at a time."""
        for node in nodes:
            _remember(self._ids, node.key, node.id, KNOWN_IDS)

    def _known(self, node: ChangedNode) -> Reading | None:
        """Give the last reading of a pull request, None where it has changed since (but for its contexts)."""
        reading = self._readings.get(node.key)
        if reading is None or reading.pull.updated_at != node.updated_at:
            return None
        # Of one that is closed the contexts do not matter.
        is_over = not reading.pull.is_open and reading.is_settled
        return reading if is_over or reading.stands_for(self._graph.clock.now()) else None

    def _as_read_before(self, had: Along, progress: "_Progress") -> dict[datetime, list[Pull]] | None:
        """Give those that have changed and were not read anew; None where one of them could not be."""
        if had.changed is None:
            return None
        by_moment = defaultdict[datetime, list[Pull]](list)
        for node in had.changed:
            if node.key in progress.found:
                continue
            reading = self._known(node)
            if reading is None:
                return None
            by_moment[reading.asked_at].append(reading.pull)
        return by_moment

    def _standing(self, key: PullKey) -> Reading | None:
        """Give the last reading of a pull request if it is good to compare with."""
        reading = self._readings.get(key)
        return reading if reading and reading.stands_for(self._graph.clock.now()) else None

    async def _glance(
        self, org: str, look: Look, ids: Mapping[PullKey, str], along: Searches = NO_SEARCHES
    ) -> GraphAnswer | None:
        """Send a look; None where nothing came of it, so that all of it has to be read whole."""
        lists = {name: [ids[key] for key in keys] for name, keys in look.lists.items()}
        searches = {
            "changes": along.changes,
            "asksChanges": bool(along.changes),
            "blockers": along.blockers,
            "asksBlockers": bool(along.blockers),
        }
        try:
            return await self._ask("glance", {**lists, **searches}, org)
        except (RateLimited, Unauthorized):
            raise
        except RemoteError as error:
            _log.debug("pull requests could not be looked at", count=len(look.keys), why=str(error))
            return None

    def _learn(self, look: Look, answer: GraphAnswer | None) -> None:
        """Ask for less after a look that nothing came of, and for a little more after one that was answered.

        GitHub ends what takes it more than ten seconds (GitHub docs: "Timeouts").
        """
        longest = max(map(len, look.lists.values()))
        if answer is None and longest > FEWEST_IDS:
            self._most_ids = max(FEWEST_IDS, self._most_ids // 2)
        elif answer and longest >= self._most_ids:
            self._most_ids = min(IDS, self._most_ids + MORE_IDS)

    async def _take(
        self, look: Look, readings: Mapping[PullKey, Reading], answer: GraphAnswer, progress: "_Progress"
    ) -> None:
        """Take what a look has told; all else is yet to be read whole."""
        for name, keys in look.lists.items():
            nodes = answer.data.get(name)
            if not isinstance(nodes, list) or len(nodes) != len(keys):
                continue
            for index, (key, node) in enumerate(zip(keys, nodes, strict=True)):
                if node is None or answer.errors_at(name, index):
                    continue
                if name == WHOLE:
                    await progress.take(key, self._present(key, node, answer, (name, index)))
                else:
                    self._compare(key, readings[key], node, progress)

    def _compare(self, key: PullKey, reading: Reading, node: object, progress: "_Progress") -> None:
        try:
            glanced = parse.read(GlanceNode, node)
        except BadAnswer:
            return  # the reading of the whole tells what is wrong
        pull = unchanged(reading, glanced)
        if pull is None:
            return
        progress.found[key] = pull
        progress.branch_heads[pull.pool].add(glanced.branch_head)
        # Somebody else may have read it meanwhile, and later.
        if self._readings.get(key) is reading:
            rollup = glanced.status_check_rollup.state if glanced.status_check_rollup else ""
            self._readings[key] = replace(reading, pull=pull, rollup=rollup)

    async def _read_of(self, org: str, keys: Sequence[PullKey], progress: "_Progress") -> None:
        ids = {key: self._ids[key] for key in keys if key in self._ids}
        for batch in batches(list(ids), self._page_size):
            await self._read_by_id(org, {key: ids[key] for key in batch}, progress)
        for key in keys:
            if key not in ids:
                await self._read_one(key, progress)

    async def _read_by_id(self, org: str, ids: Mapping[PullKey, str], progress: "_Progress") -> None:
        answer = await self._ask("pulls_by_id", {"ids": list(ids.values())}, org)
        nodes = answer.data.get("nodes")
        if not isinstance(nodes, list) or len(nodes) != len(ids):
            raise BadAnswer("GraphQL: not one node for each id")
        for index, (key, node) in enumerate(zip(ids, nodes, strict=True)):
            await progress.take(key, self._present(key, node, answer, ("nodes", index)))

    async def _read_one(self, key: PullKey, progress: "_Progress") -> None:
        variables = {"owner": key.org, "name": key.repo, "number": key.number}
        try:
            answer = await self._ask("pull", variables, key.org)
        except NotFound:
            progress.found[key] = None
            return
        node = (answer.data.get("repository") or {}).get("pullRequest")
        await progress.take(key, self._present(key, node, answer, ("repository", "pullRequest")))

    async def _present(
        self, key: PullKey, node: object, answer: GraphAnswer, place: tuple[str | int, ...]
    ) -> Pull | None:
        if node is None:
            answer.require(*place)
            # Should it be there after all, it is news.
            self._readings.pop(key, None)
            return None
        pull = await self._whole(parse.read(PullNode, node), answer, place)
        # GitHub follows a renamed repository; its pull requests have other keys now, under which a search finds them.
        return pull if pull.key == key else None

    async def _whole(self, node: PullNode, answer: GraphAnswer, place: tuple[str | int, ...]) -> Pull:
        errors = answer.errors_at(*place)
        pull = parse.pull(node, await self._contexts(node), is_whole=not errors)
        if not errors:
            self._parts.is_over(pull.key)
        elif self._parts.is_new(pull.key, errors[0].message):
            _log.warning("a pull request was read in part", pull=str(pull.key), why=errors[0].message)
        commit = node.head_commit
        rollup = commit.status_check_rollup.state if commit and commit.status_check_rollup else ""
        _remember(self._ids, pull.key, node.id, KNOWN_IDS)
        reading = Reading(pull, rollup, answer.asked_at, node.reviews_sum)
        _remember(self._readings, pull.key, reading, KNOWN_READINGS)
        return pull

    async def _contexts(self, node: PullNode) -> Contexts:
        """Give all contexts of the head; those of another commit are no substitute."""
        commit = node.head_commit
        rollup = commit.status_check_rollup if commit else None
        if commit and not rollup:
            return Contexts()
        nodes: _ContextNodes = list(rollup.contexts.listed) if rollup else []
        after = rollup.contexts.page_info.next if rollup else None
        if rollup and not after:
            return parse.contexts(nodes)
        key = PullKey(node.repo.org, node.repo.name, node.number)
        try:
            nodes += await self._further_contexts(node.repo, node.head_ref_oid, after)
        except RemoteError as error:
            if self._contexts_lost.is_new(key, str(error)):
                _log.warning("contexts could not be read", pull=str(key), why=str(error))
            nodes.append(None)
        else:
            self._contexts_lost.is_over(key)
        return parse.contexts(nodes)

    async def _further_contexts(self, repo: RepoKey, oid: str, after: str | None) -> _ContextNodes:
        nodes: _ContextNodes = []
        trail = Trail()
        while True:
            variables = {"owner": repo.org, "name": repo.name, "oid": oid, "after": after}
            answer = await self._graph.ask("head_contexts", variables, org=repo.org)
            rollup = _head(answer).status_check_rollup
            if rollup is None:
                answer.require()
                return nodes
            nodes += rollup.contexts.listed
            after = trail.follow(rollup.contexts.page_info.next)
            if after is None:
                return nodes


@dataclass(slots=True)
class _Progress:
    """Pull requests being read: the trouble of one keeps none of the others from being read."""

    found: dict[PullKey, Pull | None] = field(default_factory=dict)
    lost: dict[PullKey, str] = field(default_factory=dict)
    branch_heads: defaultdict[PoolKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    failure: RemoteError | None = None

    def lose(self, keys: Iterable[PullKey], failure: RemoteError) -> None:
        """Take all of these that were not found before a request failed as lost."""
        self.lost.update({key: str(failure) for key in keys if key not in self.found})
        self.failure = self.failure or failure

    async def take(self, key: PullKey, reading: Awaitable[Pull | None]) -> None:
        try:
            self.found[key] = await reading
            self.lost.pop(key, None)
        except RemoteError as error:
            self.lost[key] = str(error)

    def result(self, wanted: Iterable[PullKey]) -> dict[PullKey, Pull | None]:
        """Give what was found, in the order of `wanted`; raise PartlyRead, or what made all of it fail."""
        if self.failure and not self.found:
            raise self.failure
        if self.lost:
            raise PartlyRead(self.found, self.lost)
        return {key: self.found[key] for key in wanted}


def _remember(kept: OrderedDict[PullKey, _Kept], key: PullKey, value: _Kept, limit: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > limit:
        kept.popitem(last=False)


def _head(answer: GraphAnswer) -> parse.CommitNode:
    repository: Mapping[str, Any] = answer.data.get("repository") or {}
    found = repository.get("object")
    if found is None:
        answer.require()
        raise NotFound("the head is not in the repository")
    return parse.read(parse.CommitNode, found)
