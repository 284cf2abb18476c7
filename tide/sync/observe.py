"""Read everything that a decision about one pool rests on.

One trouble stays where it is: a pull request that cannot be examined is held with its reason, and the others go on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tide.domain.errors import Permanent
from tide.domain.evidence import BatchState
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.pulls import Blocker, Pull, RepoSettings
from tide.domain.rules import PoolRules
from tide.domain.snapshot import PullView, Snapshot, StandingKind
from tide.policy import blockers as blocker_rules
from tide.policy import jobs as job_rules
from tide.policy.queries import meets_any
from tide.ports.code_host import PartlyRead
from tide.ports.job_config import JobConfig
from tide.sync.heads import fetch_heads
from tide.sync.holds import Holds
from tide.sync.standings import provable
from tide.sync.world import World

SETTINGS_LAST = timedelta(hours=1)
IN_REPO_NAMES = (".prow.yaml", ".prow")


@dataclass(slots=True)
class SettingsCache:
    """The repositories' merge settings, asked for once an hour."""

    _kept: dict[RepoKey, tuple[datetime, RepoSettings]] = field(default_factory=dict)

    async def get(self, world: World, repo: RepoKey) -> RepoSettings:
        """Give the settings of a repository, at most an hour old."""
        now = world.clock.now()
        kept = self._kept.get(repo)
        if kept is None or now - kept[0] >= SETTINGS_LAST:
            kept = self._kept[repo] = (now, await world.code_host.repo_settings(repo))
        return kept[1]


@dataclass(frozen=True, slots=True)
class Observer:
    """Reads pools; `settings` and `holds` live as long as the process."""

    world: World
    settings: SettingsCache
    holds: Holds
    is_dry_run: bool

    async def observe(
        self,
        pool: PoolKey,
        config: JobConfig,
        *,
        blockers: Sequence[Blocker],
        already_read: Collection[PullKey] = (),
    ) -> Snapshot:
        """Read one pool.

        Args:
            pool: the pool to read.
            config: the configuration in force.
            blockers: the issues that block its repository.
            already_read: pull requests that were read in this round and need not be read again.

        Raises:
            RemoteError: something that the whole pool rests on could not be read.
            ConfigError: what is configured for the pool contradicts itself.
        """
        rules, presubmits = config.rules(pool), config.presubmits(pool.repository)
        pulls, lost = await self._open_pulls(pool, rules, already_read)
        candidates = [pull for pull in pulls if pull.key not in lost and meets_any(rules.queries, pull)]
        store = self.world.store
        standing = provable(await store.standing(pool), presubmits, pool.branch)
        # A head that is not proven is proved also when nothing waits to land on it.
        is_needed = bool(candidates) or standing.kind is StandingKind.UNPROVEN
        base_sha = await self.world.code_host.branch_head(pool) if is_needed else ""
        heads = [pull.head_sha for pull in candidates]
        self.holds.forget_all_but(pool, frozenset((pull.number, pull.head_sha) for pull in candidates))
        views = await _Examination(self, pool, base_sha, rules, presubmits).views(candidates)
        return Snapshot(
            pool=pool,
            now=self.world.clock.now(),
            base_sha=base_sha,
            rules=rules,
            pulls=tuple(views.get(pull.key) or PullView(pull, held=lost.get(pull.key, "")) for pull in pulls),
            runs=await self.world.runner.runs(pool, base_sha, heads) if base_sha else (),
            blockers=blocker_rules.applicable(blockers, pool.branch),
            repo_settings=await self.settings.get(self.world, pool.repository),
            standing=standing,
            failed_batches=await self._failed_batches(pool, base_sha),
            first_runs=await store.first_runs(pool, heads) if candidates else (),
            is_dry_run=self.is_dry_run,
        )

    async def _open_pulls(
        self, pool: PoolKey, rules: PoolRules, already_read: Collection[PullKey]
    ) -> tuple[list[Pull], Mapping[PullKey, str]]:
        """Give the open pull requests, and the reason for each that should have been read anew and could not be.

        Those that may merge are given as they are now, the rest as last read.
        """
        store = self.world.store
        mirrored = await store.pool_pulls(pool)
        stale = [pull.key for pull in mirrored if meets_any(rules.queries, pull) and pull.key not in already_read]
        if not stale:
            return list(mirrored), {}
        now = self.world.clock.now()
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

    async def _failed_batches(self, pool: PoolKey, base_sha: str) -> tuple[tuple[tuple[int, str], ...], ...]:
        batches = await self.world.store.batches(pool, base_sha) if base_sha else ()
        return tuple(batch.members for batch in batches if batch.state is BatchState.FAILED)


@dataclass(frozen=True, slots=True)
class _Examination:
    """Finds, for each candidate, the jobs that it needs or the reason to hold it."""

    observer: Observer
    pool: PoolKey
    base_sha: str
    rules: PoolRules
    presubmits: tuple[Presubmit, ...]

    async def views(self, candidates: Sequence[Pull]) -> dict[PullKey, PullView]:
        lost: dict[int, str] = {}
        if self._needs_git:
            heads = {pull.number: pull.head_sha for pull in candidates}
            lost = await fetch_heads(self.observer.world.git, self.pool, self.base_sha, heads)
        base_holds = await self._base_hold() if candidates else ""
        return {pull.key: await self._view(pull, base_holds or lost.get(pull.number, "")) for pull in candidates}

    @property
    def _needs_git(self) -> bool:
        return self.rules.in_repo_config or job_rules.needs_changed_files(self.presubmits, self.pool.branch)

    async def _base_hold(self) -> str:
        if not self.rules.in_repo_config:
            return ""
        found = await self.observer.world.git.paths_at(self.pool.repository, self.base_sha, IN_REPO_NAMES)
        return _in_repo_reason(found, f"the branch {self.pool.branch}")

    async def _view(self, pull: Pull, held: str) -> PullView:
        if held:
            return PullView(pull, held=held)
        try:
            return await self._examined(pull)
        except Permanent as error:
            return PullView(pull, held=f"what it changes cannot be read: {error}")

    async def _examined(self, pull: Pull) -> PullView:
        git, repo = self.observer.world.git, self.pool.repository
        if self.rules.in_repo_config:
            found = await git.paths_at(repo, pull.head_sha, IN_REPO_NAMES)
            if found:
                return PullView(pull, held=_in_repo_reason(found, "its head"))
        files: tuple[str, ...] = ()
        if job_rules.needs_changed_files(self.presubmits, self.pool.branch):
            files = await git.changed_files(repo, self.base_sha, pull.head_sha)
        required = job_rules.required_presubmits(
            self.presubmits, self.pool.branch, files, require_manually_triggered=self.rules.require_manually_triggered
        )
        now = self.observer.world.clock.now()
        return PullView(
            pull,
            required=tuple(sorted({job.context for job in required})),
            held=self.observer.holds.reason(self.pool, self.base_sha, pull.number, pull.head_sha, now),
        )


def _in_repo_reason(found: Sequence[str], where: str) -> str:
    if not found:
        return ""
    names = " and ".join(found)
    return f"jobs in the repository itself ({names} in {where}) are not supported yet, so its jobs are not known"
