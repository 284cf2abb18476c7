"""What is found wrong while configuration is loaded: collected first, told together, with lines."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tide.config.files import ConfigFile
from tide.config.places import Path, Places, path_text
from tide.config.prow.jobs import Job
from tide.domain.errors import ConfigError, Problem
from tide.policy.wording import enumerated, plural

T_co = TypeVar("T_co", covariant=True)

_LONGEST_MESSAGE = 1000
_PLACES_TOLD = 3


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T_co]):
    """Something that was read, and where it stands."""

    value: T_co
    file: ConfigFile
    path: Path = ()

    @property
    def subject(self) -> str:
        """The job that it is, if it is one: its path has only a number."""
        return f"job {self.value.name!r}" if isinstance(self.value, Job) and self.value.name else ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem whose line is not worked out yet; `line` is given where there is no path to find it by.

    `subject` is what it is about, where the path does not say so. Warnings of one `kind` are told together, "" being
    that of all with this message; `other` names one of them beside the first, "" by its subject.
    """

    file: ConfigFile
    path: Path
    message: str
    line: int = 0
    subject: str = ""
    kind: str = ""
    other: str = ""


@dataclass(slots=True)
class Findings:
    """Collects what is wrong.

    `errors` refuse the load. `faults` leave it good but for the pools they concern, as in Prow, where they only show
    once such a pool is synced. `warnings` are for people.
    """

    errors: list[Finding] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def error(self, at: Sourced[object], message: str, *steps: str | int) -> None:
        """Note what refuses the load; `steps` lead from the thing to the place inside of it."""
        self.errors.append(_finding(at, message, steps))

    def fault(self, at: Sourced[object], message: str, *steps: str | int) -> None:
        """Note what breaks the pools it concerns and nothing else."""
        self.faults.append(_finding(at, message, steps))

    def warn(self, at: Sourced[object], message: str, *steps: str | int, kind: str = "", other: str = "") -> None:
        """Note what people should look at; `kind` and `other` as in Finding."""
        self.warnings.append(_finding(at, message, steps, kind, other))

    def refuse_errors(self) -> None:
        """Raise ConfigError with all errors, if there are any."""
        if self.errors:
            raise ConfigError(*located(self.errors))


def _finding(at: Sourced[object], message: str, steps: Path, kind: str = "", other: str = "") -> Finding:
    return Finding(at.file, (*at.path, *steps), message, subject=at.subject, kind=kind, other=other)


def located(findings: Iterable[Finding]) -> tuple[Problem, ...]:
    """Work out the lines of findings; each text is gone through once."""
    lines = _Lines()
    return tuple(_problem(finding, lines) for finding in dict.fromkeys(findings))


def gathered(findings: Iterable[Finding]) -> tuple[Problem, ...]:
    """Work out the lines, and make one problem of all findings of a kind: a generator makes one mistake in hundreds.

    It stands at the first of its places, and names how many more there are and the next two.
    """
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in dict.fromkeys(findings):
        kinds[finding.kind or finding.message].append(finding)
    lines = _Lines()
    return tuple(_problem(first, lines, others) for first, *others in kinds.values())


class _Lines:
    """Finds the lines of findings."""

    def __init__(self) -> None:
        self._places: dict[str, Places] = {}

    def of(self, finding: Finding) -> int:
        if finding.line or not finding.path:
            return finding.line
        if finding.file.digest not in self._places:
            self._places[finding.file.digest] = Places(finding.file.text)
        return self._places[finding.file.digest].line(finding.path)

    def place(self, finding: Finding) -> str:
        place = f"{finding.file.path}:{line}" if (line := self.of(finding)) else finding.file.path
        name = finding.other or finding.subject
        return f"{place} ({name})" if name else place


def _problem(finding: Finding, lines: _Lines, others: Sequence[Finding] = ()) -> Problem:
    message = f"{finding.subject}: {finding.message}" if finding.subject else finding.message
    if others:
        named = enumerated([lines.place(other) for other in others[: _PLACES_TOLD - 1]])
        places = plural(len(others), "place", "places")
        message = f"{message}; likewise in {len(others)} more {places}, such as {named}"
    return Problem(finding.file.path, lines.of(finding), path_text(finding.path), _shortened(message))


def _shortened(message: str) -> str:
    """Leave out the middle of a message that repeats a value of any length."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    return f"{message[: _LONGEST_MESSAGE // 2]} … {message[-_LONGEST_MESSAGE // 2 :]}"
