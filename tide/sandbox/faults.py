"""Faults on demand: what can go wrong at GitHub, chosen by request, number or chance.

A rule says which requests it means and what happens to them. Chance comes from a seed, so that a run can be repeated.
Kinds that stand outside a deed (``Answer``, ``Hang``, ``Truncate``) are played by the server around the request; those
inside (``wrong_tree``, ``retarget_before_merge``, ``stale_mergeable``, ``partial_page``) are asked for by the
endpoints concerned.
"""

from __future__ import annotations

import random
import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    from collections.abc import Sequence

FaultKind = Literal[
    "status",
    "timeout",
    "truncate",
    "disconnect",
    "rate_limit",
    "secondary_rate_limit",
    "wrong_tree",
    "retarget_before_merge",
    "stale_mergeable",
    "partial_page",
]
INNER_KINDS = frozenset({"wrong_tree", "retarget_before_merge", "stale_mergeable", "partial_page"})


class Fault(BaseModel):
    """One fault rule as ``POST /_sandbox/faults`` takes it.

    A request is meant if ``method`` and ``path`` (a regular expression searched in the path) and ``operation`` (one for
    the whole name of the GraphQL operation) all fit; unset ones fit anything. Of those, ``nth`` picks the numbers (from
    1), ``probability`` each with that chance; neither: all of them. ``times`` bounds how often it strikes.

    ``when``: before the deed (nothing is done) or after it (it is done, but the caller does not hear it).
    ``status`` with ``body`` and ``headers`` is the answer of kind ``status``; ``retry_after`` (seconds) goes into its
    header for the rate limits, None leaves the header out; ``code`` chooses 403 or 429 for these. ``branch`` is the
    new base of ``retarget_before_merge``. A ``timeout`` holds the request for ``seconds`` and then drops it.

    On paths of Kubernetes ``status`` and the rate limits speak its language (``tide.sandbox.kubernetes.refusals``), and
    ``truncate`` cuts a watch in its first event; watches are ended by ``tide.sandbox.kubernetes.control``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    method: str | None = None
    path: str | None = None
    operation: str | None = None
    nth: tuple[int, ...] = ()
    probability: float | None = Field(default=None, ge=0, le=1)
    times: int | None = Field(default=None, ge=1)
    when: Literal["before", "after"] = "before"
    status: int = Field(default=502, ge=200, le=599)
    code: Literal[403, 429] = 403
    body: Any = None
    headers: dict[str, str] = Field(default_factory=dict)
    retry_after: int | None = None
    branch: str | None = None
    seconds: float = Field(default=3600, ge=0)

    @field_validator("path", "operation")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def means(self, method: str, path: str, operation: str | None) -> bool:
        """Whether the rule speaks of such a request."""
        return (
            self.method in {None, method}
            and (self.path is None or re.search(self.path, path) is not None)
            and (self.operation is None or re.fullmatch(self.operation, operation or "") is not None)
        )


@dataclass
class _Standing:
    id: int
    fault: Fault
    seen: int = 0
    struck: int = 0


@dataclass
class Faults:
    """The rules in force; ``seed`` fixes all chances."""

    seed: int = 0
    _rules: dict[int, _Standing] = field(default_factory=dict)
    _next: int = 1

    def __post_init__(self) -> None:
        self.clear()

    def add(self, fault: Fault) -> int:
        """Put a rule in force and return its id."""
        number, self._next = self._next, self._next + 1
        self._rules[number] = _Standing(number, fault)
        return number

    def remove(self, number: int) -> bool:
        """Take a rule away; returns whether there was one."""
        return self._rules.pop(number, None) is not None

    def clear(self) -> None:
        """Take all rules away; the chances begin anew."""
        self._rules.clear()
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable chance is wanted, no secret depends on it

    def listed(self) -> list[dict[str, Any]]:
        """Return the rules with their counts, as ``GET /_sandbox/faults`` shows them."""
        return [
            {"id": rule.id, "seen": rule.seen, "struck": rule.struck, **rule.fault.model_dump(mode="json")}
            for rule in self._rules.values()
        ]

    def strike(self, method: str, path: str, operation: str | None = None) -> tuple[Fault, ...]:
        """Return the faults that hit this request, counting it; call it once per request."""
        return tuple(
            rule.fault
            for rule in list(self._rules.values())
            if rule.fault.means(method, path, operation) and self._hits(rule)
        )

    def _hits(self, rule: _Standing) -> bool:
        rule.seen += 1
        fault = rule.fault
        if fault.times is not None and rule.struck >= fault.times:
            return False
        if fault.nth and rule.seen not in fault.nth:
            return False
        if fault.probability is not None and self._random.random() >= fault.probability:
            return False
        rule.struck += 1
        return True


def first_of_kind(faults: Sequence[Fault], *kinds: FaultKind) -> Fault | None:
    """Return the first fault of one of the kinds."""
    return next((fault for fault in faults if fault.kind in kinds), None)


STRIKING: ContextVar[tuple[Fault, ...]] = ContextVar("striking", default=())
"""The faults that hit the request being answered; set by the server, read where a deed goes wrong on purpose."""


def striking(kind: FaultKind) -> Fault | None:
    """Return the fault of that kind which hits the request being answered."""
    return first_of_kind(STRIKING.get(), kind)
