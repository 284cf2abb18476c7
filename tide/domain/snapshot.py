"""Everything that one decision about one pool rests on, read at one moment."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tide.domain.branch_rules import NO_RULES, BranchRules
from tide.domain.keys import PoolKey
from tide.domain.pulls import EVERY_METHOD, Blocker, Pull, RepoSettings
from tide.domain.rules import ContextPolicy, PoolRules
from tide.domain.runs import Run


class StandingKind(StrEnum):
    """How far a branch may be trusted."""

    PROVEN = "proven"  # nothing is known against the head
    UNPROVEN = "unproven"  # a landing stopped half-way or somebody pushed into it: the head itself must be tested
    FROZEN = "frozen"  # what landed is not what was planned: a human must look


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing of a pool's branch.

    While UNPROVEN, `contexts` name the required jobs that must pass on the branch head as it is.
    """

    kind: StandingKind = StandingKind.PROVEN
    reason: str = ""
    contexts: tuple[str, ...] = ()
    since: datetime | None = None


PROVEN = Standing()


@dataclass(frozen=True, slots=True)
class PullView:
    """One open pull request of the pool as a decision sees it.

    `required` are the contexts of the presubmits that must pass for it (sorted); it is filled in only for a pull
    request that meets a query. `held` says why it cannot be considered, "" when it can, and `held_remedy` in a sentence
    what somebody has to do about that, "" where it ends by itself; `is_being_updated`, that it is held as long as the
    code host merges the base into its branch. `context_policy` says which contexts count for it where it changes jobs
    that its repository holds itself, None where that is as for the branch.
    """

    pull: Pull
    required: tuple[str, ...] = ()
    held: str = ""
    held_remedy: str = ""
    is_being_updated: bool = False
    context_policy: ContextPolicy | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was read for one pool.

    `runs` are the presubmit, batch and proof runs on `base_sha`, and also our retests and first runs of heads that
    are still open, and whatever else tests these alone just now, whatever their base. `failed_batches` are the (number,
    head SHA) lists of what is left of the batches that failed on `base_sha`, or before what we have landed since.
    `first_runs` are (head SHA, context) that have been started once; `asked_again` are those that somebody asked for
    once more, and no run has answered yet. `unreported` are those that have long been pending on their head although no
    run works on them. `branch_rules` are the code host's own for the branch, none where they are not to be looked at.
    """

    pool: PoolKey
    now: datetime
    base_sha: str
    rules: PoolRules
    pulls: tuple[PullView, ...] = ()
    runs: tuple[Run, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    repo_settings: RepoSettings = EVERY_METHOD
    branch_rules: BranchRules = NO_RULES
    standing: Standing = PROVEN
    failed_batches: tuple[tuple[tuple[int, str], ...], ...] = ()
    first_runs: tuple[tuple[str, str], ...] = ()
    asked_again: tuple[tuple[str, str], ...] = ()
    unreported: tuple[tuple[str, str], ...] = ()
    is_dry_run: bool = False

    @property
    def tenant_ids(self) -> tuple[str, ...]:
        """The tenants that the runs of the pool belong to, sorted (Prow: Pool.TenantIDs)."""
        return tuple(sorted({run.tenant_id for run in self.runs if run.pool == self.pool}))

    def policy_of(self, view: PullView) -> ContextPolicy:
        """Tell which contexts count for one of the pull requests."""
        return self.rules.context_policy if view.context_policy is None else view.context_policy

    def contexts_of(self, numbers: Collection[int]) -> tuple[str, ...]:
        """Name the contexts that these pull requests need together: all that any of them needs, sorted."""
        needed = (view.required for view in self.pulls if view.pull.number in numbers)
        return tuple(sorted({context for required in needed for context in required}))
