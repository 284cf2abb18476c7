"""Label and field selectors in their full syntax (apimachinery: pkg/labels/selector.go, pkg/fields/selector.go)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tide.sandbox.kubernetes.metadata import label_key_faults, label_value_faults
from tide.sandbox.kubernetes.problems import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tide.sandbox.kubernetes.objects import Stored

_COMMA = re.compile(r",(?![^()]*\))")
_EXISTS = re.compile(r"(!?)\s*([^\s!=<>,()]+)")
_IN = re.compile(r"([^\s!=<>,()]+)\s+(in|notin)\s*\(([^()]*)\)")
_COMPARED = re.compile(r"([^\s!=<>,()]+)\s*(==|=|!=|<|>)\s*([^\s!=<>,()]*)")
_FIELD = re.compile(r"([^=!]+)(==|=|!=)(.*)")
_FIELDS = ("metadata.name", "metadata.namespace")


@dataclass(frozen=True)
class Requirement:
    """One condition: a label's values stand in a relation to the given ones.

    Args:
        relation: ``in``, ``notin``, ``exists``, ``!``, ``<`` or ``>``; ``=`` and ``!=`` are ``in`` and ``notin``.
    """

    key: str
    relation: str
    values: frozenset[str] = frozenset()

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fulfil it; a label that is not there is in no set and not in any."""
        value = labels.get(self.key)
        match self.relation:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists" | "!":
                return (value is not None) == (self.relation == "exists")
        return value is not None and self._compares(value)

    def _compares(self, value: str) -> bool:
        try:
            found, bound = int(value), int(next(iter(self.values)))
        except ValueError:
            return False
        return found < bound if self.relation == "<" else found > bound


@dataclass(frozen=True)
class Selector:
    """Which objects are meant: all requirements fit the labels, and all fields are as said."""

    requirements: tuple[Requirement, ...] = ()
    fields: tuple[Callable[[Stored], bool], ...] = ()

    @property
    def chooses(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.requirements or self.fields)

    def fits(self, stored: Stored | None) -> bool:
        """Whether an object is meant; none never is."""
        return (
            stored is not None
            and all(requirement.fits(stored.labels) for requirement in self.requirements)
            and all(fits(stored) for fits in self.fields)
        )


def selector(labels: str, fields: str, name: str = "") -> Selector:
    """Read the selectors of a request.

    Args:
        labels: ``labelSelector``.
        fields: ``fieldSelector``.
        name: of the one object that the path means, empty for many.

    Raises:
        BadRequest: one of them is not understood.
    """
    wanted = tuple(_field(part) for part in fields.split(",") if part.strip())
    if name:
        wanted = (*wanted, lambda stored: stored.name == name)
    return Selector(tuple(_requirements(labels)), wanted)


def _requirements(text: str) -> Iterator[Requirement]:
    if not text.strip():
        return
    for part in _COMMA.split(text):
        requirement = _requirement(part.strip())
        faults = label_key_faults(requirement.key)
        if requirement.relation in {"in", "notin"}:
            faults += [fault for value in sorted(requirement.values) for fault in label_value_faults(value)]
        if faults:
            raise BadRequest(f'unable to parse requirement: <nil>: Invalid value: "{requirement.key}": {faults[0]}')
        yield requirement


def _requirement(text: str) -> Requirement:
    if found := _IN.fullmatch(text):
        key, relation, values = found.groups()
        return Requirement(key, relation, frozenset(value.strip() for value in values.split(",")))
    if found := _COMPARED.fullmatch(text):
        key, operator, value = found.groups()
        relation = {"=": "in", "==": "in", "!=": "notin"}.get(operator, operator)
        return Requirement(key, relation, frozenset({value}))
    if found := _EXISTS.fullmatch(text):
        return Requirement(found[2], found[1] or "exists")
    raise BadRequest(
        f"unable to parse requirement: found '{text}', expected: !, identifier, or one of: in, notin, =, ==, !=, gt, lt"
    )


def _field(text: str) -> Callable[[Stored], bool]:
    found = _FIELD.fullmatch(text.strip())
    if not found:
        raise BadRequest(f"invalid selector: '{text}'; can't understand '{text}'")
    label, operator, value = found.groups()
    if label not in _FIELDS:
        # apimachinery: pkg/runtime/conversion.go DefaultMetaV1FieldSelectorConversion
        raise BadRequest(f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"')

    def fits(stored: Stored) -> bool:
        actual = stored.name if label == "metadata.name" else stored.namespace
        return (actual == value) == (operator != "!=")

    return fits
