from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import make_pull
from tide.adapters.github.scope import Scope, scope_of
from tide.adapters.github.search import CAP, PAGE_SIZE, Listed, Page, Result, find_all, has_created, sorted_search
from tide.domain.errors import Unavailable
from tide.domain.keys import PullKey, RepoKey
from tide.domain.rules import Query
from tide.policy.search import changes_search, pool_searches

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Index:
    """A search index with GitHub's habits: 1,000 results at most, cursors that count from the first one."""

    created: dict[int, datetime]
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    before_page: Callable[["Index", int], None] = lambda _index, _page: None
    page_trouble: str = ""

    async def ask(self, text: str, after: str | None) -> Page:
        self.asked.append((text, after))
        self.before_page(self, len(self.asked))
        floor = (
            datetime.fromisoformat(text.partition("created:>=")[2].partition(" ")[0]) if "created:>=" in text else None
        )
        matching = sorted((when, number) for number, when in self.created.items() if floor is None or when >= floor)
        start = int(after or 0)
        listed = matching[:CAP][start : start + PAGE_SIZE]
        end = start + len(listed)
        return Page(
            tuple(Result(make_pull(number), when) for when, number in listed),
            len(matching),
            str(end) if end < min(len(matching), CAP) else None,
            self.page_trouble,
        )


async def no_lists(_scope: Scope, _had: Collection[PullKey]) -> Listed:
    raise Unavailable("502 Bad Gateway")


@dataclass
class Lists:
    """The lists of the repositories; `lost` are those that cannot be read."""

    numbers: Collection[int]
    lost: Collection[int] = ()
    asked: list[tuple[Scope, int]] = field(default_factory=list)

    async def rest(self, scope: Scope, had: Collection[PullKey]) -> Listed:
        self.asked.append((scope, len(had)))
        pulls = [make_pull(number) for number in self.numbers if number not in self.lost]
        error = f"{len(self.lost)} are lost" if self.lost else ""
        return Listed(tuple(pull for pull in pulls if pull.key not in had), len(self.numbers), error)


def spread(count: int, step: timedelta = MINUTE) -> Index:
    return Index({number: START + number * step for number in range(1, count + 1)})


@pytest.mark.parametrize("count", [0, 1, PAGE_SIZE, PAGE_SIZE + 1, CAP])
async def test_all_pages_are_read(count: int) -> None:
    index = spread(count)
    found = await find_all(index.ask, "is:pr", no_lists)
    assert [pull.number for pull in found.pulls] == list(range(1, count + 1))
    assert (found.complete, found.error) == (True, "")
    assert len(index.asked) == max(1, -(-count // PAGE_SIZE))


async def test_more_than_a_thousand_results_are_read_from_where_the_first_thousand_ended() -> None:
    index = spread(2 * CAP + 500)
    found = await find_all(index.ask, 'is:pr label:"lgtm" sort:updated-asc', no_lists)
    assert sorted(pull.number for pull in found.pulls) == list(range(1, 2 * CAP + 501))
    assert found.complete
    texts = list(dict.fromkeys(text for text, _ in index.asked))
    assert texts == [
        'is:pr label:"lgtm" sort:created-asc',
        f'is:pr label:"lgtm" created:>={START + CAP * MINUTE:%Y-%m-%dT%H:%M:%SZ} sort:created-asc',
        f'is:pr label:"lgtm" created:>={START + (2 * CAP - 1) * MINUTE:%Y-%m-%dT%H:%M:%SZ} sort:created-asc',
    ]


async def test_more_than_a_thousand_of_one_second_are_read_from_lists() -> None:
    index, lists = Index(dict.fromkeys(range(1, CAP + 501), START)), Lists(range(1, CAP + 501))
    found = await find_all(index.ask, 'is:pr state:open org:"acme"', lists.rest)
    assert {pull.number for pull in found.pulls} == set(range(1, CAP + 501))
    assert (found.complete, found.error) == (True, "")
    assert lists.asked == [(Scope(("acme",), (), frozenset(), None), CAP)]


async def test_those_that_drop_out_again_and_again_are_read_from_lists() -> None:
    def drop_one(index: Index, page: int) -> None:
        if page > 1:
            index.created.pop(page)

    index, lists = Index(dict.fromkeys(range(1, 201), START)), Lists(range(1, 201))
    index.before_page = drop_one
    found = await find_all(index.ask, "is:pr", lists.rest)
    assert {pull.number for pull in found.pulls} == set(range(1, 201))
    assert found.complete


async def test_those_that_lists_do_not_give_either_are_told_by_number() -> None:
    index, lists = Index(dict.fromkeys(range(1, CAP + 501), START)), Lists(range(1, CAP + 501), lost=(1401, 1402))
    found = await find_all(index.ask, "is:pr", lists.rest)
    assert len(found.pulls) == CAP + 498
    assert not found.complete
    assert found.error == "2 of 1500 pull requests are missing: 2 are lost"


async def test_without_lists_more_than_a_thousand_of_one_second_are_told_as_incomplete() -> None:
    index = Index(dict.fromkeys(range(1, CAP + 2), START))
    found = await find_all(index.ask, "is:pr", no_lists)
    assert len(found.pulls) == CAP
    assert not found.complete
    assert found.error.startswith(f"1 of {CAP + 1} pull requests are missing: more than 1000 results, and the search")


def test_what_a_search_covers_is_read_from_it() -> None:
    queries = [
        Query(0, orgs=("acme", "globex"), repos=("initech/tps",), excluded_repos=("acme/old", "globex/old")),
        Query(1, orgs=("acme",), excluded_repos=("acme/old",)),
    ]
    scope = (("acme", "globex"), (RepoKey("initech", "tps"),), frozenset({"acme/old", "globex/old"}))
    everything = changes_search(queries, since=None, until=START)
    assert scope_of(everything) == Scope(*scope, since=None)
    later = START + MINUTE
    assert scope_of(changes_search(queries, since=START, until=later)) == Scope(*scope, since=START)
    (first, _second) = pool_searches(queries, until=later)
    assert scope_of(first.text) == Scope(*scope, since=None)


async def test_a_search_by_creation_is_not_split_any_further() -> None:
    found = await find_all(spread(CAP + 1).ask, "is:pr created:>=2026-01-01T00:00:00Z", no_lists)
    assert len(found.pulls) == CAP
    assert not found.complete


async def test_what_drops_out_of_an_early_page_hides_nothing() -> None:
    def drop_the_first(index: Index, page: int) -> None:
        if page == 2:
            index.created.pop(1)

    index = spread(100)
    index.before_page = drop_the_first
    found = await find_all(index.ask, "is:pr", no_lists)
    assert {pull.number for pull in found.pulls} == set(range(1, 101))
    assert found.complete


async def test_a_page_that_fails_half_way_leaves_what_was_read() -> None:
    def fail(_index: Index, page: int) -> None:
        if page == 3:
            raise Unavailable("502 Bad Gateway")

    index = spread(100)
    index.before_page = fail
    found = await find_all(index.ask, "is:pr", no_lists)
    assert len(found.pulls) == 2 * PAGE_SIZE
    assert (found.complete, found.error) == (False, "2 of 100 pull requests are missing: 502 Bad Gateway")


async def test_a_first_page_that_fails_is_an_error() -> None:
    def fail(_index: Index, _page: int) -> None:
        raise Unavailable("502 Bad Gateway")

    with pytest.raises(Unavailable):
        await find_all(Index({}, before_page=fail).ask, "is:pr", no_lists)


async def test_results_that_could_not_be_read_make_it_incomplete() -> None:
    index = spread(3)
    index.page_trouble = "1 results could not be read"
    found = await find_all(index.ask, "is:pr", no_lists)
    assert (len(found.pulls), found.complete, found.error) == (3, False, "1 results could not be read")


def test_quoted_words_are_left_as_they_are() -> None:
    query = 'is:pr label:"sort:me first" -label:"do created:it" sort:updated-desc'
    assert sorted_search(query, None) == 'is:pr label:"sort:me first" -label:"do created:it" sort:created-asc'
    assert not has_created(query)
    assert has_created("is:pr created:<2026-01-01")
