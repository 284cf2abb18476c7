"""Land what was tested, one pull request after the other, and prove after each that the branch got what was planned.

A REST merge pins the head but not the base, so the proof is made afterwards: the commit that GitHub made must have
the tree that was planned, and must be the branch's head. A foreign push or a refusal half-way stops the landing and
leaves the branch unproven; a wrong tree on our own parent freezes the pool, since then GitHub did not do what git
does, and a human must look.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from tide.domain.actions import Merge, MergeBatch, Target
from tide.domain.errors import RemoteError
from tide.domain.evidence import Assembly, Batch, BatchState, Landing, Proposal, Step
from tide.domain.intents import Intent, IntentKind
from tide.domain.outcomes import Merged, NotMerged, Outcome, Refusal
from tide.domain.pulls import MergeMethod, Pull
from tide.domain.snapshot import Snapshot, Standing, StandingKind
from tide.policy.landing import may_land
from tide.sync.heads import pull_ref
from tide.sync.holds import Holds
from tide.sync.world import World

REFUSAL_HOLDS = timedelta(minutes=5)
# GitHub computes mergeability in the background after each push to the base (Prow: github.go Merge waits likewise).
BASE_MODIFIED_WAITS = (4.0, 8.0)


class _Stopped(Exception):  # noqa: N818 - an event inside this module, not an error
    """The landing cannot go on; the text says why, `standing` how far the branch may still be trusted."""

    def __init__(self, reason: str, standing: StandingKind | None = None) -> None:
        super().__init__(reason)
        self.standing = standing


@dataclass(frozen=True, slots=True)
class Lander:
    """Merges tested pull requests."""

    world: World
    holds: Holds

    async def land(self, snapshot: Snapshot, targets: Sequence[Target], action: Merge | MergeBatch) -> Outcome:
        """Merge the targets in order; stop at the first thing that is not as planned.

        Raises:
            RemoteError: something could not be read before the first merge; nothing was done.
        """
        landing = _Landing(self.world, snapshot, targets)
        error = ""
        try:
            await landing.run()
        except _Stopped as stopped:
            error = str(stopped)
            await self._after_stop(landing, stopped)
        await landing.close(error)
        landed = tuple(step.number for step in landing.landed)
        return Outcome(action.kind, landed, error=_history_error(targets, landed, error), reason=action.reason)

    async def _after_stop(self, landing: "_Landing", stopped: _Stopped) -> None:
        snapshot = landing.snapshot
        left = landing.targets[len(landing.landed)]
        until = self.world.clock.now() + REFUSAL_HOLDS
        self.holds.add(snapshot.pool, snapshot.base_sha, left, str(stopped), until=until)
        kind = stopped.standing or (StandingKind.UNPROVEN if landing.landed else None)
        if kind is not None:
            await landing.set_standing(kind, str(stopped))


@dataclass(slots=True)
class _Landing:
    """One landing under way: `landed` are the steps that are on the branch, as planned."""

    world: World
    snapshot: Snapshot
    targets: Sequence[Target]
    landed: list[Step]
    head_sha: str

    def __init__(self, world: World, snapshot: Snapshot, targets: Sequence[Target]) -> None:
        self.world, self.snapshot, self.targets = world, snapshot, targets
        self.landed, self.head_sha = [], snapshot.base_sha

    async def run(self) -> None:
        pulls = await self._reread()
        if await self.world.code_host.branch_head(self.snapshot.pool) != self.snapshot.base_sha:
            raise _Stopped("the branch has moved since it was tested")
        assembly = await self._plan()
        await self._check_tested(assembly)
        intent_id = await self._begin(assembly)
        for target, step in zip(self.targets, assembly.steps, strict=True):
            await self._land_one(target, step)
            await self.world.store.save_pulls(
                [replace(pulls[target.number], is_open=False, is_merged=True)], self.world.clock.now()
            )
        await self.world.store.finish(intent_id, "landed", self.world.clock.now())

    async def _reread(self) -> dict[int, Pull]:
        """Read every member once more, now: a merge rests on nothing older."""
        views = {view.pull.number: view for view in self.snapshot.pulls}
        read = await self.world.code_host.read_pulls([views[target.number].pull.key for target in self.targets])
        pulls = {key.number: pull for key, pull in read.items()}
        for target in self.targets:
            pull = pulls.get(target.number)
            view = replace(views[target.number], pull=pull) if pull else None
            reason = may_land(view, target, self.snapshot) if view else "it does not exist any more"
            if reason:
                raise _Stopped(f"#{target.number}: {reason}")
        return {number: pull for number, pull in pulls.items() if pull}

    async def _plan(self) -> Assembly:
        pool, base_sha = self.snapshot.pool, self.snapshot.base_sha
        wanted = {base_sha: f"refs/heads/{pool.branch}"}
        await self.world.git.fetch(
            pool.repository, wanted | {target.head_sha: pull_ref(target.number) for target in self.targets}
        )
        proposals = [Proposal(target.number, target.head_sha, target.method) for target in self.targets]
        assembly = await self.world.git.assemble(pool.repository, base_sha, proposals, 0)
        if assembly.skips:
            skip = assembly.skips[0]
            raise _Stopped(f"#{skip.number}: {skip.reason}")
        return assembly

    async def _check_tested(self, assembly: Assembly) -> None:
        """See that what would land is what was tested."""
        batch = await self._batch()
        if batch and batch.run_tree != assembly.plan_tree:
            raise _Stopped(f"the batch was tested as tree {batch.run_tree}, but would land as {assembly.plan_tree}")
        if assembly.run_tree != assembly.plan_tree:
            raise _Stopped(f"a test sees tree {assembly.run_tree}, but {assembly.plan_tree} would land")

    async def _batch(self) -> Batch | None:
        members = tuple((target.number, target.head_sha) for target in self.targets)
        batches = await self.world.store.batches(self.snapshot.pool, self.snapshot.base_sha)
        return next((batch for batch in batches if batch.members == members), None)

    async def _begin(self, assembly: Assembly) -> int:
        detail = json.dumps(
            {
                "base_sha": self.snapshot.base_sha,
                "base_tree": assembly.base_tree,
                "contexts": self._contexts(),
                "steps": [[step.number, step.head_sha, step.plan_tree] for step in assembly.steps],
            }
        )
        numbers = " ".join(f"#{target.number}" for target in self.targets)
        now = self.world.clock.now()
        return await self.world.store.begin(Intent(IntentKind.MERGE, self.snapshot.pool, numbers, detail, now))

    async def _land_one(self, target: Target, step: Step) -> None:
        sha = await self._merge(target)
        await self._verify(target, step, sha)
        self.landed.append(step)
        self.head_sha = sha

    async def _merge(self, target: Target) -> str:
        """Merge one pull request; give the commit that the branch got."""
        repo = self.snapshot.pool.repository
        for wait in (*BASE_MODIFIED_WAITS, None):
            try:
                answer = await self.world.code_host.merge(repo, target)
            except RemoteError as error:
                return await self._merged_after_all(target, error)
            match answer:
                case Merged(sha=sha):
                    return sha
                case NotMerged(refusal=Refusal.BASE_MODIFIED) if wait is not None:
                    await self.world.sleep(wait)
                    await self._check_head()
                case NotMerged(message=message):
                    raise _Stopped(f"#{target.number}: GitHub refused: {message}")
        raise AssertionError  # the last answer is never waited upon

    async def _check_head(self) -> None:
        if await self.world.code_host.branch_head(self.snapshot.pool) != self.head_sha:
            raise _Stopped("somebody else pushed to the branch during the landing")

    async def _merged_after_all(self, target: Target, error: RemoteError) -> str:
        """Find out whether a merge whose answer was lost was done."""
        pool = self.snapshot.pool
        unknown = f"#{target.number}: the answer to the merge was lost: {error}"
        try:
            head = await self.world.code_host.branch_head(pool)
        except RemoteError:
            raise _Stopped(unknown, StandingKind.UNPROVEN) from error
        if head == self.head_sha:
            raise _Stopped(f"{unknown}; the branch has not moved") from error
        return head

    async def _verify(self, target: Target, step: Step, sha: str) -> None:
        """See that the branch got what was planned."""
        pool, host = self.snapshot.pool, self.world.code_host
        try:
            head, commit = await host.branch_head(pool), await host.commit(pool.repository, sha)
        except RemoteError as error:
            raise _Stopped(
                f"#{target.number}: what landed could not be read: {error}", StandingKind.UNPROVEN
            ) from error
        await self._keep(step, sha, commit.tree)
        if head != sha:
            raise _Stopped(await self._astray(target, sha, head), StandingKind.UNPROVEN)
        if commit.tree == step.plan_tree:
            return
        planned = f"#{target.number} landed as tree {commit.tree}, planned was {step.plan_tree}"
        if target.method is not MergeMethod.REBASE and commit.parents[:1] != (self.head_sha,):
            raise _Stopped(f"{planned}: somebody else pushed to the branch first", StandingKind.UNPROVEN)
        raise _Stopped(planned, StandingKind.FROZEN)

    async def _astray(self, target: Target, sha: str, head: str) -> str:
        """Say where a merge went that is not the head of its branch; mark the other branch when it went there."""
        key = next(view.pull.key for view in self.snapshot.pulls if view.pull.number == target.number)
        pull = (await self.world.code_host.read_pulls([key])).get(key)
        if pull is None or pull.pool == self.snapshot.pool:
            return f"after #{target.number} the branch is at {head}, not at our merge {sha}: somebody else pushed"
        reason = f"#{target.number} was retargeted during the merge and landed on {pull.base_branch} untested"
        standing = Standing(StandingKind.UNPROVEN, reason, self._contexts(), self.world.clock.now())
        await self.world.store.set_standing(pull.pool, standing)
        return reason

    async def _keep(self, step: Step, sha: str, tree: str) -> None:
        await self.world.store.add_landing(
            Landing(
                pool=self.snapshot.pool,
                number=step.number,
                head_sha=step.head_sha,
                method=step.method,
                base_sha=self.head_sha,
                run_tree=step.run_tree,
                plan_tree=step.plan_tree,
                landed_sha=sha,
                landed_tree=tree,
                landed_at=self.world.clock.now(),
            )
        )

    def _contexts(self) -> tuple[str, ...]:
        numbers = {target.number for target in self.targets}
        needed = (view.required for view in self.snapshot.pulls if view.pull.number in numbers)
        return tuple(sorted({context for required in needed for context in required}))

    async def set_standing(self, kind: StandingKind, reason: str) -> None:
        standing = Standing(kind, reason, self._contexts(), self.world.clock.now())
        await self.world.store.set_standing(self.snapshot.pool, standing)

    async def close(self, error: str) -> None:
        """Write down what became of the landing and of its batch."""
        now = self.world.clock.now()
        for intent in await self.world.store.open_intents(self.snapshot.pool):
            if intent.kind is IntentKind.MERGE:
                await self.world.store.finish(intent.id, error or "landed", now)
        batch = await self._batch()
        if batch is None:
            return
        state = BatchState.LANDED if not error else BatchState.PARTIAL if self.landed else BatchState.ABANDONED
        landed_tree = self.landed[-1].plan_tree if self.landed else ""
        await self.world.store.save_batch(
            replace(batch, state=state, landed_tree=landed_tree, reason=error, ended_at=now)
        )


def _history_error(targets: Sequence[Target], landed: Sequence[int], error: str) -> str:
    """Say what failed in the words of Tide's history (Prow: tide.go mergePRs)."""
    if not error:
        return ""
    numbers = [target.number for target in targets]
    failed = [number for number in numbers if number not in landed]
    batch = f" from batch {_numbers(numbers)}" if len(numbers) > 1 else ""
    partial = f", partial merge {_numbers(landed)}" if landed else ""
    return f"failed merging {_numbers(failed)}{batch}{partial}: {error}"


def _numbers(numbers: Sequence[int]) -> str:
    return f"[{' '.join(map(str, numbers))}]"
