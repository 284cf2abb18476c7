"""A town of two processes that know each other by HTTP only: the sandbox's GitHub, and the daemon."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.programs import BROWSER, ROOT, TIDE, Program, Sandbox, sandbox, started


@dataclass(frozen=True)
class Daemon:
    """A running `tide run`, and where it listens."""

    program: Program
    data: Path
    port: int
    metrics_port: int
    health_port: int

    def get(self, path: str, *, accept: str = "*/*", port: int | None = None) -> httpx.Response:
        """Ask one of its servers for something; --port's unless another one is named."""
        url = f"http://127.0.0.1:{port or self.port}{path}"
        return BROWSER.get(url, headers={"Accept": accept})

    def page(self, path: str = "/") -> str:
        """Give a page as a browser gets it."""
        return self.get(path, accept="text/html").text

    def wait_for_page(self, text: str) -> None:
        """Wait until the front page says something."""
        self.program.wait_for(lambda: text in self.page(), f"{text!r} on the page")

    def metric(self, name: str) -> float:
        """Give the sum of a metric's samples."""
        lines = self.get("/metrics", port=self.metrics_port).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.split("{")[0].split(" ")[0] == name)


@dataclass(frozen=True)
class Town:
    """GitHub and the daemon; `place` is the directory of both, `configs` the flags that name the configuration."""

    place: Path
    github: Sandbox
    daemon: Daemon

    def truth(self) -> dict[str, Any]:
        """Give what really happened."""
        truth: dict[str, Any] = self.github.get("/_sandbox/truth")
        return truth

    def pulls(self, fate: str) -> dict[str, str]:
        """Give the states of the pull requests of a fate by their names."""
        return {one["pull"]: one["state"] for one in self.truth()["pulls"] if one["fate"] == fate}

    def wait_until_merged(self, *, patience: float) -> dict[str, Any]:
        """Wait until everybody has done what they wanted and everything good is merged; give the truth then."""

        def find() -> dict[str, Any] | None:
            truth = self.truth()
            open_yet = [one for one in truth["pulls"] if one["fate"] == "merged" and one["state"] != "merged"]
            return truth if truth["is_over"] and not open_yet else None

        return self.daemon.program.wait_for(find, "end of the story", patience=patience)

    def tide(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the daemon, on its data directory."""
        command = [*TIDE, *arguments, f"--data-dir={self.daemon.data}"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


LOCAL = ("--prowjob-backend=local", "--local-jobs=4", "--i-trust-contributors")


@contextmanager
def daemon(
    place: Path,
    github: Sandbox,
    flags: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    *,
    backend: Sequence[str] = LOCAL,
) -> Iterator[Daemon]:
    """Start `tide run` on a sandbox, with the local runner unless told otherwise, and doing things."""
    ports = ("--port=0", "--metrics-port=0", "--health-port=0", "--bind=127.0.0.1")
    data = place / "data"
    command = [*TIDE, "run", *github.flags, *ports, *backend, "--dry-run=false"]
    everything = {**github.environment, **(environment or {})}
    with started([*command, f"--data-dir={data}", *flags], place, "run", everything) as program:
        told = program.serving()
        yield Daemon(program, data, told["port"], told["metrics_port"], told["health_port"])


@contextmanager
def town(place: Path, config: Sequence[str | Path], *, pulls: int, seed: int = 1) -> Iterator[Town]:
    """Start both on one configuration; contributors open pull requests in the repositories that it names."""
    story = ("--scenario=config", "--no-prow", *config, f"--pulls={pulls}", f"--seed={seed}")
    with sandbox(place, *story) as github, daemon(place, github, config) as running:
        yield Town(place, github, running)
