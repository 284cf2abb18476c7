"""Land what was tested, one pull request after the other, each on the branch head that the one before it left.

After every merge the branch is inspected (`inspection`). Whatever is not as planned stops the landing: a refusal or a
foreign push half-way leaves the branch unproven, a wrong tree freezes the pool. Where an answer was lost the intent
stays open, and the next sync finds out what became of it (`recovery`) before it does anything else.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tide.domain.actions import Merge, MergeBatch, Target, targets_of
from tide.domain.errors import Permanent, RateLimited, RemoteError, Unauthorized, Unavailable
from tide.domain.evidence import Assembly, Batch, BatchState, Proposal, Step
from tide.domain.intents import Intent, IntentKind
from tide.domain.outcomes import Merged, NotMerged, Outcome, Refusal
from tide.domain.pulls import Pull
from tide.domain.records import MERGED_BUT
from tide.domain.snapshot import Snapshot, StandingKind
from tide.policy.commit_text import CommitText, commit_text
from tide.policy.landing import may_land
from tide.policy.lending import lent_contexts
from tide.policy.mergeability import Grounds
from tide.sync.candidate_jobs import CandidateJobs
from tide.sync.deeds import Deeds
from tide.sync.heads import pull_ref
from tide.sync.holds import TROUBLE_LASTS, Holds
from tide.sync.inspection import Inspector
from tide.sync.lending import lend
from tide.sync.settings import HostSettings
from tide.sync.standings import Standings
from tide.sync.world import World

# GitHub computes mergeability in the background after each push to the base (Prow: github.go Merge waits likewise).
BASE_MODIFIED_WAITS = (4.0, 8.0)
# GitHub may still be at a merge whose answer it did not give in time.
LOST_ANSWER_WAITS = 4.0


class _Stopped(Exception):  # noqa: N818 - an event inside this module, not an error
    """The landing cannot go on.

    The text says why. `held` is the number of the pull request that has to stand back for a while, None when nobody
    has to, and where the reason `is_of_base` only until that moves; `remedy` is what its author has to do, `standing`
    how far the branch may still be trusted, None when that depends on what has landed.
    """

    def __init__(
        self,
        reason: str,
        *,
        held: int | None = None,
        is_of_base: bool = True,
        remedy: str = "",
        standing: StandingKind | None = None,
    ) -> None:
        super().__init__(reason)
        self.held = held
        self.is_of_base = is_of_base
        self.remedy = remedy
        self.standing = standing


class _Refused(_Stopped):
    """The code host will not merge a pull request."""

    def __init__(self, number: int, answer: NotMerged, grounds: Grounds) -> None:
        super().__init__(f"#{number}: GitHub refused: {answer.message}", held=number)
        self.answer = answer
        self.grounds = grounds


@dataclass(frozen=True, slots=True)
class Lander:
    """Merges tested pull requests of one pool."""

    world: World
    jobs: CandidateJobs
    holds: Holds
    standings: Standings
    settings: HostSettings

    async def land(self, deeds: Deeds, snapshot: Snapshot, action: Merge | MergeBatch) -> Outcome:
        """Merge the targets in order; stop at the first thing that is not as planned.

        Raises:
            LeaseLost: somebody else leads; the rest is theirs to find out and to do.
            RemoteError: something could not be read before the first merge; nothing was done.
        """
        inspector = Inspector(self.world, self.standings, self.jobs)
        targets = targets_of(action)
        landing = _Landing(deeds, inspector, snapshot, targets, head_sha=snapshot.base_sha)
        error = ""
        try:
            await landing.run()
        except _Stopped as stopped:
            error = str(stopped)
            await self._after_stop(landing, stopped)
            await landing.close(error)
        except RemoteError as lost:
            if landing.intent is None:
                raise
            error = str(lost)
            # One that is never answered for must not keep the others from landing for ever.
            target, now = landing.targets[len(landing.landed)], self.world.clock.now()
            self.holds.add_lost(landing.snapshot.pool, target, error, now)
        else:
            await landing.close("")
        merged = tuple(landing.merged)
        return Outcome(
            action.kind,
            merged,
            error=history_error([target.number for target in targets], merged, error),
            reason=action.reason,
        )

    async def _after_stop(self, landing: "_Landing", stopped: _Stopped) -> None:
        pool, reason = landing.snapshot.pool, str(stopped)
        if isinstance(stopped, _Refused):
            self._heed(landing, stopped)
        elif stopped.held is not None:
            self._hold(landing, stopped)
        standing = stopped.standing or (StandingKind.UNPROVEN if landing.landed else StandingKind.PROVEN)
        if standing is StandingKind.FROZEN:
            await self.standings.freeze(self.world, pool, reason, landing.contexts)
        elif standing is StandingKind.UNPROVEN:
            await self.standings.doubt(self.world, pool, reason, landing.contexts)

    def _heed(self, landing: "_Landing", refused: _Refused) -> None:
        """Ask for the same less and less often; what the code host allows is read anew before anything else lands."""
        pool, now = landing.snapshot.pool, self.world.clock.now()
        self.settings.doubt(pool)
        if refused.answer.refusal.is_for_all:
            reason = f"GitHub refuses merges into {pool.branch}: {refused.answer.message}"
            self.holds.add_refused_branch(pool, reason, now)
        elif refused.answer.refusal is Refusal.BASE_MODIFIED:
            self._hold(landing, refused)
        else:
            self.holds.add_refused(pool, landing.target(refused.held), str(refused), refused.grounds, now)

    def _hold(self, landing: "_Landing", stopped: _Stopped) -> None:
        until = self.world.clock.now() + TROUBLE_LASTS
        pool, base_sha = landing.snapshot.pool, landing.head_sha if stopped.is_of_base else None
        self.holds.add(pool, landing.target(stopped.held), str(stopped), stopped.remedy, base_sha=base_sha, until=until)


@dataclass(slots=True)
class _Landing:
    """One landing under way: `landed` are the steps that are there as planned, `merged` all that were merged."""

    deeds: Deeds
    inspector: Inspector
    snapshot: Snapshot
    targets: Sequence[Target]
    head_sha: str
    landed: list[Step] = field(default_factory=list)
    merged: list[int] = field(default_factory=list)
    intent: Intent | None = None

    @property
    def world(self) -> World:
        """The outside."""
        return self.deeds.world

    @property
    def contexts(self) -> tuple[str, ...]:
        """All that any of the targets needs."""
        return self.snapshot.contexts_of([target.number for target in self.targets])

    def target(self, number: int | None) -> Target:
        """Give the target with a number."""
        return next(target for target in self.targets if target.number == number)

    async def run(self) -> None:
        read_at = self.world.clock.now()
        pulls = await self._reread()
        if await self.world.code_host.branch_head(self.snapshot.pool) != self.snapshot.base_sha:
            raise _Stopped("the branch has moved since it was tested")
        assembly = await self._plan()
        await self._check_tested(assembly)
        if self.world.clock.now() - read_at > self.snapshot.rules.settings.freshness:
            raise _Stopped("what it rests on was read too long ago")
        self.intent = await self._begin(assembly)
        for target, step in zip(self.targets, assembly.steps, strict=True):
            await self._lend(pulls[target.number])
            await self._land_one(self.intent, target, step, pulls[target.number])
            gone = replace(pulls[target.number], is_open=False, is_merged=True)
            await self.world.store.save_pulls([gone], await self.world.store.reading_begins())

    async def _reread(self) -> dict[int, Pull]:
        """Read every member once more, now: a merge rests on nothing older."""
        now = await self.world.store.reading_begins()
        views = {view.pull.number: view for view in self.snapshot.pulls}
        read = await self.world.code_host.read_pulls([views[target.number].pull.key for target in self.targets])
        pulls = {key.number: pull for key, pull in read.items() if pull}
        await self.world.store.save_pulls(list(pulls.values()), now)
        for target in self.targets:
            pull = pulls.get(target.number)
            view = replace(views[target.number], pull=pull) if pull else None
            reason = "it does not exist any more"
            if view:
                reason = may_land(view, target, self.snapshot, is_alone=len(self.targets) == 1)
            if reason:
                # Nobody is held: what was read is what the next decision rests on.
                raise _Stopped(f"#{target.number}: {reason}")
        return pulls

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
            raise _Stopped(f"#{skip.number}: {skip.reason}", held=skip.number, remedy=skip.remedy)
        return assembly

    async def _check_tested(self, assembly: Assembly) -> None:
        """See that what would land is what was tested; one that stands back breaks up a batch that can never land."""
        batch, first = await self._batch(), self.targets[0].number
        if batch and batch.run_tree != assembly.plan_tree:
            reason = f"the batch was tested as tree {batch.run_tree}, but would land as {assembly.plan_tree}"
            raise _Stopped(reason, held=first)
        if assembly.run_tree != assembly.plan_tree:
            reason = f"a test sees tree {assembly.run_tree}, but {assembly.plan_tree} would land"
            raise _Stopped(reason, held=first)

    async def _batch(self) -> Batch | None:
        members = tuple(target.member for target in self.targets)
        batches = await self.world.store.batches(self.snapshot.pool, self.snapshot.base_sha)
        return next((batch for batch in batches if batch.members == members), None)

    async def _begin(self, assembly: Assembly) -> Intent:
        steps = [[step.number, step.head_sha, step.method, step.run_tree, step.plan_tree] for step in assembly.steps]
        detail = json.dumps({"base_sha": self.snapshot.base_sha, "contexts": self.contexts, "steps": steps})
        numbers = " ".join(f"#{target.number}" for target in self.targets)
        return await self.deeds.begin(IntentKind.MERGE, self.snapshot.pool, numbers, detail)

    async def _lend(self, pull: Pull) -> None:
        contexts = lent_contexts(pull, self.targets, self.snapshot)
        if not contexts:
            return
        try:
            await lend(self.deeds, pull, contexts)
        except RemoteError as error:
            self.world.observer.pool_failed(self.snapshot.pool, error)
            reason = f"#{pull.number}: its pending contexts could not be overwritten: {error}"
            held = pull.number if isinstance(error, Permanent) else None
            raise _Stopped(reason, held=held, is_of_base=False) from error

    def _text(self, pull: Pull) -> CommitText:
        text = commit_text(self.snapshot.rules.commit_templates, pull)
        for failure in text.failures:
            self.world.observer.template_failed(pull.key, failure)
        return text

    async def _land_one(self, intent: Intent, target: Target, step: Step, pull: Pull) -> None:
        sha = await self._merge(intent, target, step, pull)
        self.merged.append(target.number)
        finding = await self.inspector.inspect(step, self.head_sha, sha)
        if finding:
            raise _Stopped(finding.reason, standing=finding.standing)
        self.landed.append(step)
        self.head_sha = sha

    async def _merge(self, intent: Intent, target: Target, step: Step, pull: Pull) -> str:
        """Merge one pull request; give the commit that the branch got."""
        repo, text = self.snapshot.pool.repository, self._text(pull)
        for wait in (*BASE_MODIFIED_WAITS, None):
            await self.deeds.proceed(intent)
            try:
                answer = await self.deeds.do(lambda: self.world.code_host.merge(repo, target, text))
            except (RateLimited, Unauthorized) as error:
                raise _Stopped(f"#{target.number}: {error}") from error
            except RemoteError as error:
                return await self._merged_after_all(step, error)
            match answer:
                case Merged(sha=sha):
                    return sha
                case NotMerged(refusal=Refusal.BASE_MODIFIED) if wait is not None:
                    await self.world.sleep(wait)
                    await self._check_head()
                case NotMerged():
                    grounds = Grounds.of(pull, self.snapshot.repo_settings, self.snapshot.branch_rules)
                    raise _Refused(target.number, answer, grounds)
        raise AssertionError  # the last answer is never waited upon

    async def _check_head(self) -> None:
        if await self.world.code_host.branch_head(self.snapshot.pool) != self.head_sha:
            raise _Stopped("somebody else pushed to the branch during the landing")

    async def _merged_after_all(self, step: Step, error: RemoteError) -> str:
        """Find out whether a merge whose answer was lost was done as planned; anything else is left to the recovery."""
        host, pool = self.world.code_host, self.snapshot.pool
        await self.world.sleep(LOST_ANSWER_WAITS)
        head = await host.branch_head(pool)
        if head != self.head_sha and (await host.commit(pool.repository, head)).tree == step.plan_tree:
            return head
        raise Unavailable(f"#{step.number}: the answer to the merge was lost: {error}") from error

    async def close(self, error: str) -> None:
        """Write down what became of the landing and of its batch."""
        if self.intent is not None:
            await self.deeds.finish(self.intent, error or "landed")
        batch = await self._batch()
        if batch:
            await self.world.store.save_batch(ended(batch, self.landed, error, self.world))


def ended(batch: Batch, landed: Sequence[Step], error: str, world: World) -> Batch:
    """Give a batch as it is after its landing: `landed` are the steps that went well, `error` what stopped it."""
    state = BatchState.LANDED if not error else BatchState.PARTIAL if landed else BatchState.ABANDONED
    landed_tree = landed[-1].plan_tree if landed else ""
    return replace(batch, state=state, landed_tree=landed_tree, reason=error, ended_at=world.clock.now())


def history_error(numbers: Sequence[int], landed: Sequence[int], error: str) -> str:
    """Say what failed in the words of Tide's history (Prow: tide.go mergePRs); what was merged has not failed."""
    if not error:
        return ""
    failed = [number for number in numbers if number not in landed]
    if not failed:
        return f"{MERGED_BUT}{error}"
    batch = f" from batch {_numbers(numbers)}" if len(numbers) > 1 else ""
    partial = f", partial merge {_numbers(landed)}" if landed else ""
    return f"failed merging {_numbers(failed)}{batch}{partial}: {error}"


def _numbers(numbers: Sequence[int]) -> str:
    return f"[{' '.join(map(str, numbers))}]"
