"""Rules for jobs beside each other (Prow: validatePresubmits, validatePostsubmits, Brancher.Intersects)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import BranchJob, PeriodicJob, PresubmitJob
from tide.golang.regexp import compile_pattern, matches


def check_presubmits(jobs: Sequence[Sourced[PresubmitJob]], findings: Findings) -> None:
    """Note presubmits of one repository that have a name, or a context, of another on the same branch."""
    _check_names(jobs, findings)
    _check_contexts(jobs, findings)


def check_postsubmits(jobs: Sequence[Sourced[BranchJob]], findings: Findings) -> None:
    """Note postsubmits of one repository that have a name, or a context, of another on the same branch."""
    _check_names(jobs, findings)
    _check_contexts(jobs, findings)


def check_periodics(jobs: Iterable[Sourced[PeriodicJob]], findings: Findings) -> None:
    """Note periodics with one name."""
    seen: set[str] = set()
    for job in jobs:
        if job.value.name in seen:
            findings.error(job, f"another periodic has the name {job.value.name!r}; rename one", "name")
        seen.add(job.value.name)


def check_trigger(job: Sourced[PresubmitJob], findings: Findings) -> None:
    """Note a trigger that does not fit its rerun_command (Prow: validateTriggering, SetPresubmitRegexes)."""
    trigger, command = job.value.trigger, job.value.rerun_command
    if bool(trigger) != bool(command):
        absent, present = ("rerun_command", "trigger") if trigger else ("trigger", "rerun_command")
        findings.error(job, f"{present} needs {absent} beside it; set both or neither", present)
    if not trigger:
        return
    try:
        if command and not compile_pattern(trigger).matches(command):
            findings.error(job, f"{command!r} is not matched by trigger {trigger!r}", "rerun_command")
    except ValueError as error:
        findings.error(job, f"the expression {trigger!r} is not valid: {error}", "trigger")


def _check_names(jobs: Sequence[Sourced[BranchJob]], findings: Findings) -> None:
    for earlier, later in _pairs(jobs, lambda job: job.name):
        where = f"in {earlier.file.path}" if earlier.file.path != later.file.path else "in this file"
        message = f"another job of this name, {where}, runs on the same branches; rename one"
        findings.error(later, message, "name")


def _check_contexts(jobs: Sequence[Sourced[BranchJob]], findings: Findings) -> None:
    for earlier, later in _pairs(jobs, lambda job: job.context or job.name):
        if earlier.value.name != later.value.name:
            context = later.value.context or later.value.name
            message = (
                f"reports to context {context!r}, as job {earlier.value.name!r} does on the same branches; "
                "give one of them another context, or other branches"
            )
            findings.error(later, message, "context" if later.value.context else "name")


def _pairs(
    jobs: Sequence[Sourced[BranchJob]], key: Callable[[BranchJob], str]
) -> Iterable[tuple[Sourced[BranchJob], Sourced[BranchJob]]]:
    """List pairs with one key whose branches intersect, in the order of the files."""
    groups: dict[str, list[Sourced[BranchJob]]] = defaultdict(list)
    for job in jobs:
        groups[key(job.value)].append(job)
    for group in groups.values():
        for earlier, later in combinations(group, 2):
            if intersect(earlier.value, later.value):
                yield earlier, later


def intersect(one: BranchJob, other: BranchJob) -> bool:
    """Tell whether two jobs may run on one branch, as far as Prow looks (Prow: Brancher.Intersects).

    Two lists of branches intersect when they share an entry, letter by letter; a list beside skipped branches is
    tried against those.
    """
    if not (one.branches or one.skip_branches) or not (other.branches or other.skip_branches):
        return True
    if one.branches and other.branches:
        return not set(one.branches).isdisjoint(other.branches)
    if not one.branches and not other.branches:
        return True
    named, skipping = (one, other) if one.branches else (other, one)
    return any(not _skips(skipping, branch) for branch in named.branches)


def _skips(job: BranchJob, branch: str) -> bool:
    try:
        return matches("|".join(job.skip_branches), branch)
    except ValueError:
        return True  # the expression is a problem of its own
