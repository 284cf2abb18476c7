import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from tests.programs import Sandbox, open_directory, sandbox
from tide.cli import main

CONFIG = """\
tide:
  queries:
    - repos: [acme/rocket]
      labels: [lgtm]
presubmits:
  acme/rocket:
    - name: unit
      always_run: true
      spec: {containers: [{image: none, command: ["true"]}]}
"""


@dataclass(frozen=True)
class Told:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The lines that tell of an error."""
        return [line for line in self.err.splitlines() if line.startswith(("tide: error:", "Error:"))]


Tide = Callable[..., Told]


@pytest.fixture(scope="session")
def github() -> Iterator[Sandbox]:
    """A simulated GitHub with one repository and nothing to merge in it."""
    with open_directory("cli") as place, sandbox(place, "--scenario", "empty") as running:
        running.post("/orgs/acme/repos", {"name": "rocket", "auto_init": True})
        yield running


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def tide(capsys: pytest.CaptureFixture[str]) -> Tide:
    """Run a command line in this process; any exception that is not told in words fails the test."""

    def run(*arguments: str | Path) -> Told:
        with pytest.raises(SystemExit) as ended:
            main(list(map(str, arguments)))
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Told(ended.value.code, captured.out, captured.err)

    return run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A small configuration."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def run_once(tide: Tide, config: Path, github: Sandbox, database_url: str, tmp_path: Path) -> Tide:
    """Run the daemon once against the idle GitHub; flags given last win over these."""

    def run(*flags: str | Path) -> Told:
        places = (f"--config-path={config}", f"--database-url={database_url}", f"--data-dir={tmp_path / 'data'}")
        return tide("run", "--run-once", "--prowjob-backend=local", *places, *github.flags, *flags)

    return run
