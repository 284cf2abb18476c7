"""What the code host itself asks of a merge into a branch."""

from dataclasses import dataclass

from tide.domain.pulls import MergeMethod

EVERY_METHOD = tuple(MergeMethod)


@dataclass(frozen=True, slots=True)
class BranchRules:
    """The code host's own rules for a branch, as far as they bind us: what we may pass by is left out.

    `required_contexts` must have passed on the head, sorted. `is_strict`: the head must contain the base (a merge is
    refused, however green, until somebody updates the branch). `requires_queue`: only the code host's own merge queue
    may merge. `required_approvals` is the number of approving reviews, with `needs_code_owners` also theirs.
    `merge_methods` are those that the rules allow, of which `requires_linear_history` and `requires_signatures` leave
    out one each. `may_push` is False where we may not change the branch at all. `may_bypass` tells that there are more
    rules, which do not bind us; `hides_strictness` that only a pull request itself tells whether the branch is strict.
    """

    required_contexts: tuple[str, ...] = ()
    is_strict: bool = False
    requires_queue: bool = False
    required_approvals: int = 0
    needs_code_owners: bool = False
    merge_methods: tuple[MergeMethod, ...] = EVERY_METHOD
    may_push: bool = True
    may_bypass: bool = False
    requires_linear_history: bool = False
    requires_signatures: bool = False
    hides_strictness: bool = False

    @property
    def asks_for_reviews(self) -> bool:
        """Whether a merge needs anybody's approval."""
        return self.required_approvals > 0 or self.needs_code_owners


NO_RULES = BranchRules()
