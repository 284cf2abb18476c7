"""Whatever happens around it, the queue lands each good change once and never leaves a branch red."""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.sync.story import Config, Story, told
from tests.integration.sync.witness import Killed, die
from tests.stores import PostgresBackend
from tide.domain.snapshot import StandingKind
from tide.sandbox.evidence import NewCheckRun
from tide.sandbox.model import PullRequest

REFUSED = "Pull Request is not mergeable"
MOMENTS = (
    ("code_host", "merge"),
    ("code_host", "commit"),
    ("store", "begin"),
    ("store", "add_landing"),
    ("store", "finish"),
    ("store", "set_standing"),
    ("runner", "start"),
)


@dataclass
class Town:
    """One story with its contributors: `good` changes must land in the end, `bad` ones never."""

    ctx: Story
    good: list[PullRequest] = field(default_factory=list)
    bad: list[PullRequest] = field(default_factory=list)
    rivals: list[PullRequest] = field(default_factory=list)
    hangs: int = 0
    _names: int = 0

    def name(self) -> str:
        self._names += 1
        return f"part{self._names}"

    async def open_good(self) -> None:
        self.good.append(await self.ctx.open_pull(self.name()))

    async def open_bad(self) -> None:
        name = self.name()
        files: dict[str, Any] = {name: "breaks unit"}
        self.bad.append(await self.ctx.open_pull(name, **files))

    async def open_rivals(self) -> None:
        """Open two that pass alone and fail together; once is enough."""
        if not self.rivals:
            self.rivals.append(await self.ctx.open_pull("rename", core=None, heart="provides heart"))
            self.rivals.append(await self.ctx.open_pull("user", user="needs core"))

    async def amend(self) -> None:
        for pull in [pull for pull in self.good if not pull.merged][:1]:
            name = self.name()
            await self.ctx.push(pull.head_ref, **{name: f"provides {name}"})

    async def hold(self) -> None:
        for pull in [pull for pull in self.good if not pull.merged][-1:]:
            self.ctx.add_label(pull, "hold")

    async def push_directly(self) -> None:
        name = self.name()
        await self.ctx.push("main", **{name: f"provides {name}"})

    async def lose_an_answer(self) -> None:
        self.ctx.fault("status", method="PUT", when="after", times=1)

    async def lose_a_request(self) -> None:
        self.ctx.fault("status", method="PUT", when="before", times=1)

    async def refuse(self) -> None:
        self.ctx.fault("status", method="PUT", times=1, status=405, body={"message": REFUSED})

    async def go_blind(self) -> None:
        """Let GitHub fail for some of the next requests."""
        self.ctx.fault("status", "/git/(ref|commits)/", status=502, probability=0.4, times=4)

    async def hang(self) -> None:
        """Let what runs hang until nobody waits for it any more; a third time would count as a failure."""
        if self.ctx.ci.live and self.hangs < 2:
            self.hangs += 1
            self.ctx.hang()

    async def run_a_check_again(self) -> None:
        """Have a check that failed run again, and never come back."""
        for pull in [pull for pull in self.good if not pull.merged][:1]:
            repository, check = self.ctx.repository(), NewCheckRun(name="build", conclusion="failure")
            self.ctx.forge.create_check_run(repository, pull.head_sha, check)
            await self.sync()
            repository.check_runs.clear()

    async def push_during_a_merge(self) -> None:
        self.ctx.tamper("code_host", "merge", before=self.push_directly)

    async def sync(self) -> None:
        """Sync; one that is killed is followed by a new process."""
        try:
            await self.ctx.sync()
        except BaseExceptionGroup as group:
            if group.subgroup(Killed) is None:
                raise
            self.ctx.restart()

    async def sync_and_run(self) -> None:
        await self.sync()
        await self.ctx.run_jobs()

    async def end_well(self) -> None:
        """Take all troubles away and let the queue drain."""
        self.ctx.sandbox.faults.clear()
        self.ctx.restart()
        for pull in self.good:
            self.ctx.remove_label(pull, "hold")
        for _ in range(3):
            await self.ctx.settle(80)
            self.ctx.clock.sandbox.now += timedelta(minutes=10)
        # A head that nobody waits for is not read: this one asks for what is owed.
        await self.open_good()
        await self.ctx.settle(80)


Step = Callable[[Town], Awaitable[None]]
EVENTS: tuple[Step, ...] = (
    Town.open_good,
    Town.open_bad,
    Town.open_rivals,
    Town.amend,
    Town.hold,
    Town.push_directly,
    Town.lose_an_answer,
    Town.lose_a_request,
    Town.refuse,
    Town.go_blind,
    Town.hang,
    Town.run_a_check_again,
    Town.push_during_a_merge,
    Town.sync,
    Town.sync_and_run,
    Town.sync_and_run,
    Town.sync_and_run,
)


@dataclass(frozen=True)
class Kill:
    """Kill the process at the `nth` call of a port's method."""

    moment: tuple[str, str]
    nth: int
    is_after: bool

    async def __call__(self, town: Town) -> None:
        port, method = self.moment
        how: dict[str, Any] = {"after" if self.is_after else "before": die}
        town.ctx.tamper(port, method, nth=self.nth, **how)
        await town.sync_and_run()


kills = st.builds(Kill, st.sampled_from(MOMENTS), st.integers(1, 3), st.booleans())
steps: st.SearchStrategy[list[Step]] = st.lists(st.sampled_from(EVENTS) | kills, min_size=6, max_size=14)


@settings(
    max_examples=6,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps)
async def test_good_changes_land_once_and_no_branch_rests_on_a_failing_head(
    engine: AsyncEngine, tmp_path: Path, program: list[Step]
) -> None:
    backend = PostgresBackend(engine)
    await backend.empty()
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        async with told(backend, Path(folder), Config()) as ctx:
            town = Town(ctx)
            for step in (Town.open_good, Town.open_good, Town.sync_and_run, *program):
                await step(town)
            await town.end_well()
            await expect_a_good_end(town)


async def expect_a_good_end(town: Town) -> None:
    ctx = town.ctx
    assert (await ctx.truth.verdict()).red == ()
    assert all(ctx.merges(pull) <= 1 for pull in ctx.repository().pulls.values())
    assert not any(pull.merged for pull in town.bad)
    assert [pull.number for pull in town.good if not pull.merged] == []
    assert sum(pull.merged for pull in town.rivals) == len(town.rivals) // 2
    assert (await ctx.standing()).kind is StandingKind.PROVEN
