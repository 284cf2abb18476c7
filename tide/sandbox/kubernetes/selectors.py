"""Label and field selectors, as much of their syntax as is asked here: ``=`` and ``in``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tide.sandbox.kubernetes.metadata import label_key_faults, label_value_faults
from tide.sandbox.kubernetes.problems import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tide.sandbox.kubernetes.objects import Stored

_COMMA = re.compile(r",(?![^()]*\))")
_IN = re.compile(r"([^\s!=<>,()]+)\s+in\s*\(([^()]*)\)")
_EQUALS = re.compile(r"([^\s!=<>,()]+)\s*==?\s*([^\s!=<>,()]*)")
_NAME = "metadata.name="


@dataclass(frozen=True)
class Requirement:
    """One condition: a label has one of these values."""

    key: str
    values: frozenset[str]

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fulfil it; a label that is not there does not."""
        return labels.get(self.key) in self.values


@dataclass(frozen=True)
class Selector:
    """Which objects are meant: all requirements fit the labels, and each name is theirs."""

    requirements: tuple[Requirement, ...] = ()
    names: frozenset[str] = frozenset()

    @property
    def chooses(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.requirements or self.names)

    def fits(self, stored: Stored | None) -> bool:
        """Whether an object is meant; none never is."""
        return (
            stored is not None
            and all(requirement.fits(stored.labels) for requirement in self.requirements)
            and self.names <= {stored.name}
        )


def selector(labels: str, fields: str, name: str = "") -> Selector:
    """Read the selectors of a request.

    Args:
        labels: ``labelSelector``.
        fields: ``fieldSelector``; only a name can be chosen by it.
        name: of the one object that the path means, empty for many.

    Raises:
        BadRequest: one of them is not understood.
    """
    names = {name} if name else set()
    if fields:
        if not fields.startswith(_NAME):
            raise BadRequest(f"invalid selector: '{fields}'; can't understand '{fields}'")
        names.add(fields.removeprefix(_NAME))
    return Selector(tuple(_requirements(labels)), frozenset(names))


def _requirements(text: str) -> Iterator[Requirement]:
    if not text.strip():
        return
    for part in _COMMA.split(text):
        requirement = _requirement(part.strip())
        faults = label_key_faults(requirement.key)
        faults += [fault for value in sorted(requirement.values) for fault in label_value_faults(value)]
        if faults:
            raise BadRequest(f'unable to parse requirement: <nil>: Invalid value: "{requirement.key}": {faults[0]}')
        yield requirement


def _requirement(text: str) -> Requirement:
    if found := _IN.fullmatch(text):
        return Requirement(found[1], frozenset(value.strip() for value in found[2].split(",")))
    if found := _EQUALS.fullmatch(text):
        return Requirement(found[1], frozenset({found[2]}))
    raise BadRequest(f"unable to parse requirement: found '{text}', expected: =, ==, in")
