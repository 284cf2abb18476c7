"""Decisions about pull requests whose required job is `unit`, and what they come to."""

from collections.abc import Iterable
from typing import Any

from tests.builders import make_snapshot, make_view
from tide.domain.actions import Action, targets_of
from tide.domain.decisions import Decision
from tide.domain.runs import Run
from tide.domain.snapshot import PullView
from tide.policy.decide import decide

UNIT = ("unit",)


def ready(number: int, **fields: Any) -> PullView:
    """Build a pull request whose required job passed on some base."""
    return make_view(number, required=UNIT, **fields)


def decided(*views: PullView, runs: Iterable[Run] = (), **fields: Any) -> Decision:
    """Decide about what was read; any field of Snapshot may be given."""
    return decide(make_snapshot(*views, runs=runs, **fields))


def numbers(action: Action) -> list[int]:
    """The pull requests that an action is about, in its order."""
    return [target.number for target in targets_of(action)]


def started(decision: Decision) -> list[tuple[int, tuple[str, ...]]]:
    """The first runs that a decision starts: of which pull request, and of which jobs."""
    return [(trigger.target.number, trigger.contexts) for trigger in decision.first_runs]
