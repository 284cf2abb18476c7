"""The state that GitHub sums up from the statuses and check runs of a commit (``StatusCheckRollup.state``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tide.sandbox.model import CheckRun, CommitStatus

StatusState = Literal["ERROR", "EXPECTED", "FAILURE", "PENDING", "SUCCESS"]

GREEN_CONCLUSIONS = frozenset({"neutral", "skipped", "success"})
"""GitHub docs, "About status checks": these conclusions let a required check pass."""


def worst_state(statuses: Iterable[CommitStatus], check_runs: Iterable[CheckRun]) -> StatusState | None:
    """Return the worst of these: FAILURE (or ERROR, where nothing failed), then PENDING, then SUCCESS."""
    states = {_STATES[status.state] for status in statuses} | {_check_state(run) for run in check_runs}
    return next((state for state in _FROM_WORST if state in states), None)


def _check_state(run: CheckRun) -> StatusState:
    if run.status != "completed":
        return "PENDING"
    return "SUCCESS" if run.conclusion in GREEN_CONCLUSIONS else "FAILURE"


_STATES: dict[str, StatusState] = {
    "error": "ERROR",
    "failure": "FAILURE",
    "pending": "PENDING",
    "success": "SUCCESS",
}
_FROM_WORST: tuple[StatusState, ...] = ("FAILURE", "ERROR", "PENDING", "SUCCESS")
