"""Which presubmits a comment asks for (Prow: pjutil/filter.go)."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tide.domain.jobs import Presubmit
from tide.golang.regexp import matches
from tide.policy.jobs import should_run

_TEST_ALL = re.compile(r"(?m)^/test all,?($|\s.*)")
_RETEST = re.compile(r"(?m)^/retest\s*$")
_CODE = re.compile(r"^```.*?^```[^\n]*$", re.MULTILINE | re.DOTALL)
_FAILED = {"error", "failure"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to have run: the jobs that ``comment`` names, or all automatic ones if there is none."""

    comment: str | None = None

    @property
    def is_retest(self) -> bool:
        """Whether it asks for what has failed."""
        return self.comment is not None and bool(_RETEST.search(_prose(self.comment)))


AUTOMATIC = Wish()


def chosen(
    wish: Wish, jobs: Iterable[Presubmit], branch: str, files: Collection[str], states: Mapping[str, str]
) -> list[Presubmit]:
    """Choose the presubmits to run, in the order given.

    Args:
        wish: what was asked for.
        jobs: the presubmits of the repository.
        branch: the base branch.
        files: the paths that the pull request changes.
        states: the states of the head's statuses by context.
    """
    found = []
    for job in jobs:
        asked, forced = _asked(wish, job, states)
        if asked and should_run(job, branch, files, forced=forced):
            found.append(job)
    return found


def _asked(wish: Wish, job: Presubmit, states: Mapping[str, str]) -> tuple[bool, bool]:
    """Say whether a job is asked for, and whether also where its files do not; the first that asks decides."""
    if wish.comment is None:
        return not job.needs_explicit_trigger, False
    text = _prose(wish.comment)
    if matches(_trigger(job), text):
        return True, True
    if wish.is_retest:
        failed = states.get(job.context) in _FAILED
        if failed or (not job.needs_explicit_trigger and job.context not in states):
            return True, failed
    return bool(_TEST_ALL.search(text)) and not job.needs_explicit_trigger, False


def _trigger(job: Presubmit) -> str:
    """Give the pattern of the comments that ask for a job (Prow: config.DefaultTriggerFor); its name is not escaped."""
    return str(job.definition.get("trigger") or rf"(?m)^/test( | .* ){job.name},?($|\s.*)")


def _prose(comment: str) -> str:
    return _CODE.sub("", comment)
