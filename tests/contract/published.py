"""Descriptions that GitHub publishes on npm, fetched once and kept outside the tree."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

FETCH_TIMEOUT_SECONDS = 240


def fetch(package: str, version: str, member: str) -> Path:
    """Return the path of one file of a published npm package, or skip the calling test.

    Args:
        package: The package's name at npm, as `@octokit/graphql-schema`.
        version: The exact version.
        member: The file's path inside the package, as `schema.graphql`.

    Raises:
        pytest.skip.Exception: The package could not be had; the reason is one line.
    """
    kept = _cache_directory() / package.replace("/", "-").lstrip("@") / version / member
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        unpacked = _unpack(_pack(f"{package}@{version}", Path(scratch)), member, Path(scratch))
        # A rename is atomic: parallel test workers never see half a file.
        unpacked.replace(kept)
    return kept


def _cache_directory() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "tide-published"


def _pack(spec: str, directory: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"{spec} left out: npm is not installed")
    command = [npm, "pack", spec, "--pack-destination", str(directory), "--loglevel=error", "--fetch-retries=1"]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, cwd=directory, timeout=FETCH_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{spec} left out: npm pack took more than {FETCH_TIMEOUT_SECONDS} s")
    archives = list(directory.glob("*.tgz"))
    if ran.returncode != 0 or not archives:
        reason = (ran.stderr.strip().splitlines() or ["no reason given"])[0]
        pytest.skip(f"{spec} left out: npm pack failed: {reason}")
    return archives[0]


def _unpack(archive: Path, member: str, directory: Path) -> Path:
    target = directory / "member"
    with tarfile.open(archive) as packed:
        source = packed.extractfile(f"package/{member}")
        if source is None:
            pytest.skip(f"{archive.name} left out: it has no file {member}")
        with source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
    return target
