"""Decide again what was decided before, and tell every difference.

Equal snapshots give equal decisions. Where one comes out otherwise, either the rules are others by now, which their
version tells, or something that the decision rested on is missing from what was kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

from tide.domain.decisions import Decision
from tide.domain.records import DecisionRecord
from tide.domain.snapshot import Snapshot
from tide.policy.decide import RULES_VERSION, decide


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that comes out otherwise: its path (`action.target.number`), what it was, and what it is now."""

    path: str
    stored: object
    now: object


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision that was decided again: in what it differs; `problem` says why that could not be told."""

    record: DecisionRecord
    differences: tuple[Difference, ...] = ()
    problem: str = ""

    @property
    def is_alike(self) -> bool:
        """Tell whether it came out as it was."""
        return not self.differences and not self.problem

    @property
    def has_other_rules(self) -> bool:
        """Tell whether it was made by rules of another version, so that a difference may be meant."""
        return self.record.rules_version != RULES_VERSION


def replay(snapshot: Snapshot, stored: Decision) -> tuple[Difference, ...]:
    """Decide again from the snapshot that a decision was stored with; give the fields that come out otherwise."""
    return tuple(_differing("", stored, decide(snapshot)))


def _differing(path: str, stored: object, now: object) -> Iterator[Difference]:
    if is_dataclass(stored) and type(stored) is type(now):
        for field in fields(stored):
            inner = f"{path}.{field.name}" if path else field.name
            yield from _differing(inner, getattr(stored, field.name), getattr(now, field.name))
    elif isinstance(stored, tuple) and isinstance(now, tuple) and len(stored) == len(now):
        for index, (one, other) in enumerate(zip(stored, now, strict=True)):
            yield from _differing(f"{path}[{index}]", one, other)
    elif stored != now:
        yield Difference(path, stored, now)
