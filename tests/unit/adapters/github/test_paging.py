import pytest

from tests.unit.adapters.github import nodes
from tests.unit.adapters.github.loopback import Connection
from tide.adapters.github.paging import MOST_PAGES, Trail
from tide.domain.errors import BadAnswer


def test_a_trail_is_followed_to_its_end() -> None:
    trail = Trail()
    assert [trail.follow(cursor) for cursor in ("a", "b", None)] == ["a", "b", None]


def test_a_trail_that_turns_back_is_left() -> None:
    trail = Trail()
    for cursor in ("a", "b"):
        trail.follow(cursor)
    with pytest.raises(BadAnswer, match="leads back"):
        trail.follow("a")


def test_a_trail_without_an_end_is_left() -> None:
    trail = Trail()
    for number in range(MOST_PAGES):
        trail.follow(str(number))
    with pytest.raises(BadAnswer, match=f"more than {MOST_PAGES} pages"):
        trail.follow("one more")
    assert trail.follow(None) is None


async def test_a_search_that_leads_back_keeps_what_was_read(connection: Connection) -> None:
    connection.loopback.reply(nodes.found([nodes.pull(1)], 2, "next"), nodes.found([nodes.pull(2)], 2, "next"))
    async with connection.github() as host:
        found = await host.search_pulls("is:pr")
    assert [pull.number for pull in found.pulls] == [1, 2]
    assert not found.complete
    assert "leads back" in found.error
    assert len(connection.loopback.seen) == 2


async def test_blockers_that_lead_back_are_an_error(connection: Connection) -> None:
    page = nodes.found([nodes.issue(1, "Stop")], 2, "next")
    connection.loopback.reply(page, page)
    async with connection.github() as host:
        with pytest.raises(BadAnswer, match="leads back"):
            await host.search_blockers("is:issue")


async def test_contexts_that_lead_back_are_not_known(connection: Connection) -> None:
    first = nodes.with_contexts(1, [nodes.status("a")], after="next")
    more = nodes.commit([nodes.status("b")], after="next") | {"__typename": "Commit"}
    page = nodes.answer({"repository": {"object": more}})
    connection.loopback.reply(nodes.found([first], 1), page, page)
    async with connection.github() as host:
        (pull,) = (await host.search_pulls("is:pr")).pulls
    assert not pull.contexts_known
    assert len(connection.loopback.seen) == 3
