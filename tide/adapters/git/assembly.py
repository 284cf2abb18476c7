"""Heads merged one after the other onto a base, along two ways that must lead to the same trees.

The *run* is what a test sees: each head is merged with `git merge --no-ff`, whatever the merge method (Prow:
clone.go commandsForPullRefs). The *plan* is what landing makes, by the method in force: a merge; the same with one
parent (squash); or the commits replayed (rebase). A head for which they differ is left out: its test would prove
something else than what lands.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tide.adapters.git.attribute_files import AttributeFiles
from tide.adapters.git.merging import Merger, Obstacle, Tip
from tide.domain.evidence import Assembly, Proposal, Skip, Step
from tide.domain.pulls import MergeMethod


@dataclass(frozen=True, slots=True)
class Ways:
    """How far the run and the plan have come; `attributes` is the file that rules merges in a work tree of the run."""

    run: Tip
    plan: Tip
    attributes: str


@dataclass(eq=False)
class Assembler:
    """Assembles candidates in one repository; `git_version` is told with each result."""

    merger: Merger
    attributes: AttributeFiles
    git_version: str

    async def assemble(self, base_sha: str, proposals: Sequence[Proposal], limit: int) -> Assembly:
        """Merge the proposals in their order until `limit` (0: all) are in; see `tide.ports.git.Git.assemble`."""
        base = await self.merger.tip(base_sha)
        ways = Ways(base, base, await self.attributes.of_tree(base.tree))
        changing = await self.attributes.changing(base_sha, [proposal.head_sha for proposal in proposals])
        steps, skips = list[Step](), list[Skip]()
        for proposal in proposals:
            if limit and len(steps) >= limit:
                break
            result = await self._take(ways, proposal)
            if isinstance(result, Obstacle):
                skips.append(Skip(proposal.number, result.reason, result.may_pass, result.remedy))
                continue
            run, plan = result
            attributes = await self.attributes.of_tree(run.tree) if proposal.head_sha in changing else ways.attributes
            ways = Ways(run, plan, attributes)
            steps.append(Step(proposal.number, proposal.head_sha, proposal.method, run.tree, plan.tree))
        return Assembly(base_sha, base.tree, tuple(steps), tuple(skips), self.git_version)

    async def _take(self, ways: Ways, proposal: Proposal) -> tuple[Tip, Tip] | Obstacle:
        run = await self.merger.merge(ways.run.commit, proposal.head_sha, ways.attributes)
        if isinstance(run, Obstacle):
            return run
        plan = await self._plan(ways.plan, proposal)
        if isinstance(plan, Obstacle):
            return plan.within(f"cannot land by {proposal.method}")
        if run != plan.tree:
            reason = f"a test would see tree {run}, landing by {proposal.method} would make tree {plan.tree}"
            return Obstacle(reason, "Update its branch from its base branch, or choose another merge method.")
        if run == ways.run.tree:
            return Obstacle("changes nothing: the tree stays as it is", "Close it, or push a change.")
        return await self.merger.commit(run, [ways.run.commit, proposal.head_sha], ways.run.date + 1), plan

    async def _plan(self, onto: Tip, proposal: Proposal) -> Tip | Obstacle:
        if proposal.method is MergeMethod.REBASE:
            return await self.merger.replay(onto, proposal.head_sha)
        tree = await self.merger.merge(onto.commit, proposal.head_sha)
        if isinstance(tree, Obstacle):
            return tree
        merged = [proposal.head_sha] if proposal.method is MergeMethod.MERGE else []
        return await self.merger.commit(tree, [onto.commit, *merged], onto.date + 1)
