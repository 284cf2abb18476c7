"""The start, in a time that the tests make."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.unit.daemon.timeline import Timeline
from tide.app.starting import LONGEST_PAUSE, Start, Step, may_pass
from tide.domain.errors import (
    BadAnswer,
    ConfigError,
    Forbidden,
    NotFound,
    RateLimited,
    StoreError,
    StoreRefused,
    TideError,
    Unauthorized,
    Unavailable,
)
from tide.web.status import System

HOUR = 3600.0


@dataclass
class Outside:
    """A database, and beside it GitHub and a file; each fails as it is told to."""

    timeline: Timeline = field(default_factory=Timeline)
    troubles: dict[str, TideError] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    told: list[tuple[System, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        database = self._step("database", System.DATABASE)
        steps = (database, self._step("github", System.GITHUB), self._step("file", None, database))
        self.start = Start(
            database, steps, lambda system, error: self.told.append((system, error)), self.timeline.sleep
        )

    def _step(self, name: str, system: System | None, *after: Step) -> Step:
        async def reach() -> None:
            self.tries[name] += 1
            if name in self.troubles:
                raise self.troubles[name]

        return Step(name, "help", reach, system, after)

    @property
    def missing(self) -> list[str]:
        return [one.missing for one in self.start.awaited]

    @asynccontextmanager
    async def starting(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.start.patiently())
        await self.timeline.go_on()
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_where_all_is_there_nothing_is_waited_for() -> None:
    outside = Outside()
    assert not outside.start.is_done
    async with outside.starting() as task:
        assert task.done()
        assert outside.start.is_done
        assert (outside.missing, outside.told) == ([], [])


async def test_what_is_away_is_told_and_tried_ever_more_seldom_until_it_is_there() -> None:
    outside = Outside(troubles={"github": Unavailable("502")})
    async with outside.starting() as task:
        assert (outside.missing, outside.told) == (["github"], [(System.GITHUB, "502")])
        assert outside.start.store.reached.is_set()
        await outside.timeline.go_on(HOUR)
        assert HOUR / LONGEST_PAUSE / 2 < outside.tries["github"] <= HOUR / LONGEST_PAUSE + 6
        outside.troubles.clear()
        await outside.timeline.go_on(1.5 * LONGEST_PAUSE)
        assert task.done()
        assert (outside.start.is_done, outside.told[-1]) == (True, (System.GITHUB, ""))


async def test_what_needs_the_database_is_not_tried_before_it_is_there() -> None:
    outside = Outside(troubles={"database": StoreError("refused")})
    async with outside.starting():
        await outside.timeline.go_on(60)
        assert outside.missing == ["database", "file"]
        assert (outside.tries["file"], outside.tries["github"]) == (0, 1)
        outside.troubles.clear()
        await outside.timeline.go_on(1.5 * LONGEST_PAUSE)
        assert outside.start.is_done


async def test_whichever_step_meets_it_the_database_is_blamed_and_cleared() -> None:
    outside = Outside(troubles={"file": StoreError("refused")})
    async with outside.starting():
        outside.troubles["file"] = Unavailable("503")
        await outside.timeline.go_on(2)
        assert outside.told == [(System.DATABASE, "refused"), (System.DATABASE, "")]
        assert [one.error for one in outside.start.awaited] == ["503"]
        outside.troubles.clear()
        await outside.timeline.go_on(10)
        assert outside.start.awaited == ()


@pytest.mark.parametrize("name", ["database", "github", "file"])
async def test_what_waiting_does_not_mend_ends_the_start(name: str) -> None:
    outside = Outside(troubles={name: Unauthorized("Bad credentials")})
    async with outside.starting() as task:
        with pytest.raises(ExceptionGroup) as raised:
            await task
        assert raised.group_contains(Unauthorized)


async def test_at_once_everything_is_tried_once() -> None:
    outside = Outside(troubles={"github": Unavailable("502")})
    with pytest.raises(Unavailable):
        await outside.start.at_once()
    assert outside.tries == {"database": 1, "github": 1}
    outside.troubles.clear()
    await outside.start.at_once()
    assert outside.tries == {"database": 1, "github": 2, "file": 1}
    assert outside.start.is_done


@pytest.mark.parametrize(("error", "passes"), [
    (StoreError("refused"), True),
    (StoreRefused("wrong password"), False),
    (Unavailable("502"), True),
    (RateLimited("slowly", None), True),  # type: ignore[arg-type] # the time does not count
    (NotFound("no CustomResourceDefinition"), True),
    (Forbidden("no Role"), True),
    (BadAnswer("a proxy's page"), True),
    (Unauthorized("401"), False),
    (ConfigError(), False),
    (TideError("no history"), False),
])  # fmt: skip
def test_what_waiting_may_mend_is_told_from_the_rest(error: TideError, *, passes: bool) -> None:
    assert may_pass(error) == passes
