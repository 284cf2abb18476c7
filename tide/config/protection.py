"""What Prow's own `branch-protection` section says about one branch (Prow: GetBranchProtection, GetPolicy)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tide.config.prow.branch_protection import BranchProtection, ProtectionPolicy, StatusChecks
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey
from tide.policy.jobs import runs_on_branch

_WITHOUT_PROTECTION = frozenset({"protect", "unmanaged", "include", "exclude"})


@dataclass(frozen=True, slots=True)
class Protection:
    """What is required on a branch: contexts, and whether jobs that only a command starts are."""

    contexts: tuple[str, ...] = ()
    require_manually_triggered: bool = False


def protection_of(section: BranchProtection, pool: PoolKey, presubmits: Iterable[Presubmit]) -> Protection:
    """Evaluate the section for one branch.

    Raises:
        ValueError: the section contradicts itself there; Tide then goes on as if it said nothing.
    """
    policy = _policy(section, pool)
    if policy is None:
        return Protection()
    manual = bool(policy.require_manually_triggered_jobs)
    jobs = [job for job in presubmits if runs_on_branch(job, pool.branch)]
    required = _required_by_jobs(jobs, require_manually_triggered=manual)
    is_tested = bool(required or (jobs and section.protect_repos_with_optional_jobs))
    if is_tested and policy.protect is False:
        if section.allow_disabled_job_policies:
            return Protection()
        raise ValueError("required prow jobs require branch protection")
    if policy.protect is False and _says_more(policy) and not section.allow_disabled_policies:
        raise ValueError("protect must be enabled where anything else is set")
    is_protected = bool(policy.protect) or bool(is_tested and section.protect_tested)
    contexts = {*required, *(policy.required_status_checks.contexts if policy.required_status_checks else ())}
    return Protection(tuple(sorted(contexts)) if is_protected else (), manual)


def requires_manually_triggered(section: BranchProtection, pool: PoolKey) -> bool:
    """Tell whether a branch's policy requires jobs that only a command starts; false where it is broken.

    Prow looks this up apart from the contexts, and without the jobs.
    """
    policy = _unbroken_policy(section, pool)
    return policy is not None and bool(policy.require_manually_triggered_jobs)


def is_strict(section: BranchProtection, pool: PoolKey) -> bool:
    """Tell whether a branch takes only heads that are up to date with it; false where its policy is broken."""
    policy = _unbroken_policy(section, pool)
    checks = policy.required_status_checks if policy and policy.protect else None
    return checks is not None and bool(checks.strict)


def _unbroken_policy(section: BranchProtection, pool: PoolKey) -> ProtectionPolicy | None:
    """Put the levels together; None also where that fails."""
    try:
        return _policy(section, pool)
    except ValueError:
        return None


def _policy(section: BranchProtection, pool: PoolKey) -> ProtectionPolicy | None:
    """Put the levels together; None where the organisation is not named."""
    org = section.orgs.get(pool.org)
    if org is None:
        return None
    policy = _refined(section, org)
    repo = org.repos.get(pool.repo)
    if repo is None:
        return policy
    policy = _refined(policy, repo)
    branch = repo.branches.get(pool.branch)
    if branch is None:
        return policy
    policy = _refined(policy, branch)
    if policy.protect is None and not policy.unmanaged:
        raise ValueError("defined branch policies must set protect")
    return policy


def _refined(outer: ProtectionPolicy, inner: ProtectionPolicy) -> ProtectionPolicy:
    """Put an inner level on top: what it sets wins, lists are united."""
    merged: dict[str, Any] = {}
    for name, field in ProtectionPolicy.model_fields.items():
        above, below = getattr(inner, name), getattr(outer, name)
        if isinstance(above, tuple):
            merged[field.alias or name] = tuple(sorted({*below, *above}))
        else:
            merged[field.alias or name] = below if above is None else above
    merged["required_status_checks"] = _united(outer.required_status_checks, inner.required_status_checks)
    return ProtectionPolicy.model_construct(**merged)


def _united(outer: StatusChecks | None, inner: StatusChecks | None) -> StatusChecks | None:
    if outer is None or inner is None:
        return inner or outer
    return StatusChecks(
        contexts=tuple(sorted({*outer.contexts, *inner.contexts})),
        strict=outer.strict if inner.strict is None else inner.strict,
    )


def _required_by_jobs(presubmits: Iterable[Presubmit], *, require_manually_triggered: bool) -> frozenset[str]:
    return frozenset(
        job.context
        for job in presubmits
        if job.is_context_required and (job.always_run or (require_manually_triggered and job.needs_explicit_trigger))
    )


def _says_more(policy: ProtectionPolicy) -> bool:
    """Tell whether anything is set that only makes sense with protection (Prow: Policy.defined)."""
    return any(
        getattr(policy, name) is not None for name in ProtectionPolicy.model_fields if name not in _WITHOUT_PROTECTION
    )
