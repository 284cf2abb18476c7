"""Keep what runs have shown: evidence by tree, and what became of batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tide.domain.evidence import Batch, BatchState, Evidence
from tide.domain.keys import PoolKey
from tide.domain.runs import Run, RunState
from tide.domain.snapshot import Snapshot, StandingKind
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
        store, now = self.world.store, self.world.clock.now()
        runs = (*snapshot.runs, *await self._runs_out_of_sight(snapshot))
        await store.save_runs(runs, now)
        await store.add_evidence([_evidence(run) for run in runs if _is_verdict(run)])
        await self._judge_batches(snapshot)
        return await self._clear_standing(snapshot)

    async def _runs_out_of_sight(self, snapshot: Snapshot) -> tuple[Run, ...]:
        """Look up the runs that were live and do not matter to the pool any more: their verdict is still evidence."""
        seen = {run.name for run in snapshot.runs}
        lost = {run.name: run for run in await self.world.store.live_runs(snapshot.pool) if run.name not in seen}
        found = {run.name: run for run in await self.world.runner.find(lost)} if lost else {}
        gone = (
            replace(run, state=RunState.ERROR, description="The run has vanished.", completed_at=snapshot.now)
            for name, run in lost.items()
            if name not in found
        )
        return (*found.values(), *gone)

    async def _judge_batches(self, snapshot: Snapshot) -> None:
        if not snapshot.base_sha:
            return  # the branch was not read, since no pull request asks for it
        await self.world.store.abandon_batches(snapshot.pool, snapshot.base_sha, self.world.clock.now())
        for batch in await self.world.store.batches(snapshot.pool, snapshot.base_sha):
            if batch.state is not BatchState.TESTING:
                continue
            state = batch_state(batch.members, batch.contexts, snapshot.runs)
            if state is not BatchState.TESTING:
                await self.world.store.save_batch(self._ended(batch, state, snapshot.runs))

    def _ended(self, batch: Batch, state: BatchState, runs: Sequence[Run]) -> Batch:
        failed = sorted({run.context for run in _of(batch.members, runs) if run.state is RunState.FAILURE})
        reason = f"failed: {', '.join(failed)}" if failed else ""
        return replace(batch, state=state, reason=reason, ended_at=self.world.clock.now())

    async def _clear_standing(self, snapshot: Snapshot) -> Snapshot:
        """Trust the branch again once its head itself has passed what it must."""
        if snapshot.standing.kind is not StandingKind.UNPROVEN:
            return snapshot
        if proof_state(snapshot.standing, snapshot.base_sha, snapshot.runs) is not ProofState.PROVED:
            return snapshot
        standing = await self.standings.clear(self.world, snapshot.pool, snapshot.standing)
        return replace(snapshot, standing=standing)


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


def _of(members: Sequence[tuple[int, str]], runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if run.heads == tuple(members)]


def tenant_ids(runs: Iterable[Run], pool: PoolKey) -> tuple[str, ...]:
    """Name the tenants that the runs of a pool belong to (Prow: Pool.TenantIDs)."""
    return tuple(sorted({run.tenant_id for run in runs if run.pool == pool}))
