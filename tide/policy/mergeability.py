"""Whether the code host would merge a pull request at all."""

from tide.domain.pulls import Mergeable, MergeMethod, MergeState, Pull, RepoSettings
from tide.domain.rules import BlocksPolicy, PoolRules
from tide.policy.merge_method import method_for


def refusal(pull: Pull, rules: PoolRules, settings: RepoSettings) -> str:
    """Give why a pull request may not merge, "" when it may (Prow: github.go isAllowedToMerge, in its order and words).

    GitHub refuses archived repositories and drafts too, which Prow's Tide finds out by trying.
    """
    if settings.is_archived:
        return "The repository is archived."
    if pull.is_draft:
        return "PR is a draft."
    if pull.mergeable is Mergeable.CONFLICTING:
        return "PR has a merge conflict."
    return _method_refusal(pull, method_for(rules, pull), settings) or _block(pull, rules.blocks_policy)


def _method_refusal(pull: Pull, method: MergeMethod | None, settings: RepoSettings) -> str:
    if method is None:
        return "PR has conflicting merge method override labels"
    if method is MergeMethod.REBASE and not pull.can_be_rebased:
        return "PR can't be rebased"
    if not settings.allows(method):
        return f'Merge type "{method}" disallowed by repo settings'
    return ""


def _block(pull: Pull, policy: BlocksPolicy) -> str:
    if is_blocked(pull) and policy is BlocksPolicy.BLOCK:
        return "PR is blocked from merging by GitHub (check branch protection, required reviews, or rulesets)"
    return ""


def is_blocked(pull: Pull) -> bool:
    """Tell whether GitHub itself calls a pull request blocked."""
    return pull.merge_state is MergeState.BLOCKED
