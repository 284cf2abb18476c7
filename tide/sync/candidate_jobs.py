"""The jobs of a candidate: of a branch as it is, of a pull request merged onto it, of several.

Where a repository may hold jobs itself (Prow: in-repo config), each state of it has its own. They are read from the
merged tree, as a test sees it, and evaluated once per content: a pull request that leaves the job files alone costs
nothing. What cannot be evaluated is never taken for the configured jobs alone: whoever needs it waits, with the reason.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tide.domain.errors import ConfigError, TideError, Unavailable
from tide.domain.evidence import Proposal, Skip
from tide.domain.in_repo import InRepoFile
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.memo import Memo
from tide.domain.rules import ContextPolicy
from tide.policy.jobs import needs_changed_files, required_presubmits
from tide.ports.job_config import JobConfig
from tide.sync.world import World


class JobsUnknown(TideError):  # noqa: N818 - names the state
    """The jobs of a candidate cannot be told.

    The text says why, in one line; `remedy` in a sentence what somebody has to do, "" where it passes.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class _Files(NamedTuple):
    """Job files as they are spoken of, and what to do where they cannot be used."""

    jobs: str
    remedy: str


@dataclass(frozen=True, slots=True)
class JobSet:
    """The presubmits of one state of a repository, and which contexts count on the branch with them."""

    presubmits: tuple[Presubmit, ...]
    context_policy: ContextPolicy


@dataclass(slots=True)
class Evaluations:
    """What job files were found to say, by configuration and content; lives as long as the process.

    A text in place of `presubmits` says what is wrong with the files.
    """

    presubmits: Memo[tuple[str, RepoKey, str], tuple[Presubmit, ...] | str] = field(default_factory=lambda: Memo(256))
    sets: Memo[tuple[str, PoolKey, str], JobSet] = field(default_factory=lambda: Memo(256))
    merged: Memo[tuple[PoolKey, str, Proposal], str | Skip] = field(default_factory=lambda: Memo(16384))
    # One at a time: strangers choose how long it takes, and pools of one repository need the same.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class CandidateJobs:
    """Tells the jobs of the candidates of one pool, under one configuration."""

    world: World
    config: JobConfig
    evaluations: Evaluations
    pool: PoolKey

    @property
    def may_differ(self) -> bool:
        """Tell whether states of the repository may have jobs of their own; else all have the configured ones."""
        return self.config.rules(self.pool).in_repo_config

    async def of_branch(self, base_sha: str) -> JobSet:
        """Give the jobs of the branch as it is.

        Raises:
            JobsUnknown: they cannot be told.
            RemoteError: the branch cannot be read.
        """
        if not self.may_differ:
            return self._configured()
        await self.world.git.fetch(self.pool.repository, {base_sha: f"refs/heads/{self.pool.branch}"})
        return await self._of_key(await self._key(base_sha), self._on_branch)

    async def of_pull(self, base_sha: str, proposal: Proposal) -> JobSet:
        """Give the jobs of one pull request merged onto the branch; base and head must have been fetched.

        Raises:
            JobsUnknown: they cannot be told, or it does not merge.
            RemoteError: what it changes cannot be read.
        """
        if not self.may_differ:
            return self._configured()
        base, key = await self._key(base_sha), await self._key(proposal.head_sha)
        if key != base:
            key = await self._merged_key(base_sha, proposal)
        of_its_own = _Files("the jobs in the repository as it changes them", "Mend the job files that it changes.")
        return await self._of_key(key, self._on_branch if key == base else of_its_own)

    async def of_tree(self, tree: str) -> JobSet:
        """Give the jobs of a tree that was assembled.

        Raises:
            JobsUnknown: they cannot be told.
            RemoteError: the tree cannot be read.
        """
        if not self.may_differ:
            return self._configured()
        of_all = _Files("the jobs in the repository with all of them merged", "")
        return await self._of_key(await self._key(tree), of_all)

    async def changes(self, base_sha: str, head_sha: str) -> bool:
        """Tell whether a head holds other job files than the branch, be it that it is behind; both were fetched."""
        return await self._key(base_sha) != await self._key(head_sha)

    async def required(self, jobs: JobSet, base_sha: str, heads: Collection[str]) -> tuple[str, ...]:
        """Name the contexts that heads need together when these are the jobs, sorted; all must have been fetched."""
        repo, branch, files = self.pool.repository, self.pool.branch, set[str]()
        if needs_changed_files(jobs.presubmits, branch):
            for head_sha in heads:
                files.update(await self.world.git.changed_files(repo, base_sha, head_sha))
        manual = self.config.rules(self.pool).require_manually_triggered
        found = required_presubmits(jobs.presubmits, branch, files, require_manually_triggered=manual)
        return tuple(sorted({job.context for job in found}))

    @property
    def _on_branch(self) -> _Files:
        branch = self.pool.branch
        return _Files(f"the jobs in {branch} itself", f"Have a maintainer mend the job files in {branch}.")

    def _configured(self) -> JobSet:
        return JobSet(self.config.presubmits(self.pool.repository), self.config.rules(self.pool).context_policy)

    async def _key(self, sha: str) -> str:
        return await self.world.git.in_repo_key(self.pool.repository, sha)

    async def _merged_key(self, base_sha: str, proposal: Proposal) -> str:
        at, known = (self.pool, base_sha, proposal), self.evaluations.merged
        found = known.get(at)
        if found is None:
            assembly = await self.world.git.assemble(self.pool.repository, base_sha, [proposal], 0)
            found = assembly.skips[0] if assembly.skips else await self._key(assembly.run_tree)
            if isinstance(found, str) or not found.may_pass:
                known.keep(at, found)
        if isinstance(found, Skip):
            reason = f"it does not go onto {self.pool.branch}, so its jobs are not known: {found.reason}"
            raise JobsUnknown(reason, found.remedy)
        return found

    async def _of_key(self, key: str, files: _Files) -> JobSet:
        if not key:
            return self._configured()
        at = (self.config.digest, self.pool, key)
        known = self.evaluations.sets.get(at)
        if known is not None:
            return known
        try:
            found = await self._evaluated(key)
        except Unavailable as error:
            raise JobsUnknown(f"{files.jobs} cannot be read: {error}") from None
        if isinstance(found, str):
            raise JobsUnknown(f"{files.jobs} cannot be used: {found}", files.remedy)
        try:
            policy = self.config.context_policy(self.pool, found)
        except ConfigError as error:
            raise JobsUnknown(f"{files.jobs} cannot be used: {_in_one_line(error)}", files.remedy) from None
        except Exception as error:  # noqa: BLE001 - see `_evaluate`
            raise JobsUnknown(f"{files.jobs} cannot be used: {self._stumbled(error)}", files.remedy) from None
        return self.evaluations.sets.keep(at, JobSet(found, policy))

    async def _evaluated(self, key: str) -> tuple[Presubmit, ...] | str:
        repo, known = self.pool.repository, self.evaluations.presubmits
        at = (self.config.digest, repo, key)
        found = known.get(at)
        if found is not None:
            return found
        files = await self.world.git.in_repo_files(repo, key)
        async with self.evaluations.turn:
            found = known.get(at)
            return known.keep(at, await self._evaluate(files)) if found is None else found

    async def _evaluate(self, files: Sequence[InRepoFile]) -> tuple[Presubmit, ...] | str:
        try:
            # In a thread, since large files take a while.
            return await asyncio.to_thread(self.config.presubmits_with, self.pool.repository, files)
        except ConfigError as error:
            return _in_one_line(error)
        except Exception as error:  # noqa: BLE001 - what one stranger wrote never stops the pull requests of others
            return self._stumbled(error)

    def _stumbled(self, error: Exception) -> str:
        self.world.observer.pool_failed(self.pool, error)
        told = " ".join(f"{type(error).__name__}: {error}".split())
        return f"evaluating them failed by an error of tide's own, which its log shows ({told})"


def _in_one_line(error: ConfigError) -> str:
    first, *others = str(error).splitlines() or [""]
    return f"{first} (and {len(others)} more)" if others else first
