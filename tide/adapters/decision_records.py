"""What is told of a decision beside its document, in whatever store it is kept."""

from datetime import timedelta

from tide.domain.actions import Action, TriggerBatch, targets_of
from tide.domain.outcomes import Outcome

LAST_SEEN_GRAIN = timedelta(seconds=30)
"""Syncs that follow each other closely move `last_seen` only this often."""

POOL_LISTS = ("passing", "pending", "missing", "batch_pending")
"""The lists of numbers that a decision and its pool's state have alike."""


def which_are_known(action: Action) -> tuple[int, ...]:
    """Name what an action is about; of those that could be a batch, git has yet to tell which are."""
    return () if isinstance(action, TriggerBatch) else tuple(target.number for target in targets_of(action))


def outcome_told(outcome: Outcome) -> str:
    """Tell what came of a decision: the error, or else what was done."""
    done = f"{outcome.action} {' '.join(f'#{number}' for number in outcome.numbers)}".strip()
    return outcome.error or done
