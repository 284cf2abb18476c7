"""Whether the code host would merge a pull request at all."""

from typing import NamedTuple

from tide.domain.pulls import Mergeable, MergeMethod, MergeState, Pull, RepoSettings
from tide.domain.rules import BlocksPolicy, PoolRules
from tide.policy.merge_method import method_for


class Refused(NamedTuple):
    """Why the code host would not merge, in Tide's words, and what would help."""

    text: str
    remedy: str


def refusal(pull: Pull, rules: PoolRules, settings: RepoSettings) -> Refused | None:
    """Give why a pull request may not merge, None when it may (Prow: github.go isAllowedToMerge, in its order).

    GitHub refuses archived repositories and drafts too, which Prow's Tide finds out by trying.
    """
    if settings.is_archived:
        return Refused("The repository is archived.", "Unarchive the repository.")
    if pull.is_draft:
        return Refused("PR is a draft.", "Mark it as ready for review.")
    if pull.mergeable is Mergeable.CONFLICTING:
        return Refused("PR has a merge conflict.", f"Resolve its conflict with {pull.base_branch}.")
    return _method_refusal(pull, method_for(rules, pull), settings) or _block(pull, rules.blocks_policy)


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
            f'Allow "{method}" in the settings of the repository, or choose another merge method.',
        )
    return None


def _block(pull: Pull, policy: BlocksPolicy) -> Refused | None:
    if not is_blocked(pull) or policy is not BlocksPolicy.BLOCK:
        return None
    return Refused(
        "PR is blocked from merging by GitHub (check branch protection, required reviews, or rulesets)",
        "See on its page what GitHub asks for.",
    )


def is_blocked(pull: Pull) -> bool:
    """Tell whether GitHub itself calls a pull request blocked."""
    return pull.merge_state is MergeState.BLOCKED
