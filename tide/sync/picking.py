"""Find which of the candidates for a test go onto the branch together: it asks git, and changes nothing outside."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tide.domain.actions import Target
from tide.domain.evidence import Assembly, Proposal, Skip, Step
from tide.domain.snapshot import Snapshot
from tide.sync.candidate_jobs import CandidateJobs, JobsUnknown
from tide.sync.heads import fetch_heads
from tide.sync.world import World


@dataclass(frozen=True, slots=True)
class Picker:
    """Picks for one snapshot of a pool."""

    world: World
    jobs: CandidateJobs
    snapshot: Snapshot

    async def pick(self, targets: Sequence[Target], limit: int) -> Assembly:
        """Merge the targets in memory until there are `limit` (0: no end); say which are left out, and why.

        Those whose jobs do not go with the others' are left out as well.

        Raises:
            RemoteError: the heads cannot be fetched, or their jobs cannot be read.
        """
        unfit: list[Skip] = []
        while True:
            left = [target for target in targets if target.number not in {skip.number for skip in unfit}]
            assembly = await self._merged(left, limit)
            misfit = await self._misfit(assembly)
            if misfit is None:
                return replace(assembly, skips=(*unfit, *assembly.skips))
            unfit.append(misfit)

    async def _misfit(self, assembly: Assembly) -> Skip | None:
        """Find a head with which the jobs of all cannot be told, or are not what each of them needs by itself.

        What a batch has to pass is told from its members: one that takes away, or changes, what others need is tested
        and landed alone.
        """
        jobs, steps = self.jobs, assembly.steps
        if not steps or not jobs.may_differ or not await self._discord(steps):
            return None
        discords = [await self._discord(steps[:count]) for count in range(1, len(steps) + 1)]
        first = next(index for index, discord in enumerate(discords) if discord)
        upto = steps[: first + 1]
        changing = [step for step in upto if await jobs.changes(assembly.base_sha, step.head_sha)]
        return Skip((changing or upto)[-1].number, discords[first])

    async def _discord(self, steps: Sequence[Step]) -> str:
        """Say why these heads, one after the other, do not have the jobs that each of them needs; "" when they do."""
        jobs = self.jobs
        try:
            found = await jobs.of_tree(steps[-1].run_tree)
        except JobsUnknown as error:
            return str(error)
        together = await jobs.required(found, self.snapshot.base_sha, [step.head_sha for step in steps])
        alone = self.snapshot.contexts_of([step.number for step in steps])
        others = sorted({*together}.symmetric_difference(alone))
        return f"{', '.join(others)} would be required of it otherwise than of each by itself" if others else ""

    async def _merged(self, targets: Sequence[Target], limit: int) -> Assembly:
        git, pool, base_sha = self.world.git, self.snapshot.pool, self.snapshot.base_sha
        lost = await fetch_heads(git, pool, base_sha, {target.number: target.head_sha for target in targets})
        proposals = [
            Proposal(target.number, target.head_sha, target.method) for target in targets if target.number not in lost
        ]
        assembly = await git.assemble(pool.repository, base_sha, proposals, limit)
        skips = tuple(Skip(number, reason, may_pass=True) for number, reason in lost.items())
        return replace(assembly, skips=(*skips, *assembly.skips))
