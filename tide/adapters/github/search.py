"""Read all that a search finds.

GitHub gives a search page by page and stops after 1,000 results, whatever their number (GitHub docs: Search, "About
search"). Its pages are counted from the first result on, so that one that drops out of an early page moves the rest
up, and one of them slips through between two pages.

So a search is sorted by creation, which never changes, and where it cannot go on it starts anew from the newest result
that it has seen, with `created:>=` that moment and the criteria as they were: after the last page when more than 1,000
results were announced, and as soon as a page announces fewer results than the page before it. Where it would start from
the same second again, as over 1,000 pull requests were opened in it or they change while the pages are read, the rest
is found without a search (see `listing`).
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tide.adapters.github.paging import Trail
from tide.adapters.github.scope import Scope, scope_of, tokens
from tide.domain.errors import RemoteError
from tide.domain.keys import PullKey
from tide.domain.pulls import Pull
from tide.ports.code_host import Found

PAGE_SIZE = 49
"""Pull requests asked for at once: the most that cost one point.

Each brings three connections along: labels, commits (the last one), contexts. With the search itself that makes
1 + 3 x 49 = 148 requests, divided by 100 and rounded (GitHub docs: Rate limits and query limits for the GraphQL API,
"Calculating a rate limit score before running the call"). Prow's 37 go with four commits each
(kubernetes/test-infra#19743).
"""

REVIEWED_PAGE_SIZE = 37
"""As many when the reviews are asked for, too: four connections each."""

CAP = 1000
"""Results that GitHub gives of one search at most."""


@dataclass(frozen=True, slots=True)
class Result:
    """A pull request that a search found, and when it was opened."""

    pull: Pull
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a search.

    `total` is the number of results that GitHub announces for the search; `next` the cursor of the next page, None on
    the last; `trouble` says which of its results could not be read, and why.
    """

    results: tuple[Result, ...]
    total: int
    next: str | None = None
    trouble: str = ""


Ask = Callable[[str, str | None], Awaitable[Page]]
"""Sends a search string with the cursor of the page before, None for the first page."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The pull requests that a search had not given; `total` is how many there are, `error` why some are missing."""

    pulls: tuple[Pull, ...]
    total: int
    error: str = ""


ListRest = Callable[[Scope, Collection[PullKey]], Awaitable[Listed]]
"""Reads what a search covers without it, but for what it has given."""


async def find_all(ask: Ask, query: str, list_rest: ListRest) -> Found:
    """Read all that a search finds.

    Args:
        ask: Sends one request.
        list_rest: Finds the rest where the search cannot go on; it may be more than the search asks for.
        query: The search string; the order that it asks for does not matter.

    Returns:
        All pull requests, oldest first, each once; those that were read when a page fails half-way.

    Raises:
        RemoteError: The first page fails.
    """
    walk = Walk(query)
    while not walk.is_over:
        try:
            walk.take(await ask(walk.text, walk.cursor))
        except RemoteError as error:
            if not walk.pages:
                raise
            walk.stop(str(error))
    if walk.cut:
        await _list(list_rest, walk)
    return Found(tuple(walk.pulls.values()), complete=not walk.problem, error=walk.problem)


async def _list(list_rest: ListRest, walk: "Walk") -> None:
    """Read without the search what it could not give."""
    try:
        listed = await list_rest(scope_of(walk.query), walk.pulls.keys())
    except RemoteError as error:
        walk.stop(f"{walk.cut}, and the repositories cannot be listed: {error}")
        return
    walk.pulls.update({pull.key: pull for pull in listed.pulls})
    walk.announced = listed.total
    if listed.error:
        walk.stop(listed.error)


@dataclass(slots=True)
class Walk:
    """How far a search has been read.

    `announced` is how many results there are. `cut` says why the search cannot go on, `problem` why some are missing.
    """

    query: str
    pulls: dict[PullKey, Pull] = field(default_factory=dict)
    pages: int = 0
    cursor: str | None = None
    is_over: bool = False
    announced: int = 0
    cut: str = ""
    problem: str = ""
    _floor: datetime | None = None
    _newest: datetime | None = None
    _total: int = 0
    _trail: Trail = field(default_factory=Trail)

    @property
    def text(self) -> str:
        """The search string to send next."""
        return sorted_search(self.query, self._floor)

    def take(self, page: Page) -> None:
        """Add a page, and find out where to go on."""
        has_shrunk = self.cursor is not None and page.total < self._total
        seen_before = self._newest
        self._add(page)
        if has_shrunk:
            self._start_from(seen_before, "results dropped out while they were read")
        elif page.next:
            self.cursor, self._total = self._trail.follow(page.next), page.total
        elif page.total > CAP:
            self._start_from(self._newest, f"more than {CAP} results")
        else:
            self.is_over = True

    def stop(self, problem: str) -> None:
        """End here: the rest cannot be read."""
        self.is_over = True
        missing = self.announced - len(self.pulls)
        told = f"{missing} of {self.announced} pull requests are missing: {problem}" if missing > 0 else problem
        self.problem = self.problem or told

    def _add(self, page: Page) -> None:
        self.pages += 1
        # The first search is for all of them, each later one for those from a moment on.
        self.announced = max(self.announced, page.total)
        self.problem = self.problem or page.trouble
        for result in page.results:
            self.pulls[result.pull.key] = result.pull
            self._newest = max(result.created_at, self._newest or result.created_at)

    def _start_from(self, floor: datetime | None, why: str) -> None:
        # From the same floor the same results would come again: over 1,000 pull requests opened in one second.
        if floor is None or floor == self._floor or has_created(self.query):
            self.is_over, self.cut = True, f"{why}, and the search cannot be split"
        else:
            self._floor, self.cursor, self._total, self._trail = floor, None, 0, Trail()


def sorted_search(query: str, floor: datetime | None) -> str:
    """Give the search string that lists the same results by creation, oldest first, from `floor` on."""
    kept = [token for token in tokens(query) if not token.startswith("sort:")]
    since = [f"created:>={floor.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"] if floor else []
    return " ".join([*kept, *since, "sort:created-asc"])


def has_created(query: str) -> bool:
    """Tell whether a search string is bound to times of creation itself."""
    return any(token.startswith("created:") for token in tokens(query))
