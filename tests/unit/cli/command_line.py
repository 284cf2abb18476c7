"""Runs command lines of `tide` in this process."""

from dataclasses import dataclass

import pytest

from tide.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command line ended, and what it said."""

    code: object
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Tide:
    """Calls what the console script calls."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Ran:
        """Run one command line to its exit."""
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = self.capture.readouterr()
        return Ran(ended.value.code, said.out, said.err)
