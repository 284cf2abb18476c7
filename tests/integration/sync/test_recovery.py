"""Killed at any moment: nothing is merged twice, nothing is started twice, and the branch is proved."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, Story
from tests.integration.sync.test_landing import RELEASE, passing, passing_batch, proofs
from tests.integration.sync.witness import die
from tide.domain.errors import StoreError
from tide.domain.keys import PoolKey
from tide.domain.runs import RunKind, RunState
from tide.domain.snapshot import StandingKind

pytestmark = pytest.mark.on_postgres

MOMENTS = [
    ("store", "begin", "before"),
    ("store", "begin", "after"),
    ("code_host", "merge", "before"),
    ("code_host", "merge", "after"),
    ("store", "add_landing", "before"),
    ("store", "add_landing", "after"),
    ("store", "finish", "before"),
    ("store", "save_batch", "before"),
    ("store", "add_history", "before"),
]


async def lose_the_database() -> None:
    raise StoreError("the database is out of reach")


@dataclass
class Lagging:
    """A code host whose branches are read from a copy that lags behind: `heads` are those that it still shows."""

    host: Any
    heads: dict[PoolKey, str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.host, name)

    async def branch_head(self, pool: PoolKey) -> str:
        return self.heads.get(pool) or str(await self.host.branch_head(pool))


async def die_merging_behind(ctx: Story) -> Lagging:
    """Kill the process when it has merged; to the next one the branch looks as it was."""
    before = ctx.head()
    ctx.tamper("code_host", "merge", after=die)
    await ctx.sync_and_die()
    ctx.restart()
    lagging = Lagging(ctx.world.code_host, {MAIN: before})
    ctx.world = replace(ctx.world, code_host=lagging)
    ctx.sync_.world = ctx.world
    return lagging


async def merged_by_history(ctx: Story) -> list[int]:
    """The numbers that the history tells as merged, each as often as it does."""
    merges = [record for record in await ctx.history() if record.action.startswith("MERGE")]
    done = [record for record in merges if record.is_done or "partial merge" in record.error]
    return sorted(target.number for record in done for target in record.targets)


@pytest.mark.parametrize(("port", "method", "when"), MOMENTS)
async def test_a_batch_landing_that_is_killed_lands_once(world: World, port: str, method: str, when: str) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        how: dict[str, Any] = {when: die}
        # The second merge of the batch, or what is written after it.
        ctx.tamper(port, method, nth=2 if method in {"merge", "add_landing"} else 1, **how)
        await ctx.sync_and_die()
        ctx.restart()
        later = await ctx.open_pull("later")
        await ctx.settle()
        assert [ctx.merges(pull) for pull in (*pulls, later)] == [1, 1, 1, 1]
        assert (await ctx.standing()).kind is StandingKind.PROVEN
        assert all(row["outcome"] for row in await ctx.rows("intents"))
        assert {row["number"] for row in await ctx.rows("landings")} == {1, 2, 3, 4}
        if method != "add_history":
            assert await merged_by_history(ctx) == [1, 2, 3, 4]


async def test_the_head_that_a_kill_leaves_behind_is_proved_first(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.tamper("code_host", "merge", nth=2, before=die)
        await ctx.sync_and_die()
        ctx.restart()
        head = ctx.head()
        await ctx.sync()
        assert [pull.merged for pull in pulls] == [True, False, False]
        assert proofs(ctx) == [(head, RunState.TRIGGERED)]
        assert "cut short after 1 of 3" in (await ctx.standing()).reason
        (batch,) = await ctx.rows("batches")
        assert batch["state"] == "partial"
        await ctx.settle()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]


@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_kill_that_takes_the_database_along_does_no_deed_twice(world: World, nth: int) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.tamper("code_host", "merge", nth=nth, after=die)
        await ctx.sync_and_die()
        await ctx.backend.empty()
        ctx.restart()
        await ctx.settle()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]


async def test_a_passed_batch_lands_also_with_an_empty_database(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        started = len(ctx.ci.all)
        await ctx.backend.empty()
        ctx.restart()
        await ctx.sync()
        assert all(pull.merged for pull in pulls)
        assert len(ctx.ci.all) == started
        assert len(await ctx.rows("landings")) == 3


async def test_a_merge_that_the_branch_does_not_show_yet_is_waited_for(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        lagging = await die_merging_behind(ctx)
        later = await ctx.open_pull("later")
        await ctx.sync()
        assert pull.merged
        assert "the branch does not show it yet" in (await ctx.pool()).error
        assert await ctx.rows("landings") == []
        lagging.heads.clear()
        await ctx.settle()
        assert [row["number"] for row in await ctx.rows("landings")] == [pull.number, later.number]
        assert (await ctx.standing()).kind is StandingKind.PROVEN


async def test_a_branch_that_never_shows_a_merge_is_proved_as_it_is(world: World) -> None:
    async with world() as ctx:
        await passing(ctx)
        await die_merging_behind(ctx)
        ctx.clock.sandbox.forward(seconds=600)
        await ctx.sync()
        assert "is merged, and the branch does not show it" in (await ctx.standing()).reason


async def test_a_wrong_tree_is_found_also_by_the_process_after_the_one_that_made_it(world: World) -> None:
    async with world() as ctx:
        await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.fault("wrong_tree", nth=(2,))
        ctx.tamper("code_host", "merge", nth=2, after=die)
        await ctx.sync_and_die()
        ctx.restart()
        await ctx.sync()
        assert (await ctx.standing()).kind is StandingKind.FROZEN
        (record,) = [record for record in await ctx.history() if record.action == "MERGE_BATCH"]
        assert record.error.startswith("failed merging [3] from batch [1 2 3], partial merge [1 2]: #2 landed as tree ")
        assert [target.title for target in record.targets] == ["Add pump", "Add valve"]


async def test_a_kill_between_freezing_and_writing_down_leaves_the_pool_frozen(world: World) -> None:
    async with world() as ctx:
        await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.fault("wrong_tree", nth=(1,))
        ctx.tamper("store", "finish", before=die)
        await ctx.sync_and_die()
        assert (await ctx.standing()).kind is StandingKind.FROZEN
        ctx.restart()
        await ctx.settle()
        assert (await ctx.standing()).kind is StandingKind.FROZEN


async def test_a_retarget_is_found_also_by_the_process_after_the_one_that_merged(world: World) -> None:
    async with world() as ctx:
        await passing_batch(ctx, "pump", "valve")
        ctx.fault("retarget_before_merge", branch="release", nth=(1,))
        ctx.tamper("code_host", "merge", after=die)
        await ctx.sync_and_die()
        ctx.restart()
        await ctx.sync()
        assert "retargeted" in (await ctx.standing()).reason
        assert "retargeted" in (await ctx.store.standing(RELEASE)).reason


async def test_pushes_by_others_after_a_kill_leave_the_branch_unproven(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.tamper("code_host", "merge", nth=2, after=die)
        await ctx.sync_and_die()
        await ctx.push("main", direct="provides direct")
        ctx.restart()
        head = ctx.head()
        await ctx.sync()
        assert proofs(ctx) == [(head, RunState.TRIGGERED)]
        await ctx.settle()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]


async def test_an_error_of_the_database_inside_a_landing_is_settled_without_a_restart(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.tamper("store", "add_landing", nth=2, before=lose_the_database)
        with pytest.raises(StoreError):
            await ctx.sync()
        head = ctx.head()
        await ctx.sync()
        assert proofs(ctx) == [(head, RunState.TRIGGERED)]
        await ctx.settle()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_runs_are_not_started_twice_when_the_start_is_killed(world: World, when: str) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        how: dict[str, Any] = {when: die}
        ctx.tamper("runner", "start", **how)
        await ctx.sync_and_die()
        ctx.restart()
        await ctx.sync()
        assert len(ctx.runs(1)) == 1
        await ctx.settle()
        assert pull.merged


async def test_a_batch_that_is_killed_while_it_is_started_is_started_once(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("main", moved="provides moved")
        ctx.tamper("runner", "start", after=die)
        await ctx.sync_and_die()
        ctx.restart()
        await ctx.sync()
        assert len([run for run in ctx.ci.all if run.kind is RunKind.BATCH]) == 1
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


async def test_a_dry_run_leaves_what_was_begun_alone(world: World) -> None:
    async with world() as ctx:
        await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.tamper("code_host", "merge", nth=2, before=die)
        await ctx.sync_and_die()
        ctx.restart(is_dry_run=True)
        await ctx.sync()
        assert any(not row["outcome"] for row in await ctx.rows("intents"))
        assert (await ctx.standing()).kind is StandingKind.PROVEN
