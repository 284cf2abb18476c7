"""Read everything that a decision about one pool rests on.

One trouble stays where it is: a pull request that cannot be examined is held with its reason, and the others go on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from tide.domain.branch_rules import NO_RULES, BranchRules
from tide.domain.errors import Permanent
from tide.domain.evidence import Proposal
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Blocker, MergeMethod, Pull, RepoSettings
from tide.domain.rules import PoolRules
from tide.domain.runs import Run, RunKind
from tide.domain.snapshot import PullView, Snapshot, Standing, StandingKind
from tide.policy import blockers as blocker_rules
from tide.policy.failed_batches import still_failed
from tide.policy.jobs import needs_changed_files, runs_on_branch
from tide.policy.merge_method import method_for
from tide.policy.mergeability import Grounds, with_strictness
from tide.policy.queries import meets_any
from tide.policy.results import Member
from tide.policy.silence import unattended
from tide.ports.code_host import PartlyRead
from tide.sync.candidate_jobs import CandidateJobs, JobSet, JobsUnknown
from tide.sync.contexts_seen import ContextsSeen
from tide.sync.heads import fetch_heads
from tide.sync.holds import Holds
from tide.sync.reports import Reports
from tide.sync.settings import HostSettings, bear_on_merges
from tide.sync.standings import provable
from tide.sync.world import World

# What failed on an older base longer ago than this is tried again.
REMEMBERED = timedelta(days=1)


class Observed(NamedTuple):
    """A pool as it was read; `is_whole` is False where the jobs of its branch could not be told just now."""

    snapshot: Snapshot
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Observer:
    """Reads one pool; `settings`, `holds`, `contexts_seen` and `reports` live as long as the process."""

    world: World
    jobs: CandidateJobs
    settings: HostSettings
    holds: Holds
    contexts_seen: ContextsSeen
    reports: Reports
    is_dry_run: bool

    async def observe(self, *, blockers: Sequence[Blocker], already_read: Collection[PullKey] = ()) -> "Observed":
        """Read the pool.

        Args:
            blockers: the issues that block its repository.
            already_read: pull requests that were read in this round and need not be read again.

        Raises:
            RemoteError: something that the whole pool rests on could not be read.
            ConfigError: what is configured for the pool contradicts itself.
            JobsUnknown: the branch is to be proved, and its jobs cannot be told.
        """
        pool, store = self.jobs.pool, self.world.store
        rules = self.jobs.config.rules(pool)
        is_news = self.settings.have_changed(pool)
        pulls, lost = await self._open_pulls(rules, already_read, read_all=is_news)
        self._note_contexts(pulls)
        candidates = [pull for pull in pulls if pull.key not in lost and meets_any(rules.queries, pull)]
        standing = await store.standing(pool)
        # A head that is not proven is proved also when nothing waits to land on it.
        is_needed = bool(candidates) or standing.kind is StandingKind.UNPROVEN
        base_sha = await self.world.code_host.branch_head(pool) if is_needed else ""
        unfetched = await self._fetch(rules, base_sha, candidates)
        jobs = await self._jobs_of_branch(base_sha, standing) if is_needed else None
        if jobs:
            rules = replace(rules, context_policy=jobs.context_policy)
            standing = provable(standing, jobs.presubmits, pool.branch)
        heads = [pull.head_sha for pull in candidates]
        self.holds.forget_all_but(pool, frozenset((pull.number, pull.head_sha) for pull in candidates))
        settings = await self.settings.of_repository(self.world, pool.repository)
        branch_rules = await self._branch_rules(rules, candidates) if is_needed else NO_RULES
        examination = _Examination(self, base_sha, rules, settings, branch_rules)
        views = {pull.key: await examination.view(pull, unfetched.get(pull.number, "")) for pull in candidates}
        runs = await self.world.runner.runs(pool, base_sha, heads) if base_sha else ()
        reporting = _Reporting.of(pool, jobs.presubmits if jobs else (), runs)
        snapshot = Snapshot(
            pool=pool,
            now=self.world.clock.now(),
            base_sha=base_sha,
            rules=rules,
            pulls=tuple(views.get(pull.key) or PullView(pull, held=lost.get(pull.key, "")) for pull in pulls),
            runs=runs,
            blockers=blocker_rules.applicable(blockers, pool.branch),
            repo_settings=settings,
            branch_rules=branch_rules,
            standing=standing,
            failed_batches=await self._failed_batches(base_sha, candidates),
            first_runs=await store.first_runs(pool, heads) if candidates else (),
            asked_again=await self._asked_again(heads, reporting, views.values()) if candidates else (),
            unreported=self.reports.missing(pool, reporting.unattended(views.values()), self.world.clock.steady()),
            is_dry_run=self.is_dry_run,
        )
        if is_news:
            self.settings.all_read(pool)
        return Observed(snapshot, is_whole=jobs is not None or not is_needed)

    def _note_contexts(self, pulls: Sequence[Pull]) -> None:
        now = self.world.clock.now()
        self.contexts_seen.keep(self.jobs.pool, {pull.key for pull in pulls})
        for pull in pulls:
            self.contexts_seen.note(pull, now)

    async def _branch_rules(self, rules: PoolRules, candidates: Sequence[Pull]) -> BranchRules:
        if not bear_on_merges(rules):
            return NO_RULES
        told = await self.settings.of_branch(self.world, self.jobs.pool)
        known = with_strictness(told, candidates)
        if known != told:
            self.settings.learn_strict(self.jobs.pool)
        return known

    async def _fetch(self, rules: PoolRules, base_sha: str, candidates: Sequence[Pull]) -> Mapping[int, str]:
        """Make the candidates present where that is needed; give the reason for each whose head cannot be had."""
        pool = self.jobs.pool
        configured = self.jobs.config.presubmits(pool.repository)
        if not candidates or not (rules.in_repo_config or needs_changed_files(configured, pool.branch)):
            return {}
        return await fetch_heads(self.world.git, pool, base_sha, {pull.number: pull.head_sha for pull in candidates})

    async def _jobs_of_branch(self, base_sha: str, standing: Standing) -> JobSet | None:
        """Give the jobs of the branch as it is; None where they cannot be told, and only its candidates need them."""
        try:
            return await self.jobs.of_branch(base_sha)
        except JobsUnknown:
            # What mends them has jobs of its own, and goes on; a proof would have none.
            if standing.kind is StandingKind.UNPROVEN:
                raise
            return None

    async def _open_pulls(
        self, rules: PoolRules, already_read: Collection[PullKey], *, read_all: bool
    ) -> tuple[list[Pull], Mapping[PullKey, str]]:
        """Give the open pull requests, and the reason for each that should have been read anew and could not be.

        Those that may merge are given as they are now, the rest as last read; all as they are now when the rules of the
        branch have changed, by which the code host judges them, as that is no update of any of them.
        """
        pool, store = self.jobs.pool, self.world.store
        mirrored = await store.pool_pulls(pool)
        needed = [pull.key for pull in mirrored if read_all or meets_any(rules.queries, pull)]
        stale = [key for key in needed if key not in already_read]
        if not stale:
            return list(mirrored), {}
        now = await store.reading_begins()
        answers, lost = await self._read_anew(stale)
        await store.save_pulls([pull for pull in answers.values() if pull], now)
        await store.drop_pulls([key for key, pull in answers.items() if pull is None], now)
        kept = {**{pull.key: pull for pull in mirrored}, **answers}
        return [pull for pull in kept.values() if pull and pull.is_open and pull.pool == pool], lost

    async def _read_anew(self, keys: Sequence[PullKey]) -> tuple[Mapping[PullKey, Pull | None], Mapping[PullKey, str]]:
        try:
            return await self.world.code_host.read_pulls(keys), {}
        except PartlyRead as partly:
            return partly.found, {key: f"it cannot be read: {why}" for key, why in partly.lost.items()}

    async def _asked_again(
        self, heads: Sequence[str], reporting: "_Reporting", views: Iterable[PullView]
    ) -> tuple[tuple[str, str], ...]:
        """Give what somebody asked to be run again, as far as it is a job."""
        asked = await self.world.store.asked_again(self.jobs.pool, heads)
        known = {(view.pull.head_sha, name) for view in views for name in reporting.jobs_of(view)} if asked else set()
        return tuple(one for one in asked if one in known)

    async def _failed_batches(self, base_sha: str, candidates: Sequence[Pull]) -> tuple[tuple[Member, ...], ...]:
        pool, store = self.jobs.pool, self.world.store
        if not candidates:
            return ()
        failed = await store.failed_batches(pool, base_sha, self.world.clock.now() - REMEMBERED)
        has_moved = any(batch.base_sha != base_sha for batch in failed)
        landings = await store.landings(pool) if has_moved else ()
        heads = frozenset((pull.number, pull.head_sha) for pull in candidates)
        return still_failed(failed, landings, base_sha, heads)


@dataclass(frozen=True, slots=True)
class _Reporting:
    """Which contexts jobs report on the branch, and which (head SHA, context) runs of one head are working on."""

    jobs: frozenset[str]
    running: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, pool: PoolKey, presubmits: Iterable[Presubmit], runs: Iterable[Run]) -> "_Reporting":
        jobs = (job.context for job in presubmits if not job.skip_report and runs_on_branch(job, pool.branch))
        alone = (run for run in runs if run.kind is RunKind.PRESUBMIT and run.state.is_live)
        return cls(frozenset(jobs), frozenset((head_sha, run.context) for run in alone for _, head_sha in run.heads))

    def jobs_of(self, view: PullView) -> frozenset[str]:
        return self.jobs.union(view.required)

    def unattended(self, views: Iterable[PullView]) -> list[tuple[str, str]]:
        pending = ((view.pull.head_sha, name) for view in views for name in unattended(view.pull, self.jobs_of(view)))
        return [one for one in pending if one not in self.running]


@dataclass(frozen=True, slots=True)
class _Examination:
    """Finds the jobs that a candidate needs, or the reason to hold it; `rules` are those of the branch."""

    observer: Observer
    base_sha: str
    rules: PoolRules
    settings: RepoSettings
    branch_rules: BranchRules

    async def view(self, pull: Pull, held: str) -> PullView:
        if held:
            return PullView(pull, held=held)
        try:
            return await self._examined(pull)
        except JobsUnknown as error:
            return PullView(pull, held=str(error), held_remedy=error.remedy)
        except Permanent as error:
            reason, remedy = f"what it changes cannot be read: {error}", "Have an operator look into what git says."
            return PullView(pull, held=reason, held_remedy=remedy)

    async def _examined(self, pull: Pull) -> PullView:
        proposal = Proposal(pull.number, pull.head_sha, method_for(self.rules, pull) or MergeMethod.MERGE)
        jobs = await self.observer.jobs.of_pull(self.base_sha, proposal)
        is_as_usual = jobs.context_policy == self.rules.context_policy
        pool, now = self.observer.jobs.pool, self.observer.world.clock.now()
        pull = self.observer.contexts_seen.completed(pull, now, frozenset(job.context for job in jobs.presubmits))
        grounds = Grounds.of(pull, self.settings, self.branch_rules)
        held = self.observer.holds.of(pool, self.base_sha, (pull.number, pull.head_sha), now, grounds)
        return PullView(
            pull,
            required=await self.observer.jobs.required(jobs, self.base_sha, [pull.head_sha]),
            held=held.reason,
            held_remedy=held.remedy,
            is_being_updated=held.is_being_updated,
            context_policy=None if is_as_usual else jobs.context_policy,
        )
