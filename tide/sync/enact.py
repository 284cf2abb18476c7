"""Do what was decided: the only writer to the outside, with `landing`.

What needs the world to be known (which heads merge cleanly) narrows an action here; it is never decided anew. Every
deed is written down as an intent before it is done, and its outcome after.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tide.domain.actions import (
    Action,
    Blocked,
    Merge,
    MergeBatch,
    Prove,
    Target,
    Trigger,
    TriggerBatch,
    UpdateBranch,
    Wait,
    targets_of,
)
from tide.domain.decisions import Decision
from tide.domain.errors import BadAnswer, Permanent, RemoteError
from tide.domain.evidence import Batch, Skip
from tide.domain.intents import Intent, IntentKind
from tide.domain.jobs import Presubmit
from tide.domain.keys import PullKey
from tide.domain.leases import Lease
from tide.domain.outcomes import Outcome
from tide.domain.runs import Candidate, Head, Purpose, Run, RunState
from tide.domain.snapshot import PullView, Snapshot
from tide.policy.jobs import runs_on_branch
from tide.policy.mergeability import Grounds
from tide.sync.candidate_jobs import CandidateJobs, JobSet
from tide.sync.deeds import Deeds
from tide.sync.holds import TROUBLE_LASTS, Holds
from tide.sync.landing import Lander
from tide.sync.picking import Picker
from tide.sync.world import World

SMALLEST_BATCH = 2


@dataclass(frozen=True, slots=True)
class Enactor:
    """Does the actions of one decision."""

    world: World
    jobs: CandidateJobs
    holds: Holds
    lander: Lander

    async def enact(self, lease: Lease, snapshot: Snapshot, decision: Decision) -> Outcome:
        """Do the decided action and start the first runs; give what came of the action.

        A first run that fails to start is told to the observer and does not keep the others from starting.

        Raises:
            LeaseLost: somebody else leads; what was begun is theirs to finish.
        """
        deed = _Enacting(self, Deeds(self.world, lease), snapshot)
        for trigger in decision.first_runs:
            try:
                outcome = await deed.trigger(trigger, Purpose.FIRST)
            except RemoteError as error:
                self.world.observer.pool_failed(snapshot.pool, error)
            else:
                self.world.observer.enacted(snapshot.pool, replace(outcome, action="FIRST_RUN"))
        return await deed.do(decision.action)

    async def foresee(self, snapshot: Snapshot, action: Action) -> Outcome:
        """Say what `enact` would do for an action, and do nothing; git is asked.

        A head that does not go onto its base stands back, as it would.

        Raises:
            RemoteError: the heads cannot be fetched.
        """
        match action:
            case Trigger():
                skips = (await self.picker(snapshot).pick((action.target,), 0)).skips
                if skips:
                    return self.hold(snapshot, action, skips[0])
            case TriggerBatch():
                assembly = await self.picker(snapshot).pick(action.candidates, action.limit)
                if len(assembly.steps) < SMALLEST_BATCH:
                    return await self.foresee(snapshot, action.otherwise)
                numbers = tuple(step.number for step in assembly.steps)
                return Outcome(action.kind, numbers, reason=f"{action.reason}{_left_out(assembly.skips)}")
        return Outcome(action.kind, tuple(target.number for target in targets_of(action)), reason=action.reason)

    def picker(self, snapshot: Snapshot) -> Picker:
        """Give who finds what goes onto the branch together."""
        return Picker(self.world, self.jobs, snapshot)

    def hold(self, snapshot: Snapshot, action: Trigger, skip: Skip) -> Outcome:
        """Remember a head that does not go onto its base, so that the next one gets its turn."""
        until = self.world.clock.now() + TROUBLE_LASTS if skip.may_pass else None
        self.holds.add(snapshot.pool, action.target, skip.reason, skip.remedy, base_sha=snapshot.base_sha, until=until)
        return Outcome(action.kind, error=f"#{skip.number}: {skip.reason}", reason=action.reason)


@dataclass(frozen=True, slots=True)
class _Enacting:
    """One decision being enacted."""

    enactor: Enactor
    deeds: Deeds
    snapshot: Snapshot

    async def do(self, action: Action) -> Outcome:
        match action:
            case Wait() | Blocked():
                return Outcome(action.kind, reason=action.reason)
            case Trigger():
                return await self.trigger(action, Purpose.RETEST)
            case TriggerBatch():
                return await self.trigger_batch(action)
            case Merge() | MergeBatch():
                return await self.enactor.lander.land(self.deeds, self.snapshot, action)
            case Prove():
                return await self.prove(action)
            case UpdateBranch():
                return await self.update_branch(action)

    async def trigger(self, action: Trigger, purpose: Purpose) -> Outcome:
        assembly = await self.enactor.picker(self.snapshot).pick((action.target,), 0)
        if assembly.skips:
            return self.enactor.hold(self.snapshot, action, assembly.skips[0])
        candidate = self._candidate((action.target,), assembly.run_tree)
        jobs = await self.enactor.jobs.of_tree(assembly.run_tree)
        runs = await self._start(candidate, self._reporting(action.contexts, jobs), purpose)
        return Outcome(action.kind, (action.target.number,), _names(runs), reason=action.reason)

    async def trigger_batch(self, action: TriggerBatch) -> Outcome:
        assembly = await self.enactor.picker(self.snapshot).pick(action.candidates, action.limit)
        by_number = {target.number: target for target in action.candidates}
        picked = tuple(by_number[step.number] for step in assembly.steps)
        if len(picked) < SMALLEST_BATCH:
            return await self.do(action.otherwise)
        contexts = self.snapshot.contexts_of([target.number for target in picked])
        candidate = self._candidate(picked, assembly.run_tree)
        members = tuple(target.member for target in picked)
        await self.enactor.world.store.save_batch(
            Batch(
                pool=self.snapshot.pool,
                base_sha=self.snapshot.base_sha,
                members=members,
                contexts=contexts,
                run_tree=assembly.run_tree,
                plan_tree=assembly.plan_tree,
                created_at=self.snapshot.now,
            )
        )
        jobs = await self.enactor.jobs.of_tree(assembly.run_tree)
        begun = self._begun(members)
        missing = [context for context in contexts if context not in begun]
        runs = await self._start(candidate, self._reporting(missing, jobs), Purpose.BATCH)
        reason = f"{action.reason}{_left_out(assembly.skips)}"
        return Outcome(action.kind, tuple(target.number for target in picked), _names(runs), reason=reason)

    def _begun(self, members: tuple[tuple[int, str], ...]) -> set[str]:
        """Name the contexts of which a batch has a run that has not failed, whoever started it.

        Prow: tide.go nonFailedBatchForJobAndRefsExists.
        """
        return {
            run.context
            for run in self.snapshot.runs
            if run.is_of_batch(members, self.snapshot.base_sha) and (run.state.is_live or run.state is RunState.SUCCESS)
        }

    async def prove(self, action: Prove) -> Outcome:
        commit = await self.enactor.world.code_host.commit(self.snapshot.pool.repository, self.snapshot.base_sha)
        jobs = await self.enactor.jobs.of_branch(self.snapshot.base_sha)
        runs = await self._start(
            self._candidate((), commit.tree), self._reporting(action.contexts, jobs), Purpose.PROOF
        )
        return Outcome(action.kind, (), _names(runs), reason=action.reason)

    async def update_branch(self, action: UpdateBranch) -> Outcome:
        """Have a branch updated; the head stands back until it moves, or for a while where that is refused."""
        world, pool, target = self.enactor.world, self.snapshot.pool, action.target
        key = PullKey(pool.org, pool.repo, target.number)
        detail = json.dumps({"base_sha": self.snapshot.base_sha, "head_sha": target.head_sha})
        intent = await self.deeds.begin(IntentKind.UPDATE_BRANCH, pool, f"#{target.number}", detail)
        try:
            refusal = await self.deeds.do(lambda: world.code_host.update_branch(key, target.head_sha))
        except RemoteError as error:
            await self.deeds.finish(intent, f"error: {error}")
            raise
        await self.deeds.finish(intent, refusal or "asked for")
        holds, now = self.enactor.holds, world.clock.now()
        if refusal:
            reason = f"its branch cannot be updated with {pool.branch}: {refusal}"
            (pull,) = [view.pull for view in self.snapshot.pulls if view.pull.number == target.number]
            grounds = Grounds.of(pull, self.snapshot.repo_settings, self.snapshot.branch_rules)
            holds.add_refused(pool, target, reason, grounds, now)
            return Outcome(action.kind, error=f"#{target.number}: {reason}", reason=action.reason)
        reason = f"its branch is being updated with {pool.branch}"
        holds.add_updating(pool, target, reason, now, base_sha=self.snapshot.base_sha)
        return Outcome(action.kind, (target.number,), reason=action.reason)

    def _candidate(self, targets: Iterable[Target], run_tree: str) -> Candidate:
        views = {view.pull.number: view for view in self.snapshot.pulls}
        heads = tuple(_head(views[target.number], target) for target in targets)
        return Candidate(self.snapshot.pool, self.snapshot.base_sha, heads, run_tree)

    def _reporting(self, contexts: Iterable[str], found: JobSet) -> list[Presubmit]:
        """Give the jobs that report these contexts on this branch, the first of each (Prow: tide.go trigger)."""
        wanted = set(contexts)
        branch = self.snapshot.pool.branch
        jobs: dict[str, Presubmit] = {}
        for job in found.presubmits:
            if job.context in wanted and runs_on_branch(job, branch):
                jobs.setdefault(job.context, job)
        return list(jobs.values())

    async def _start(self, candidate: Candidate, jobs: Sequence[Presubmit], purpose: Purpose) -> tuple[Run, ...]:
        if not jobs:
            return ()
        detail = json.dumps({"jobs": [job.name for job in jobs], "purpose": purpose, "run_tree": candidate.run_tree})
        intent = await self.deeds.begin(IntentKind.START_RUNS, candidate.pool, candidate.refs, detail)
        starting = _Starting(self.deeds, intent, candidate, purpose)
        try:
            runs, refused = await starting.start(jobs)
        except RemoteError as error:
            await self.deeds.finish(intent, f"error: {error}")
            raise
        if refused:
            first = next(iter(refused.values()))
            await self.deeds.finish(intent, f"error: {first}")
            self._let_others_go_first(candidate, refused)
            raise first
        await self.deeds.finish(intent, "started")
        return runs

    def _let_others_go_first(self, candidate: Candidate, refused: Mapping[str, Permanent]) -> None:
        """Hold those that need a job which cannot be started as it is; Tide would go on trying it, and nothing else."""
        bad = {context: error for context, error in refused.items() if isinstance(error, BadAnswer)}
        until = self.enactor.world.clock.now() + TROUBLE_LASTS
        required = {view.pull.number: view.required for view in self.snapshot.pulls}
        for head in candidate.heads:
            if needed := sorted(bad.keys() & required[head.number]):
                reason = f"{needed[0]} cannot be started: {bad[needed[0]]}"
                remedy = f"Have an operator mend the job that reports {needed[0]}."
                target = Target(head.number, head.sha)
                self.enactor.holds.add(self.snapshot.pool, target, reason, remedy, base_sha=None, until=until)


@dataclass(frozen=True, slots=True)
class _Starting:
    """Starts the runs of one candidate, each a call of its own, so that no slow one lets the lease run out."""

    deeds: Deeds
    intent: Intent
    candidate: Candidate
    purpose: Purpose

    async def start(self, jobs: Sequence[Presubmit]) -> tuple[tuple[Run, ...], Mapping[str, Permanent]]:
        """Start a run of each job; one that is refused keeps no other from starting: it is given with its context."""
        spent = await self.deeds.world.store.spent_attempts(self.candidate)
        runs: list[Run] = []
        refused: dict[str, Permanent] = {}
        for job in jobs:
            try:
                runs += await self._start_one(job, spent)
            except Permanent as error:
                refused[job.context] = error
        return tuple(runs), refused

    async def _start_one(self, job: Presubmit, spent: Mapping[str, int]) -> tuple[Run, ...]:
        world = self.deeds.world
        await self.deeds.proceed(self.intent)
        runs = await self.deeds.do(lambda: world.runner.start(self.candidate, [job], self.purpose, spent))
        await world.store.save_runs(runs, world.clock.now())
        return runs


def _head(view: PullView, target: Target) -> Head:
    pull = view.pull
    return Head(target.number, target.head_sha, pull.author, pull.title, pull.head_branch)


def _names(runs: Iterable[Run]) -> tuple[str, ...]:
    return tuple(run.name for run in runs)


def _left_out(skips: Sequence[Skip]) -> str:
    if not skips:
        return ""
    return "; left out: " + ", ".join(f"#{skip.number} ({skip.reason})" for skip in skips)
