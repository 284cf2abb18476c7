"""A sync that lets pools rest decides as one that decides them all each time."""

import inspect
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.sync.story import Config, Story, job, told
from tests.integration.sync.test_many_pools import Counted, count
from tests.integration.sync.witness import Witness
from tests.stores import PostgresBackend
from tide.domain.decisions import Decision
from tide.domain.keys import PoolKey, PullKey
from tide.domain.snapshot import Snapshot, Standing, StandingKind
from tide.ports.store import Store
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.model import CheckConclusion, PullRequest, StatusState
from tide.sync.sync import Sync

BRANCHES = ("main", "release")


@dataclass
class World:
    """A story with pull requests in which anything changes.

    `reads` are the pools that were read for a decision; `rested` counts those that were found at rest.
    """

    ctx: Story
    reads: Counted
    pulls: list[PullRequest] = field(default_factory=list)
    rested: int = 0

    def pull(self, number: int) -> PullRequest:
        return self.pulls[number % len(self.pulls)]

    async def open(self, number: int) -> None:
        labels = ("lgtm",) if number % 3 else ()
        content = f"breaks unit {number}" if number % 4 < 2 else f"provides part{number}"
        name = f"part{len(self.pulls)}"
        pull = await self.ctx.open_pull(name, labels=labels, base=BRANCHES[number % 2], **{name: content})
        self.pulls.append(pull)

    def report(self, number: int) -> None:
        states: tuple[StatusState, ...] = ("failure", "pending", "success")
        status = NewStatus(context="extra", state=states[number % 3])
        self.ctx.forge.create_status(self.ctx.repository(), self.pull(number).head_sha, status)

    def check(self, number: int) -> None:
        conclusions: tuple[CheckConclusion, ...] = ("failure", "success")
        new = NewCheckRun(name="docs", conclusion=conclusions[number % 2])
        self.ctx.forge.create_check_run(self.ctx.repository(), self.pull(number).head_sha, new)

    def lose_checks(self, _number: int) -> None:
        self.ctx.repository().check_runs.clear()

    def label(self, number: int) -> None:
        self.ctx.add_label(self.pull(number), ("lgtm", "hold", "kind/other")[number % 3])

    def unlabel(self, number: int) -> None:
        self.ctx.remove_label(self.pull(number), ("hold", "lgtm")[number % 2])

    async def push(self, number: int) -> None:
        pull, name = self.pull(number), f"more{number}"
        if pull.state == "open":
            await self.ctx.push(pull.head_ref, **{name: f"provides {name}"})

    async def push_to_a_branch(self, number: int) -> None:
        name = f"direct{self.ctx.forge.next_id()}"
        await self.ctx.push(BRANCHES[number % 2], **{name: f"provides {name}"})

    def close(self, number: int) -> None:
        if self.pull(number).state == "open":
            self.ctx.forge.close_pull(self.ctx.repository(), self.pull(number))

    def retarget(self, number: int) -> None:
        pull = self.pull(number)
        if pull.state == "open":
            other = BRANCHES[pull.base_ref == BRANCHES[0]]
            self.ctx.forge.retarget_pull(self.ctx.repository(), pull, other, "alice")

    def block(self, _number: int) -> None:
        self.ctx.forge.open_issue(self.ctx.repository(), title="Stop branch:main", labels=["merge-blocker"])

    def reload(self, number: int) -> None:
        names = (("unit",), ("unit", "lint"))[number % 2]
        self.ctx.reload(jobs={"acme/rocket": [job(name) for name in names]})

    async def doubt(self, number: int) -> None:
        pool = PoolKey("acme", "rocket", BRANCHES[number % 2])
        kind = (StandingKind.FROZEN, StandingKind.PROVEN)[number % 2]
        await self.ctx.store.set_standing(pool, Standing(kind, "for some reason", since=self.ctx.clock.now()))

    async def ask_for_retests(self, number: int) -> None:
        pull = self.pull(number)
        key = PullKey("acme", "rocket", pull.number)
        await self.ctx.store.ask_again(key, pull.head_sha, ["unit"], self.ctx.clock.now())

    def forget_runs(self, _number: int) -> None:
        self.ctx.ci.forget()

    async def run_jobs(self, _number: int) -> None:
        await self.ctx.run_jobs()

    def wait(self, number: int) -> None:
        self.ctx.clock.sandbox.forward(minutes=(1, 4, 11, 70)[number % 4])

    def nothing(self, _number: int) -> None:
        """Let only time pass."""

    async def look(self, number: int) -> None:
        """Follow a hint, as a webhook gives one."""
        ctx = self.ctx
        await ctx.lead.keep()
        ctx.woken.clear()
        await ctx.sync_.look_near([PullKey("acme", "rocket", self.pull(number).number)])
        for pool in set(ctx.woken):
            await ctx.sync_.look_again(pool)

    async def compare(self) -> None:
        """Sync; then have what was found at rest decided by one that remembers nothing, and see that it agrees.

        That one acts on nothing and records no decision, so that those at rest go on resting: whatever they miss adds
        up from one event to the next.
        """
        resting = self.ctx.sync_._resting
        before = dict(resting._pools)
        seen = len(self.reads.calls)
        await self.ctx.sync()
        read = {pool for (pool,) in self.reads.calls[seen:]}
        rested = {pool: rest for pool, rest in before.items() if resting.of(pool) is rest and pool not in read}
        anew = await self._decided_anew()
        for pool, rest in rested.items():
            assert_same(rest.decision, anew[pool])
        self.rested += len(rested)

    async def _decided_anew(self) -> Mapping[PoolKey, Decision]:
        witness = Witness()
        changed: dict[str, Any] = {"store": Unrecorded(self.ctx.store), "observer": witness}
        world = replace(self.ctx.world, **changed)
        await Sync(world, self.ctx.sync_.config, lease=None).round()
        assert witness.failures == []
        return {decision.pool: decision for decision in witness.decisions}


@dataclass
class Unrecorded:
    """A store that reads as the one under it does, and keeps no decision."""

    store: Store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def record_decision(self, _snapshot: Snapshot, _decision: Decision) -> int:
        return 0


def assert_same(rested: Decision, anew: Decision) -> None:
    """Compare but for the base, which nobody reads where nothing wants to land."""
    assert (rested.action, rested.first_runs) == (anew.action, anew.first_runs)
    assert [(one.pull, one.kind, one.summary) for one in rested.verdicts] == [
        (one.pull, one.kind, one.summary) for one in anew.verdicts
    ]


Event = Callable[[World, int], Awaitable[None] | None]
EVENTS: tuple[Event, ...] = (
    World.open,
    World.report,
    World.check,
    World.lose_checks,
    World.label,
    World.unlabel,
    World.push,
    World.push_to_a_branch,
    World.close,
    World.retarget,
    World.block,
    World.reload,
    World.doubt,
    World.ask_for_retests,
    World.forget_runs,
    World.run_jobs,
    World.wait,
    World.nothing,
    World.nothing,
    World.look,
)
steps = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 11)), min_size=4, max_size=8)


@asynccontextmanager
async def begun(engine: AsyncEngine, folder: Path) -> AsyncIterator[World]:
    """Begin with an empty database, and pull requests in each branch for which nothing more is to be done."""
    backend = PostgresBackend(engine)
    await backend.empty()
    async with told(backend, folder, Config(statuses=True)) as ctx:
        world = World(ctx, count(ctx, "store", "pool_pulls"))
        for number in (1, 3, 4):
            await world.open(number)
        await ctx.settle()
        ctx.clock.sandbox.forward(minutes=1)
        for _ in range(3):
            await ctx.sync()
        yield world


async def live_through(world: World, program: list[tuple[Event, int]]) -> None:
    for event, number in program:
        made = event(world, number)
        if inspect.isawaitable(made):
            await made
        await world.compare()


@settings(
    max_examples=5,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],  # to shrink an example of a few seconds takes many minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps)
async def test_what_rests_would_be_decided_just_so(
    engine: AsyncEngine, tmp_path: Path, program: list[tuple[Event, int]]
) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        async with begun(engine, Path(folder)) as world:
            await live_through(world, program)


async def test_a_pool_is_found_at_rest_as_long_as_nothing_happens_in_it(engine: AsyncEngine, tmp_path: Path) -> None:
    async with begun(engine, tmp_path) as world:
        await live_through(world, [(World.nothing, 0)] * 3)
        assert world.rested == 3 * len(BRANCHES)
        await live_through(world, [(World.push_to_a_branch, 0)])
        assert world.rested == 3 * len(BRANCHES) + 1
