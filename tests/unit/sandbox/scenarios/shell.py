"""Runs the script of the sandbox's test suite, as a job does."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tide.sandbox.scenarios.suite import SCRIPT


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run of the script said."""

    code: int
    output: str
    complaints: str

    @property
    def is_passing(self) -> bool:
        """Whether the job passed; any exit code but 0 and 1 is none of the script's own."""
        assert self.code in {0, 1}, self.complaints
        return self.code == 0


def write_tree(directory: Path, files: Mapping[str, str]) -> None:
    """Write files (path -> text) as they are, with the line ends that they have."""
    for path, text in files.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode(errors="surrogateescape"))


def run_script(directory: Path, job: str = "unit", *, programs: Path | None = None, **environment: str) -> Finished:
    """Run the script in a checkout; `programs` comes first in PATH."""
    path = os.environ["PATH"] if programs is None else f"{programs}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", SCRIPT, "check.sh", job],
        cwd=directory,
        env={"PATH": path, "LANG": "C.UTF-8", **environment},
        capture_output=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def run_on(files: Mapping[str, str], job: str = "unit", **environment: str) -> Finished:
    """Run the script on files of its own."""
    with tempfile.TemporaryDirectory() as directory:
        write_tree(Path(directory), files)
        return run_script(Path(directory), job, programs=None, **environment)
