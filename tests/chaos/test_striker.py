from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tests.chaos.striker import Striker
from tests.chaos.strikes import Action, Cell, Strike, Trouble
from tide.sandbox.faults import Faults

MERGE = "/repos/acme/rocket/pulls/7/merge"
KILL = Strike(Cell(Action.MERGE, "before", Trouble.KILL), nth=1)
CUT = Strike(Cell(Action.MERGE, "before", Trouble.CUT), nth=1)


@dataclass
class World:
    """Whoever is asked, and whoever asks."""

    asked: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    deeds: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        await PlainTextResponse("done")(scope, receive, send)

    def kill(self, token: str) -> bool:
        self.killed.append(token)
        return True

    async def see(self, token: str) -> None:
        self.deeds.append(token)

    def striker(self, strikes: Sequence[Strike], patience: float = 60.0) -> Striker:
        return Striker(self, Faults(), strikes, self.kill, self.see, lambda _told: None, patience)


async def merge(striker: Striker) -> int:
    transport = httpx.ASGITransport(striker)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        return (await client.put(MERGE, headers={"authorization": "Bearer token-of-one"})).status_code


async def test_a_deed_is_seen_before_it_is_done() -> None:
    world = World()
    assert await merge(world.striker(())) == 200
    assert (world.deeds, world.asked) == (["token-of-one"], [MERGE])


async def test_a_deed_that_was_held_up_for_long_is_not_done() -> None:
    world = World()
    assert await merge(world.striker((), patience=-1.0)) == 502
    assert (world.deeds, world.asked) == (["token-of-one"], [])


async def test_nobody_is_struck_any_more_when_the_end_begins() -> None:
    world = World()
    striker = world.striker((KILL, CUT))
    striker.disarm()
    assert await merge(striker) == 200
    assert (world.killed, striker.faults.listed(), striker.count()) == ([], [], {})


async def test_what_was_struck_before_the_end_stays_counted() -> None:
    striker = World().striker((CUT,))
    assert striker.faults.strike("PUT", MERGE)
    striker.disarm()
    assert striker.count() == {CUT.cell: 1}
