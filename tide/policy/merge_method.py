"""How a pull request lands."""

from collections.abc import Mapping

from tide.domain.keys import PoolKey
from tide.domain.pulls import MergeMethod, Pull
from tide.domain.rules import PoolRules
from tide.golang.regexp import matches
from tide.policy.labels import folded

RepoMethods = MergeMethod | Mapping[str, MergeMethod]
"""What is configured for a repository: a method, or one for each regular expression over branches."""

MethodTable = Mapping[str, MergeMethod | Mapping[str, RepoMethods]]
"""`tide.merge_method` as Prow writes it: keys `org`, `org/repo`, `org/repo@branch`; an `org` may hold repositories,
with `*` for those that are not named."""


def configured_method(table: MethodTable, pool: PoolKey) -> MergeMethod:
    """Look up the method of a branch (Prow: Tide.OrgRepoBranchMergeMethod).

    Args:
        table: what is configured; its expressions must compile.
        pool: the repository and the base branch.
    """
    org, repo = table.get(pool.org), str(pool.repository)
    nested = org.get(pool.repo, org.get("*")) if isinstance(org, Mapping) else None
    candidates = (
        table.get(f"{repo}@{pool.branch}"),
        _branch_method(nested, pool.branch),
        table.get(repo),
        nested,
        org,
    )
    return next((method for method in candidates if isinstance(method, MergeMethod)), MergeMethod.MERGE)


def method_for(rules: PoolRules, pull: Pull) -> MergeMethod | None:
    """Give the method by which a pull request lands; None when its labels ask for several (Prow: prMergeMethod)."""
    overrides = (
        (rules.squash_label, MergeMethod.SQUASH),
        (rules.rebase_label, MergeMethod.REBASE),
        (rules.merge_label, MergeMethod.MERGE),
    )
    present = folded(pull.labels)
    asked = [method for label, method in overrides if label and label.strip().lower() in present]
    if len(asked) > 1:
        return None
    return asked[0] if asked else rules.merge_method


def _branch_method(nested: RepoMethods | None, branch: str) -> MergeMethod | None:
    """Try the expressions in the order of their text; the first that is found in the branch wins."""
    if not isinstance(nested, Mapping):
        return None
    return next((nested[pattern] for pattern in sorted(nested) if matches(pattern, branch)), None)
