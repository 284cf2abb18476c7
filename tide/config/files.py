"""Configuration files: which there are, and what is in them.

A path may be a file or a directory; a directory may be a ConfigMap mount, where the kubelet swaps the symlink
`..data` to change all files at once.
"""

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TypeAlias

from pathspec import GitIgnoreSpec

from tide.domain.errors import ConfigError, Problem

_EXTENSIONS = (".yaml", ".yml")
_GZIP_MAGIC = b"\x1f\x8b"
_LARGEST_FILE = 256 << 20  # unpacked; what does not end before is an attack or an accident
_IGNORE_FILE = ".prowignore"

Fingerprint: TypeAlias = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file as it was read: its path as people know it, its text unpacked, and the SHA-256 of that."""

    path: str
    text: bytes
    digest: str


def read_file(path: Path) -> ConfigFile:
    """Read one file, unpacking gzip (told by its first two bytes).

    Raises:
        ConfigError: it cannot be read or unpacked.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(Problem(str(path), 0, "", f"cannot be read: {error.strerror or error}")) from None
    text = _unpack(path, content) if content[:2] == _GZIP_MAGIC else content
    return ConfigFile(str(path), text, hashlib.sha256(text).hexdigest())


def _unpack(path: Path, content: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        text = unpacker.decompress(content, _LARGEST_FILE)
    except zlib.error:
        raise ConfigError(Problem(str(path), 0, "", "begins like gzip but cannot be unpacked")) from None
    if not unpacker.eof:
        reason = "is larger than 256 MiB" if unpacker.unconsumed_tail else "is gzip that ends too early"
        raise ConfigError(Problem(str(path), 0, "", reason))
    return text


def job_files(path: Path) -> list[Path]:
    """List the job files that `path` stands for, in the order in which Prow reads them.

    A directory gives all its `.yaml` and `.yml` files, those of its directories included, in lexical order; names
    that start with `..`, directories behind symlinks, and what a `.prowignore` names are left out.

    Raises:
        ConfigError: a directory cannot be listed, or a `.prowignore` not be read.
    """
    if not path.is_dir():
        return [path]
    try:
        return [
            file
            for file, ignores in _walk(path, ())
            if file.name.endswith(_EXTENSIONS) and not is_ignored(file, ignores)
        ]
    except OSError as error:
        raise _not_listed(path, error) from None


def supplemental_files(directory: Path, suffix: str) -> list[Path]:
    """List the files below a directory whose names end in `suffix`, in the order in which Prow reads them.

    Names that start with `..` are left out; a `.prowignore` says nothing about these files.

    Raises:
        ConfigError: a directory cannot be listed, or a `.prowignore` not be read.
    """
    try:
        return [file for file, _ in _walk(directory, ()) if file.name.endswith(suffix)]
    except OSError as error:
        raise _not_listed(directory, error) from None


def _not_listed(path: Path, error: OSError) -> ConfigError:
    return ConfigError(Problem(str(path), 0, "", f"cannot be listed: {error.strerror or error}"))


_Ignores: TypeAlias = tuple[tuple[Path, GitIgnoreSpec], ...]


def _walk(directory: Path, ignores: _Ignores) -> Iterator[tuple[Path, _Ignores]]:
    """Give every file below a directory in lexical order, with what the `.prowignore` files around it say."""
    ignore_file = directory / _IGNORE_FILE
    if ignore_file.is_file():
        ignores = ((directory, _ignore_spec(ignore_file)), *ignores)
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = directory / entry.name
            if entry.name.startswith(".."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(path, ignores)
            elif not entry.is_dir():
                yield path, ignores


def _ignore_spec(path: Path) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(path.read_text(errors="replace").splitlines())
    except ValueError as error:
        raise ConfigError(Problem(str(path), 0, "", f"is not what a .gitignore may hold: {error}")) from None


def is_ignored(path: PurePath, ignores: Iterable[tuple[PurePath, GitIgnoreSpec]]) -> bool:
    """Tell whether a `.prowignore` names `path`; the first one that has an opinion decides.

    `ignores` are the directories around it with what their `.prowignore` says, the nearest first.
    """
    for directory, spec in ignores:
        verdict = spec.check_file(path.relative_to(directory).as_posix()).include
        if verdict is not None:
            return verdict
    return False


def fingerprint(files: Iterable[Path]) -> Fingerprint:
    """Describe files without reading them; a change of content changes it.

    Symlinks are followed, so that the swap of a ConfigMap's `..data` shows. A path that does not exist is part of
    the description.
    """
    return tuple(map(_stat, files))


def files_that_decide(path: Path) -> list[Path]:
    """List what has a say in what `job_files` gives: the files themselves, and each `.prowignore` beside one.

    Where they cannot be listed, that is the path, and each `.prowignore`, since that may be why.
    """
    try:
        files = job_files(path)
    except ConfigError:
        return [path, *sorted(path.rglob(_IGNORE_FILE))]
    ignore_files = sorted({file.parent / _IGNORE_FILE for file in files}) if path.is_dir() else []
    return [*files, *(file for file in ignore_files if file.exists())]


def _stat(path: Path) -> tuple[str, int, int, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return str(path), 0, 0, 0, 0
    return str(path), stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
