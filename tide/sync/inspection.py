"""See that a branch got what was planned.

A REST merge pins the head but not the base, so the proof is made afterwards: the commit that GitHub made must have the
tree that was planned, and must be the branch's head. A tree that a push by somebody else explains leaves the branch
unproven. Any other one freezes the pool: GitHub did not do what git does, and a human must look.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from tide.domain.errors import ConfigError, Permanent
from tide.domain.evidence import Landing, Proposal, Step
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, PullKey
from tide.domain.snapshot import StandingKind
from tide.ports.code_host import Commit
from tide.sync.candidate_jobs import CandidateJobs, JobsUnknown
from tide.sync.heads import pull_ref
from tide.sync.standings import Standings, contexts_of_branch
from tide.sync.world import World

# How many commits of somebody else are looked at below a merge; more of them are not worth the reading.
MOST_PUSHED = 20


class Finding(NamedTuple):
    """What is wrong after a merge, and how far the branch may still be trusted."""

    reason: str
    standing: StandingKind


@dataclass(frozen=True, slots=True)
class Inspector:
    """Looks at what landed on the branch of the pool that `jobs` are of."""

    world: World
    standings: Standings
    jobs: CandidateJobs

    @property
    def pool(self) -> PoolKey:
        """The pool whose branch is looked at."""
        return self.jobs.pool

    async def inspect(self, step: Step, onto: str, sha: str) -> Finding | None:
        """Look at a merge that was just made, and keep it; give what is wrong with it.

        Args:
            step: what was planned.
            onto: the branch head that it was to be merged onto.
            sha: the commit that GitHub says it made.

        Raises:
            RemoteError: what landed could not be read.
        """
        host = self.world.code_host
        head, commit = await host.branch_head(self.pool), await host.commit(self.pool.repository, sha)
        await self.keep(step, onto, commit)
        if head != sha and (astray := await self.astray(step)):
            return Finding(astray, StandingKind.UNPROVEN)
        if commit.tree != step.plan_tree:
            return await self.judge(step, onto, commit)
        if head != sha:
            reason = f"after #{step.number} the branch is at {head}, not at our merge {sha}: somebody else pushed"
            return Finding(reason, StandingKind.UNPROVEN)
        return None

    async def keep(self, step: Step, onto: str, commit: Commit) -> None:
        """Write down what landed, with its trees."""
        await self.world.store.add_landing(
            Landing(
                pool=self.pool,
                number=step.number,
                head_sha=step.head_sha,
                method=step.method,
                base_sha=onto,
                run_tree=step.run_tree,
                plan_tree=step.plan_tree,
                landed_sha=commit.sha,
                landed_tree=commit.tree,
                landed_at=self.world.clock.now(),
            )
        )

    async def astray(self, step: Step) -> str:
        """Find out whether a merged pull request went to another branch, and cast doubt on that one; "" when not."""
        key = PullKey(self.pool.org, self.pool.repo, step.number)
        pull = (await self.world.code_host.read_pulls([key])).get(key)
        if pull is None or pull.is_open or pull.pool == self.pool:
            return ""
        reason = f"#{step.number} was retargeted during the merge and landed on {pull.base_branch} untested"
        contexts = contexts_of_branch(await self._presubmits_of(pull.pool), pull.base_branch)
        await self.standings.doubt(self.world, pull.pool, reason, contexts)
        return reason

    async def _presubmits_of(self, pool: PoolKey) -> tuple[Presubmit, ...]:
        """Give the jobs of another branch as it is; where they cannot be told, those that are configured."""
        try:
            head = await self.world.code_host.branch_head(pool)
            return (await replace(self.jobs, pool=pool).of_branch(head)).presubmits
        except (ConfigError, JobsUnknown, Permanent):
            return self.jobs.config.presubmits(pool.repository)

    async def judge(self, step: Step, onto: str, commit: Commit) -> Finding:
        """Say what to make of a merge whose tree is not the one that was planned."""
        reason = f"#{step.number} landed as tree {commit.tree}, planned was {step.plan_tree}"
        if await self._is_explained(step, onto, commit):
            return Finding(f"{reason}: somebody else pushed to the branch first", StandingKind.UNPROVEN)
        return Finding(reason, StandingKind.FROZEN)

    async def _is_explained(self, step: Step, onto: str, commit: Commit) -> bool:
        """Tell whether git makes the same tree of the head upon what somebody else pushed below the merge."""
        git, repo = self.world.git, self.pool.repository
        proposal = Proposal(step.number, step.head_sha, step.method)
        for below in await self._pushed_below(commit, onto):
            await git.fetch(repo, {below: f"refs/heads/{self.pool.branch}", step.head_sha: pull_ref(step.number)})
            assembly = await git.assemble(repo, below, [proposal], 0)
            if assembly.steps and assembly.plan_tree == commit.tree:
                return True
        return False

    async def _pushed_below(self, commit: Commit, onto: str) -> list[str]:
        """List the commits between a merge and the head that it was meant for, along the first parents."""
        pushed: list[str] = []
        while commit.parents and commit.parents[0] != onto and len(pushed) < MOST_PUSHED:
            commit = await self.world.code_host.commit(self.pool.repository, commit.parents[0])
            pushed.append(commit.sha)
        return pushed
