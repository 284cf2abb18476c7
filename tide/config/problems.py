"""What is found wrong while configuration is loaded: collected first, told together, with lines."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tide.config.files import ConfigFile
from tide.config.places import Path, Places, path_text
from tide.config.prow.jobs import Job
from tide.domain.errors import ConfigError, Problem

T_co = TypeVar("T_co", covariant=True)

_LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T_co]):
    """Something that was read, and where it stands."""

    value: T_co
    file: ConfigFile
    path: Path = ()

    def told(self, message: str) -> str:
        """Begin a message with the name of the job that it is about, if it is about one: its path has only a number."""
        return f"job {self.value.name!r}: {message}" if isinstance(self.value, Job) and self.value.name else message


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem whose line is not worked out yet; `line` is given where there is no path to find it by."""

    file: ConfigFile
    path: Path
    message: str
    line: int = 0


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
        self.errors.append(Finding(at.file, (*at.path, *steps), at.told(message)))

    def fault(self, at: Sourced[object], message: str, *steps: str | int) -> None:
        """Note what breaks the pools it concerns and nothing else."""
        self.faults.append(Finding(at.file, (*at.path, *steps), at.told(message)))

    def warn(self, at: Sourced[object], message: str, *steps: str | int) -> None:
        """Note what people should look at."""
        self.warnings.append(Finding(at.file, (*at.path, *steps), at.told(message)))

    def refuse_errors(self) -> None:
        """Raise ConfigError with all errors, if there are any."""
        if self.errors:
            raise ConfigError(*located(self.errors))


def located(findings: Iterable[Finding]) -> tuple[Problem, ...]:
    """Work out the lines of findings; each text is gone through once."""
    places: dict[str, Places] = {}
    return tuple(_problem(finding, places) for finding in dict.fromkeys(findings))


def _problem(finding: Finding, places: dict[str, Places]) -> Problem:
    line = finding.line
    if finding.path and not line:
        if finding.file.digest not in places:
            places[finding.file.digest] = Places(finding.file.text)
        line = places[finding.file.digest].line(finding.path)
    return Problem(finding.file.path, line, path_text(finding.path), _shortened(finding.message))


def _shortened(message: str) -> str:
    """Leave out the middle of a message that repeats a value of any length."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    return f"{message[: _LONGEST_MESSAGE // 2]} … {message[-_LONGEST_MESSAGE // 2 :]}"
