"""Keep what runs have shown: evidence by tree, and what became of batches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tide.domain.evidence import Batch, BatchState, Evidence
from tide.domain.keys import PoolKey
from tide.domain.runs import Purpose, Run, RunState
from tide.domain.snapshot import Snapshot, StandingKind
from tide.policy.failures import batch_failed, failed_contexts, failed_tests
from tide.policy.proof import ProofState, proof_state
from tide.policy.tally import batch_state
from tide.sync.standings import Standings
from tide.sync.world import World


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes down what the runs of a snapshot have shown."""

    world: World
    standings: Standings

    async def record(self, snapshot: Snapshot) -> Snapshot:
        """Keep runs, evidence and batch verdicts; give the snapshot as it stands with them."""
        seen = {run.name for run in snapshot.runs}
        live = await self.world.store.live_runs(snapshot.pool)
        found, vanished = await self._look_up([run for run in live if run.name not in seen])
        # A run that vanished has no verdict: the decision must see it to start it once more.
        snapshot = replace(snapshot, runs=(*snapshot.runs, *vanished))
        await self._judge_batches(snapshot)
        runs, awaited = (*snapshot.runs, *found), {run.name for run in live}
        ended = [run for run in runs if run.name in awaited and not run.state.is_live]
        # Before they are kept as ended: who is killed in between tells it twice rather than never.
        for record in failed_tests(snapshot, ended, self.world.clock.now()):
            await self.world.store.add_history(record)
        await self._keep([run for run in runs if run.name in awaited or _is_kept(run, snapshot.base_sha)])
        snapshot = await self._answer(snapshot)
        return await self._clear_standing(snapshot)

    async def follow(self, pools: Collection[PoolKey]) -> None:
        """See what became of the runs of all pools but these, which nobody else looks at."""
        live = await self.world.store.live_runs()
        found, vanished = await self._look_up([run for run in live if run.pool not in pools])
        await self._keep((*found, *vanished))

    async def _keep(self, runs: Sequence[Run]) -> None:
        await self.world.store.save_runs(runs, self.world.clock.now())
        await self.world.store.add_evidence([_evidence(run) for run in runs if _is_verdict(run)])

    async def _look_up(self, lost: Sequence[Run]) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
        """Look up runs that were live and are out of sight: their verdict is still evidence; give also the vanished."""
        if not lost:
            return (), ()
        now = self.world.clock.now()
        found = {run.name: run for run in await self.world.runner.find({run.name for run in lost})}
        vanished = (
            replace(run, state=RunState.ERROR, description="The run has vanished.", completed_at=now)
            for run in lost
            if run.name not in found
        )
        return tuple(found.values()), tuple(vanished)

    async def _answer(self, snapshot: Snapshot) -> Snapshot:
        """Note which runs have answered what somebody asked to be run again; give the snapshot with what is left."""
        if not snapshot.asked_again:
            return snapshot
        heads = {head_sha for head_sha, _ in snapshot.asked_again}
        await self.world.store.answer_asked(snapshot.pool, heads, self.world.clock.now())
        left = set(await self.world.store.asked_again(snapshot.pool, heads))
        return replace(snapshot, asked_again=tuple(one for one in snapshot.asked_again if one in left))

    async def _judge_batches(self, snapshot: Snapshot) -> None:
        if not snapshot.base_sha:
            return  # the branch was not read, since no pull request asks for it
        await self.world.store.abandon_batches(snapshot.pool, snapshot.base_sha, self.world.clock.now())
        for batch in await self.world.store.batches(snapshot.pool, snapshot.base_sha):
            if batch.state is not BatchState.TESTING:
                continue
            state = batch_state(batch.members, batch.contexts, snapshot.runs)
            if state is not BatchState.TESTING:
                await self._end(batch, state, snapshot)

    async def _end(self, batch: Batch, state: BatchState, snapshot: Snapshot) -> None:
        now, failed = self.world.clock.now(), failed_contexts(batch.members, snapshot.runs)
        if state is BatchState.FAILED:
            await self.world.store.add_history(batch_failed(snapshot, batch.members, failed, now))
        reason = f"failed: {', '.join(failed)}" if failed else ""
        await self.world.store.save_batch(replace(batch, state=state, reason=reason, ended_at=now))

    async def _clear_standing(self, snapshot: Snapshot) -> Snapshot:
        """Trust the branch again once its head itself has passed what it must."""
        if snapshot.standing.kind is not StandingKind.UNPROVEN:
            return snapshot
        if proof_state(snapshot.standing, snapshot.base_sha, snapshot.runs) is not ProofState.PROVED:
            return snapshot
        standing = await self.standings.clear(self.world, snapshot.pool, snapshot.standing)
        return replace(snapshot, standing=standing)


def _is_kept(run: Run, base_sha: str) -> bool:
    # What others test on another base is nothing to go on, beyond that it is under way.
    return run.base_sha == base_sha or run.purpose is not Purpose.FOREIGN


def _is_verdict(run: Run) -> bool:
    known = bool(run.run_tree and run.job_digest and run.completed_at)
    return known and run.state in {RunState.SUCCESS, RunState.FAILURE}


def _evidence(run: Run) -> Evidence:
    if run.completed_at is None:
        raise ValueError(f"{run.name} has not ended")
    return Evidence(
        job_digest=run.job_digest,
        run_tree=run.run_tree,
        passed=run.state is RunState.SUCCESS,
        run_name=run.name,
        context=run.context,
        pool=run.pool,
        base_sha=run.base_sha,
        observed_at=run.completed_at,
    )
