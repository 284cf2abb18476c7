"""Whether the code host would merge a pull request at all."""

from typing import NamedTuple

from tide.domain.branch_rules import NO_RULES, BranchRules
from tide.domain.pulls import Mergeable, MergeMethod, MergeState, Pull, RepoSettings, ReviewDecision
from tide.domain.rules import BlocksPolicy, PoolRules
from tide.policy.merge_method import method_for
from tide.policy.wording import plural

from tide.policy.reviews import review_remedy
_UNREVIEWED = frozenset({ReviewDecision.REVIEW_REQUIRED, ReviewDecision.CHANGES_REQUESTED})


class Refused(NamedTuple):
    """Why the code host would not merge, in Tide's words, and what somebody has to do, "" where it ends by itself."""

    text: str
    remedy: str


def refusal(pull: Pull, rules: PoolRules, settings: RepoSettings, host: BranchRules = NO_RULES) -> Refused | None:
    """Give why a pull request may not merge, None when it may (Prow: github.go isAllowedToMerge, in its order).

    GitHub refuses archived repositories, drafts and what the rules of the branch forbid too, which Prow's Tide finds
    out by trying.

    Args:
        pull: the pull request.
        rules: what is configured.
        settings: what the repository allows.
        host: the code host's own rules for the branch.
    """
    if settings.is_archived:
        return Refused("The repository is archived.", "Have an administrator unarchive the repository.")
    if pull.is_draft:
        return Refused("PR is a draft.", "Mark it as ready for review.")
    if pull.mergeable is Mergeable.CONFLICTING:
        return Refused("PR has a merge conflict.", f"Resolve its conflict with {pull.base_branch}.")
    method = method_for(rules, pull)
    return (
        _method_refusal(pull, method, settings)
        or _block(pull, rules.blocks_policy)
        or _rule_refusal(pull, method, host)
    )


def _method_refusal(pull: Pull, method: MergeMethod | None, settings: RepoSettings) -> Refused | None:
    if method is None:
        return Refused(
            "PR has conflicting merge method override labels",
            "Leave only one of the labels that choose a merge method.",
        )
    if method is MergeMethod.REBASE and not pull.can_be_rebased:
        return Refused("PR can't be rebased", f"Rebase it onto {pull.base_branch}, or choose another merge method.")
    if not settings.allows(method):
        return Refused(
            f'Merge type "{method}" disallowed by repo settings',
            f'Have an administrator allow "{method}" in the repository\'s settings, or choose another merge method.',
        )
    return None


def _block(pull: Pull, policy: BlocksPolicy) -> Refused | None:
    if not is_blocked(pull) or policy is not BlocksPolicy.BLOCK:
        return None
    return Refused(
        "PR is blocked from merging by GitHub (check branch protection, required reviews, or rulesets)",
        "See on its page what GitHub asks for.",
    )


def _rule_refusal(pull: Pull, method: MergeMethod | None, host: BranchRules) -> Refused | None:
    branch = pull.base_branch
    if method not in host.merge_methods:
        return Refused(
            f'Merge type "{method}" disallowed by the rules of {branch}',
            f'Have an administrator allow "{method}" in the rules of {branch}, or choose another merge method.',
        )
    if host.asks_for_reviews and pull.review_decision in _UNREVIEWED:
        return Refused(f"GitHub requires {_reviews(host)} to merge into {branch}.", review_remedy(pull.review_decision))
    if host.is_strict and pull.merge_state is MergeState.BEHIND:
        return Refused(f"GitHub requires the head to be up to date with {branch}.", f"Update its branch with {branch}.")
    return None


def _reviews(host: BranchRules) -> str:
    count = host.required_approvals
    approvals = f"{count} approving {plural(count, 'review', 'reviews')}" if count else "an approving review"
    return f"{approvals}, of code owners too," if host.needs_code_owners else approvals


def is_blocked(pull: Pull) -> bool:
    """Tell whether GitHub itself calls a pull request blocked."""
    return pull.merge_state is MergeState.BLOCKED
