import asyncio
from datetime import timedelta

import pytest

from tests.builders import NOW, POOL, sha
from tests.stores import Backend
from tide.domain.keys import HeadKey, Hint, PullKey, RepoKey
from tide.ports.inbox import Delivery, Inbox

PUSH = Delivery("72d3162e-cc78-11e3-81ab-4c9367dc0958", "push", NOW)
PULL = PullKey("acme", "rocket", 7)
HINTS: tuple[Hint, ...] = (PULL, POOL, HeadKey("acme", "rocket", sha(7)), RepoKey("acme", "rocket"))


@pytest.fixture
def inbox(backend: Backend) -> Inbox:
    return backend.open_inbox()


async def take(inbox: Inbox, *hints: Hint | None) -> None:
    for number, hint in enumerate(hints):
        assert await inbox.take(Delivery(f"delivery {number}", "push", NOW), hint)


async def waiting(inbox: Inbox) -> list[Hint]:
    return [hint for _, hint in await inbox.waiting()]


async def test_a_delivery_is_taken_once(inbox: Inbox) -> None:
    assert await inbox.take(PUSH, PULL)
    assert not await inbox.take(Delivery(PUSH.id, "push", NOW + timedelta(hours=1)), POOL)
    assert await waiting(inbox) == [PULL]
    assert await inbox.take(Delivery("another", "push", NOW), POOL)
    assert await waiting(inbox) == [PULL, POOL]


async def test_of_equal_deliveries_at_the_same_moment_one_is_taken(inbox: Inbox) -> None:
    taken = await asyncio.gather(*(inbox.take(PUSH, PULL) for _ in range(8)))
    assert taken.count(True) == 1
    assert await waiting(inbox) == [PULL]


async def test_hints_of_every_sort_wait_in_their_order(inbox: Inbox) -> None:
    await take(inbox, *HINTS)
    assert await waiting(inbox) == list(HINTS)


async def test_a_delivery_may_be_of_no_use(inbox: Inbox) -> None:
    await take(inbox, None)
    assert await inbox.waiting() == ()


async def test_hints_wait_until_they_are_done(inbox: Inbox) -> None:
    await take(inbox, *HINTS)
    first, second, *_ = await inbox.waiting()
    await inbox.done([first[0], second[0]])
    assert await waiting(inbox) == list(HINTS[2:])
    await inbox.done([first[0]])
    await inbox.done([])
    assert await waiting(inbox) == list(HINTS[2:])


async def test_an_equal_hint_that_comes_while_the_first_is_followed_waits(inbox: Inbox) -> None:
    await take(inbox, PULL)
    followed = await inbox.waiting()
    assert await inbox.take(PUSH, PULL)
    await inbox.done([number for number, _ in followed])
    assert await waiting(inbox) == [PULL]
