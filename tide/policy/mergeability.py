"""Whether the code host would merge a pull request at all."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from tide.domain.branch_rules import NO_RULES, BranchRules
from tide.domain.pulls import ContextState, Mergeable, MergeMethod, MergeState, Pull, RepoSettings, ReviewDecision
from tide.domain.rules import BlocksPolicy, PoolRules
from tide.policy.contexts import TIDE_CONTEXT
from tide.policy.merge_method import method_for
from tide.policy.reviews import review_remedy
from tide.policy.wording import plural

_UNREVIEWED = frozenset({ReviewDecision.REVIEW_REQUIRED, ReviewDecision.CHANGES_REQUESTED})
_FREE = frozenset({MergeState.CLEAN, MergeState.UNSTABLE, MergeState.HAS_HOOKS})


class Refused(NamedTuple):
    """Why the code host would not merge, in Tide's words, and what somebody has to do, "" where it ends by itself.

    When it `is_behind`, an update of its branch is all that is missing to merge it.
    """

    text: str
    remedy: str
    is_behind: bool = False


class Grounds(NamedTuple):
    """What a refusal by the code host may rest on, of all that was read, but for the head and the base.

    Of the contexts only what has `passed` is known for certain: what is awaited on a head is pending in a decision, and
    not there at all when the code host is asked for the merge.
    """

    pull: tuple[object, ...]
    passed: frozenset[str]
    merge_state: MergeState
    settings: RepoSettings
    rules: BranchRules

    @classmethod
    def of(cls, pull: Pull, settings: RepoSettings, rules: BranchRules) -> "Grounds":
        """Take them from a pull request, the settings of its repository and the rules of its branch."""
        names = {context.name for context in pull.contexts}
        others = {context.name for context in pull.contexts if context.state is not ContextState.SUCCESS}
        passed = frozenset(names - others - {TIDE_CONTEXT})
        return cls((pull.is_draft, pull.review_decision), passed, pull.merge_state, settings, rules)

    def still_hold(self, later: "Grounds") -> bool:
        """Tell whether a refusal on these grounds is to be expected on later ones too.

        Of the contexts only what passes ends one. What GitHub thinks of merging it is worked out anew after each merge
        of others: only where it had called the pull request blocked, and does no more, that is news.
        """
        is_free = self.merge_state is MergeState.BLOCKED and later.merge_state in _FREE
        is_same = self._replace(merge_state=later.merge_state, passed=later.passed) == later
        return is_same and later.passed <= self.passed and not is_free


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
        or _forbidden_method(pull, method, settings, host)
        or _rule_refusal(pull, rules, host)
    )


def is_judged_otherwise(before: Pull, now: Pull) -> bool:
    """Tell whether the code host judges a pull request otherwise that has not changed itself.

    Then a rule of its branch has changed, or who may review: neither is an update of the pull request.
    """
    if _own_facts(before) != _own_facts(now):
        return False
    if before.review_decision is not now.review_decision:
        return True
    states = {before.merge_state, now.merge_state}
    return before.merge_state is not now.merge_state and MergeState.BLOCKED in states and states <= _TELLS_OF_RULES


# A conflict, or a draft, is told whatever the rules are.
_TELLS_OF_RULES = frozenset(MergeState) - {MergeState.UNKNOWN, MergeState.DIRTY, MergeState.DRAFT}


def _own_facts(pull: Pull) -> tuple[object, ...]:
    return (pull.updated_at, pull.is_open, pull.pool, pull.head_sha, pull.contexts)


def with_strictness(host: BranchRules, pulls: Iterable[Pull]) -> BranchRules:
    """Find out from pull requests whether a branch is strict, where its rules do not tell.

    GitHub calls one behind where heads must be up to date, and nowhere else (GitHub docs: MergeStateStatus); it does so
    whoever may pass by the rule.
    """
    if not host.hides_strictness or host.may_bypass:
        return host
    return replace(host, is_strict=host.is_strict or any(pull.merge_state is MergeState.BEHIND for pull in pulls))


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


def _forbidden_method(
    pull: Pull, method: MergeMethod | None, settings: RepoSettings, host: BranchRules
) -> Refused | None:
    if method is None or method in host.merge_methods:
        return None
    branch, why = pull.base_branch, ""
    if method is MergeMethod.MERGE and host.requires_linear_history:
        why = ": they want a linear history"
    if method is MergeMethod.REBASE and host.requires_signatures:
        why = ": they want signed commits, and GitHub does not sign what it rebases"
    left = " or ".join(f'"{one}"' for one in host.merge_methods if settings.allows(one))
    choice = f"Choose the merge method {left}" if left else "No merge method is left that both allow"
    return Refused(
        f'Merge type "{method}" disallowed by the rules of {branch}{why}',
        f"{choice}, or have an administrator of the repository change the rules of {branch}.",
    )


def _rule_refusal(pull: Pull, rules: PoolRules, host: BranchRules) -> Refused | None:
    branch = pull.base_branch
    if host.asks_for_reviews and pull.review_decision in _UNREVIEWED:
        return Refused(f"GitHub requires {_reviews(host)} to merge into {branch}.", review_remedy(pull.review_decision))
    if host.is_strict and pull.merge_state is MergeState.BEHIND:
        text = f"GitHub requires the head to be up to date with {branch}."
        return Refused(text, _update_remedy(branch, rules), is_behind=True)
    return None


def _update_remedy(branch: str, rules: PoolRules) -> str:
    if rules.settings.update_branch:
        return ""
    return f"Merge {branch} into its branch (who may push to it can), or set `update_branch` to true for tide to do it."


def _reviews(host: BranchRules) -> str:
    count = host.required_approvals
    approvals = f"{count} approving {plural(count, 'review', 'reviews')}" if count else "an approving review"
    return f"{approvals}, of code owners too," if host.needs_code_owners else approvals


def is_blocked(pull: Pull) -> bool:
    """Tell whether GitHub itself calls a pull request blocked."""
    return pull.merge_state is MergeState.BLOCKED
