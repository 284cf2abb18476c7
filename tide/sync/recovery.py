"""Go on after a crash or a lost answer: read what was begun, look at the world, and write down what came of it."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tide.domain.errors import NotFound, Unavailable
from tide.domain.evidence import Step
from tide.domain.intents import Intent, IntentKind
from tide.domain.keys import PullKey
from tide.domain.pulls import MergeMethod
from tide.domain.records import HistoryRecord, HistoryTarget
from tide.domain.snapshot import StandingKind
from tide.ports.code_host import Commit
from tide.sync.inspection import Finding, Inspector
from tide.sync.landing import ended, history_error

# GitHub ends a request after ten seconds (docs: "Best practices for using the REST API", time-outs): a merge that is
# not there by then does not come any more.
MERGE_MAY_COME = timedelta(seconds=12)
# GitHub reads from copies that may lag by seconds: a merge may be told before the branch shows it.
SHOWN_WITHIN = timedelta(minutes=5)
# How far back a branch is read; a landing adds a commit for each of its members, more only by rebasing.
LONGEST_HISTORY = 300

_IS_DONE_AGAIN = {
    IntentKind.START_RUNS: "runs are found again by their names",
    IntentKind.LEND: "a landing lends once more what it needs",
    IntentKind.UPDATE_BRANCH: "a branch that is still behind is updated once more",
}


class _Plan(NamedTuple):
    """What a landing was going to do, from its intent."""

    base_sha: str
    contexts: tuple[str, ...]
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, intent: Intent) -> "_Plan":
        detail = json.loads(intent.detail)
        steps = tuple(
            Step(number, head_sha, MergeMethod(method), run_tree, plan_tree)
            for number, head_sha, method, run_tree, plan_tree in detail["steps"]
        )
        return cls(detail["base_sha"], tuple(detail["contexts"]), steps)


@dataclass(slots=True)
class _Progress:
    """How far a landing came: `onto` is the head after the steps `done`, `above` what is on top of that.

    `otherwise` is the step after those where it was merged, but not as planned.
    """

    onto: str
    done: list[Step] = field(default_factory=list)
    above: list[Commit] = field(default_factory=list)
    otherwise: Step | None = None


async def recover(inspector: Inspector) -> None:
    """Settle the deeds of a pool whose outcome is not known; wait first for a merge that may still come.

    Started runs need nothing: their names are made of what they run, so the next sync finds them or starts them. The
    merges of a landing are looked for on the branch, and inspected as they would have been; one that was cut short
    leaves the branch unproven.

    Raises:
        RemoteError: the world could not be read; the deeds stay unsettled.
    """
    world = inspector.world
    for intent in await world.store.open_intents(inspector.pool):
        if intent.kind is IntentKind.STATUS:
            continue  # may be under way; `statuses` settles them
        if intent.kind is IntentKind.MERGE:
            await _let_it_come(inspector, intent)
            became = await _Recovery(inspector, _Plan.of(intent), is_old=_is_old(intent, world.clock.now())).settle()
        else:
            became = _IS_DONE_AGAIN[intent.kind]
        await world.store.finish(intent.id, f"found unfinished; {became}", world.clock.now())


def _is_old(intent: Intent, now: datetime) -> bool:
    """Tell whether every copy of the code host's data shows by now what came of a landing."""
    return now - intent.stepped_at >= SHOWN_WITHIN


async def _let_it_come(inspector: Inspector, intent: Intent) -> None:
    """Wait until the last merge of a landing has either been made or never will be.

    The clocks of two replicas may differ, hence the bound on what is waited.
    """
    wait = min(intent.stepped_at + MERGE_MAY_COME - inspector.world.clock.now(), MERGE_MAY_COME)
    if wait > timedelta(0):
        await inspector.world.sleep(wait.total_seconds())


@dataclass(frozen=True, slots=True)
class _Recovery:
    """Settles one landing; `is_old` tells that what it did is to be seen by now."""

    inspector: Inspector
    plan: _Plan
    is_old: bool

    async def settle(self) -> str:
        try:
            head = await self.inspector.world.code_host.branch_head(self.inspector.pool)
        except NotFound:
            return "the branch does not exist any more"
        progress = await self._progress(head)
        finding = await self._finding(progress)
        reason = finding.reason if finding else ""
        await self._close_batch(progress, reason)
        await self._tell(progress, reason)
        if finding is None:
            return "all had landed as planned" if progress.done else "nothing had landed"
        await self._mark(finding)
        return reason

    async def _progress(self, head: str) -> _Progress:
        """Find the merges on the branch by their trees, oldest first, and keep them."""
        progress = _Progress(self.plan.base_sha)
        for commit in reversed(await self._history(head)):
            progress.above.append(commit)
            step = self._next(progress)
            if step and commit.tree == step.plan_tree:
                await self.inspector.keep(step, progress.onto, commit)
                progress.done.append(step)
                progress.onto, progress.above = commit.sha, []
        return progress

    async def _history(self, head: str) -> list[Commit]:
        """Read the branch along its first parents down to the base of the landing, newest first."""
        history: list[Commit] = []
        while head != self.plan.base_sha and len(history) < LONGEST_HISTORY:
            history.append(await self.inspector.world.code_host.commit(self.inspector.pool.repository, head))
            if not history[-1].parents:
                break
            head = history[-1].parents[0]
        return history

    def _next(self, progress: _Progress) -> Step | None:
        rest = self.plan.steps[len(progress.done) :]
        return rest[0] if rest else None

    async def _finding(self, progress: _Progress) -> Finding | None:
        """Say what is wrong with the branch; None when all of the landing is there, or nothing of it."""
        step = self._next(progress)
        if step and await self._is_merged(step):
            progress.otherwise = step
            if astray := await self.inspector.astray(step):
                return Finding(astray, StandingKind.UNPROVEN)
            if progress.above:
                return await self.inspector.judge(step, progress.onto, _merge_of(step, progress.above))
            unseen = f"#{step.number} is merged, and the branch does not show it"
            if not self.is_old:
                raise Unavailable(f"{unseen} yet")
            return Finding(unseen, StandingKind.UNPROVEN)
        if progress.above:
            reason = "a landing was cut short, and the branch is at a tree that was not planned"
            return Finding(reason, StandingKind.UNPROVEN)
        if step and progress.done:
            reason = f"a landing was cut short after {len(progress.done)} of {len(self.plan.steps)} merges"
            return Finding(reason, StandingKind.UNPROVEN)
        return None

    async def _is_merged(self, step: Step) -> bool:
        pool = self.inspector.pool
        key = PullKey(pool.org, pool.repo, step.number)
        pull = (await self.inspector.world.code_host.read_pulls([key])).get(key)
        return pull is not None and pull.is_merged

    async def _close_batch(self, progress: _Progress, reason: str) -> None:
        members = tuple((step.number, step.head_sha) for step in self.plan.steps)
        world = self.inspector.world
        for batch in await world.store.batches(self.inspector.pool, self.plan.base_sha):
            if batch.members == members and (progress.done or reason):
                await world.store.save_batch(ended(batch, progress.done, reason, world))

    async def _tell(self, progress: _Progress, reason: str) -> None:
        """Tell in the history what was merged, which the process before could not do any more."""
        merged = [*progress.done, progress.otherwise] if progress.otherwise else progress.done
        if not merged:
            return
        world, pool = self.inspector.world, self.inspector.pool
        heads = {PullKey(pool.org, pool.repo, step.number): step.head_sha for step in merged}
        pulls = await world.code_host.read_pulls(sorted(heads))
        numbers = [step.number for step in self.plan.steps]
        record = HistoryRecord(
            pool=pool,
            time=world.clock.now(),
            action="MERGE" if len(numbers) == 1 else "MERGE_BATCH",
            base_sha=self.plan.base_sha,
            targets=tuple(
                HistoryTarget.of(replace(pull, head_sha=heads[key])) for key, pull in sorted(pulls.items()) if pull
            ),
            error=history_error(numbers, [key.number for key in heads], reason),
            reason="Found after the process that did it was cut short.",
        )
        await world.store.add_history(record)

    async def _mark(self, finding: Finding) -> None:
        standings, world = self.inspector.standings, self.inspector.world
        worsen = standings.freeze if finding.standing is StandingKind.FROZEN else standings.doubt
        await worsen(world, self.inspector.pool, finding.reason, self.plan.contexts)


def _merge_of(step: Step, above: list[Commit]) -> Commit:
    """Find the commit that merged a head; a squash or a rebase does not name it, so the newest is taken for it."""
    return next((commit for commit in above if commit.parents[1:] == (step.head_sha,)), above[-1])
