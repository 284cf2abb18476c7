from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import make_pull
from tide.adapters.github.search import CAP, PAGE_SIZE, Page, Result, find_all, has_created, sorted_search
from tide.domain.errors import Unavailable

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


def spread(count: int, step: timedelta = MINUTE) -> Index:
    return Index({number: START + number * step for number in range(1, count + 1)})


@pytest.mark.parametrize("count", [0, 1, PAGE_SIZE, PAGE_SIZE + 1, CAP])
async def test_all_pages_are_read(count: int) -> None:
    index = spread(count)
    found = await find_all(index.ask, "is:pr")
    assert [pull.number for pull in found.pulls] == list(range(1, count + 1))
    assert (found.complete, found.error) == (True, "")
    assert len(index.asked) == max(1, -(-count // PAGE_SIZE))


async def test_more_than_a_thousand_results_are_read_from_where_the_first_thousand_ended() -> None:
    index = spread(2 * CAP + 500)
    found = await find_all(index.ask, 'is:pr label:"lgtm" sort:updated-asc')
    assert sorted(pull.number for pull in found.pulls) == list(range(1, 2 * CAP + 501))
    assert found.complete
    texts = list(dict.fromkeys(text for text, _ in index.asked))
    assert texts == [
        'is:pr label:"lgtm" sort:created-asc',
        f'is:pr label:"lgtm" created:>={START + CAP * MINUTE:%Y-%m-%dT%H:%M:%SZ} sort:created-asc',
        f'is:pr label:"lgtm" created:>={START + (2 * CAP - 1) * MINUTE:%Y-%m-%dT%H:%M:%SZ} sort:created-asc',
    ]


async def test_more_than_a_thousand_of_one_second_are_told_as_incomplete() -> None:
    index = Index(dict.fromkeys(range(1, CAP + 2), START))
    found = await find_all(index.ask, "is:pr")
    assert len(found.pulls) == CAP
    assert not found.complete
    assert "more than 1000 results" in found.error


async def test_a_search_by_creation_is_not_split_any_further() -> None:
    found = await find_all(spread(CAP + 1).ask, "is:pr created:>=2026-01-01T00:00:00Z")
    assert len(found.pulls) == CAP
    assert not found.complete


async def test_what_drops_out_of_an_early_page_hides_nothing() -> None:
    def drop_the_first(index: Index, page: int) -> None:
        if page == 2:
            index.created.pop(1)

    index = spread(100)
    index.before_page = drop_the_first
    found = await find_all(index.ask, "is:pr")
    assert {pull.number for pull in found.pulls} == set(range(1, 101))
    assert found.complete


async def test_a_page_that_fails_half_way_leaves_what_was_read() -> None:
    def fail(_index: Index, page: int) -> None:
        if page == 3:
            raise Unavailable("502 Bad Gateway")

    index = spread(100)
    index.before_page = fail
    found = await find_all(index.ask, "is:pr")
    assert len(found.pulls) == 2 * PAGE_SIZE
    assert (found.complete, found.error) == (False, "502 Bad Gateway")


async def test_a_first_page_that_fails_is_an_error() -> None:
    def fail(_index: Index, _page: int) -> None:
        raise Unavailable("502 Bad Gateway")

    with pytest.raises(Unavailable):
        await find_all(Index({}, before_page=fail).ask, "is:pr")


async def test_results_that_could_not_be_read_make_it_incomplete() -> None:
    index = spread(3)
    index.page_trouble = "1 results could not be read"
    found = await find_all(index.ask, "is:pr")
    assert (len(found.pulls), found.complete, found.error) == (3, False, "1 results could not be read")


def test_quoted_words_are_left_as_they_are() -> None:
    query = 'is:pr label:"sort:me first" -label:"do created:it" sort:updated-desc'
    assert sorted_search(query, None) == 'is:pr label:"sort:me first" -label:"do created:it" sort:created-asc'
    assert not has_created(query)
    assert has_created("is:pr created:<2026-01-01")
