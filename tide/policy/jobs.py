"""Which jobs a pull request needs."""

from collections.abc import Collection, Iterable

from tide.domain.jobs import Presubmit
from tide.golang.regexp import compile_pattern, matches


def runs_on_branch(job: Presubmit, branch: str) -> bool:
    """Tell whether a job may run on a base branch; skipping wins (Prow: Brancher.ShouldRun)."""
    if job.skip_branches and matches("|".join(job.skip_branches), branch):
        return False
    return not job.branches or matches("|".join(job.branches), branch)


def runs_against_files(job: Presubmit, files: Iterable[str]) -> bool:
    """Tell whether the changed files ask for a job (Prow: RegexpChangeMatcher.RunsAgainstChanges)."""
    if job.run_if_changed:
        wanted = compile_pattern(job.run_if_changed)
        return any(wanted.matches(file) for file in files)
    if job.skip_if_only_changed:
        spared = compile_pattern(job.skip_if_only_changed)
        return any(not spared.matches(file) for file in files)
    return False


def should_run(job: Presubmit, branch: str, files: Collection[str], *, forced: bool = False) -> bool:
    """Tell whether a job runs on a pull request into `branch` that changes `files` (Prow: Presubmit.ShouldRun)."""
    return runs_on_branch(job, branch) and (job.always_run or forced or runs_against_files(job, files))


def required_presubmits(
    jobs: Iterable[Presubmit], branch: str, files: Collection[str], *, require_manually_triggered: bool = False
) -> tuple[Presubmit, ...]:
    """Give the jobs that must pass before a merge, in the order given (Prow: tide.go presubmitsForPullRequest).

    For several pull requests together pass the union of their files: that gives the union of what each one needs,
    since every file matcher asks for one file that fits (Prow: tide.go presubmitsForBatch).

    Args:
        jobs: the presubmits of the repository.
        branch: the base branch.
        files: the paths that change; not looked at unless `needs_changed_files`.
        require_manually_triggered: whether jobs that only a command starts are required.
    """
    return tuple(
        job
        for job in jobs
        if _may_be_required(job) and should_run(job, branch, files, forced=_is_forced(job, require_manually_triggered))
    )


def needs_changed_files(jobs: Iterable[Presubmit], branch: str) -> bool:
    """Tell whether `required_presubmits` depends on the changed files."""
    return any(
        job.has_file_matcher
        and _may_be_required(job)
        and not job.always_run
        and not job.run_before_merge
        and runs_on_branch(job, branch)
        for job in jobs
    )


def _may_be_required(job: Presubmit) -> bool:
    return job.is_context_required or job.run_before_merge


def _is_forced(job: Presubmit, require_manually_triggered: bool) -> bool:  # noqa: FBT001 - passed on
    manual = require_manually_triggered and job.is_context_required and job.needs_explicit_trigger
    return job.run_before_merge or manual
