"""Jobs that an earlier load has made: a job is made again only when its file, or what is filled into it, changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from tide.config.job_maker import JobMaker
from tide.config.places import Path
from tide.config.problems import Finding, Findings, Sourced
from tide.config.prow.jobs import Job

T = TypeVar("T")

_Key: TypeAlias = tuple[str, str, Path]


@dataclass(frozen=True, slots=True)
class _Made(Generic[T]):
    """What became of a job, and what was found on the way."""

    job: T
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


class MadeJobs:
    """Remembers the jobs of the last load."""

    def __init__(self) -> None:
        self._maker: JobMaker | None = None
        self._earlier: dict[_Key, _Made[Any]] = {}
        self._now: dict[_Key, _Made[Any]] = {}

    def begin(self, maker: JobMaker) -> None:
        """Begin a load, of whose jobs `maker` makes those that are not known.

        What only the load before the last one had is forgotten, and everything when another maker fills in otherwise.
        """
        self._earlier = self._now if maker == self._maker else {}
        self._maker, self._now = maker, {}

    def made(self, job: Sourced[Job], make: Callable[[Findings], T], findings: Findings) -> T:
        """Give what `make` makes of a job, or has made of it; tell `findings` what it noted."""
        key = job.file.digest, job.file.path, job.path
        made: _Made[T] = self._earlier.get(key) or _make(make)
        self._now[key] = made
        findings.errors += made.errors
        findings.warnings += made.warnings
        return made.job


def _make(make: Callable[[Findings], T]) -> _Made[T]:
    findings = Findings()
    return _Made(make(findings), tuple(findings.errors), tuple(findings.warnings))
