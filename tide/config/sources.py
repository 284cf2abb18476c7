"""The files of one load, read together."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from tide.config.files import (
    ConfigFile,
    Fingerprint,
    files_that_decide,
    fingerprint,
    job_files,
    read_file,
    supplemental_files,
)
from tide.domain.errors import ConfigError, Problem

_T = TypeVar("_T")
_ATTEMPTS = 3

SUPPLEMENTAL_SUFFIX = "_prowconfig.yaml"
"""How the names of supplemental files end, unless an operator says otherwise (Prow: flagutil ConfigOptions)."""


@dataclass(frozen=True, slots=True)
class ConfigPaths:
    """Where the configuration is: Prow's config.yaml, its job files (a file or a directory), and our own file.

    Of the `supplemental` directories only files are read whose names end in `supplemental_suffix`.
    """

    config: Path
    job_config: Path | None = None
    merge_queue: Path | None = None
    supplemental: tuple[Path, ...] = ()
    supplemental_suffix: str = SUPPLEMENTAL_SUFFIX

    def fingerprint(self) -> Fingerprint:
        """Describe the files without reading them; any change changes it."""
        jobs = files_that_decide(self.job_config) if self.job_config else ()
        others = filter(None, (self.merge_queue,))
        return fingerprint((self.config, *jobs, *others, *self._supplements()))

    def _supplements(self) -> Iterator[Path]:
        for directory in self.supplemental:
            try:
                yield from supplemental_files(directory, self.supplemental_suffix)
            except ConfigError:
                yield directory


@dataclass(frozen=True, slots=True)
class Sources:
    """What was read; the supplemental files come in the order in which they are merged."""

    config: ConfigFile
    jobs: tuple[ConfigFile, ...] = ()
    merge_queue: ConfigFile | None = None
    supplemental: tuple[ConfigFile, ...] = ()

    @property
    def files(self) -> tuple[ConfigFile, ...]:
        """All of them."""
        return (self.config, *self.supplemental, *self.jobs, *([self.merge_queue] if self.merge_queue else []))

    @property
    def digest(self) -> str:
        """A SHA-256 of all names and texts."""
        lines = "".join(f"{file.digest} {file.path}\n" for file in self.files)
        return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def read_sources(paths: ConfigPaths) -> Sources:
    """Read all files as they were at one moment.

    Raises:
        ConfigError: some cannot be read (each is named), or they kept changing while they were read.
    """
    for _ in range(_ATTEMPTS):
        before = paths.fingerprint()
        sources = _read(paths)
        # A ConfigMap's swap between two reads would mix old files with new ones.
        if paths.fingerprint() == before:
            return sources
    raise ConfigError(Problem(str(paths.config), 0, "", "the configuration kept changing while it was read"))


def _read(paths: ConfigPaths) -> Sources:
    problems: list[Problem] = []
    listed = partial(supplemental_files, suffix=paths.supplemental_suffix)
    supplement_paths = [path for each in paths.supplemental for path in _noting(problems, listed, each) or ()]
    job_paths = _noting(problems, job_files, paths.job_config) or []
    config = _noting(problems, read_file, paths.config)
    supplements = [_noting(problems, read_file, path) for path in supplement_paths]
    jobs = [_noting(problems, read_file, path) for path in job_paths]
    merge_queue = _noting(problems, read_file, paths.merge_queue)
    if problems or config is None:
        raise ConfigError(*problems)
    return Sources(config, tuple(filter(None, jobs)), merge_queue, tuple(filter(None, supplements)))


def _noting(problems: list[Problem], read: Callable[[Path], _T], path: Path | None) -> _T | None:
    if path is None:
        return None
    try:
        return read(path)
    except ConfigError as error:
        problems.extend(error.problems)
        return None
