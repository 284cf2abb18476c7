"""Branch protection that contradicts itself, so that `from-branch-protection` takes nothing from it."""

from collections.abc import Iterable, Iterator, Sequence

from tide.config.advice.contexts import pools_named
from tide.config.loaded import LoadedConfig
from tide.config.places import Path
from tide.config.problems import Findings, Sourced
from tide.config.protection import is_strict, protection_of
from tide.config.prow.branch_protection import BranchProtection
from tide.domain.keys import PoolKey
from tide.policy.search import covers

_STRICT = (
    "required_status_checks.strict refuses every head that is not up to date, which each merge makes of all others; "
    "leave it out, as the queue tests each on the branch as it is"
)


def advise_on_protection(
    sections: Sequence[Sourced[BranchProtection]], config: LoadedConfig, findings: Findings
) -> None:
    """Warn of policies that Prow's branchprotector refuses, and that stand in a queue's way (Prow: checkconfig).

    Args:
        sections: that of config.yaml and those of its supplements.
        config: what was loaded of all of them.
        findings: told of what is wrong.
    """
    merged = config.prow.branch_protection
    for pool in dict.fromkeys((*_pools_of(merged), *pools_named(config))):
        try:
            protection_of(merged, pool, config.presubmits(pool.repository))
        except ValueError as error:
            section, path = _place(sections, pool)
            message = f"for {pool}: {error}; Prow refuses that, and nothing is required of the branch by it"
            findings.warn(section, message, *path, kind=str(error), other=str(pool))
        if is_strict(merged, pool) and covers(config.queries, pool.repository):
            section, path = _place(sections, pool)
            findings.warn(section, f"for {pool}: {_STRICT}", *path, kind="strict", other=str(pool))


def _pools_of(section: BranchProtection) -> Iterator[PoolKey]:
    """List the branches that policies are written for."""
    for org, in_org in section.orgs.items():
        for repo, in_repo in in_org.repos.items():
            yield from (PoolKey(org, repo, branch) for branch in in_repo.branches)


def _place(sections: Iterable[Sourced[BranchProtection]], pool: PoolKey) -> tuple[Sourced[BranchProtection], Path]:
    """Give the section that speaks of a branch most closely, and the path in it."""
    return max(((section, _path(section.value, pool)) for section in sections), key=lambda place: len(place[1]))


def _path(section: BranchProtection, pool: PoolKey) -> Path:
    path: Path = ()
    org = section.orgs.get(pool.org)
    if org is not None:
        path = ("orgs", pool.org)
        repo = org.repos.get(pool.repo)
        if repo is not None:
            path = (*path, "repos", pool.repo)
            if pool.branch in repo.branches:
                path = (*path, "branches", pool.branch)
    return path
