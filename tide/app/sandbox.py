"""`tide sandbox`: the simulated GitHub alone, with a story to play on it."""

import asyncio
import json
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tide.adapters.clock import SystemClock
from tide.domain.errors import TideError
from tide.sandbox.scenarios.contributors import Contributors
from tide.sandbox.scenarios.from_config import Stage
from tide.sandbox.scenarios.story import Story
from tide.sandbox.scenarios.truth import Truth
from tide.sandbox.server import LOOPBACK, Settings, running
from tide.sandbox.state import Forge


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is on the simulated GitHub: a story, and programs for the jobs of a configuration."""

    story: Story
    stage: Stage | None = None


async def run_sandbox(
    scenario: Scenario, data_dir: Path, port: int, stopping: asyncio.Event, announce: Callable[[str], None]
) -> None:
    """Serve until `stopping` is set; `announce` gets one line of JSON that says where everything is.

    Raises:
        TideError: the port is taken, or the directory is in use.
    """
    github = data_dir / "github"
    if github.exists():
        raise TideError(f"{github} exists already: a sandbox begins empty, so choose another --data-dir")
    github.mkdir(parents=True)
    forge = Forge(SystemClock().now, github)
    truth = Truth(forge, scenario.story.jobs)
    contributors = Contributors(forge, scenario.story, asyncio.sleep)
    port = port or _free_port()
    async with running(forge, port, Settings(routes=(_truth_route(truth, contributors),))) as sandbox:
        await contributors.prepare()
        announce(json.dumps(_files(data_dir, sandbox.url, scenario)))
        playing = asyncio.create_task(contributors.play())
        await stopping.wait()
        playing.cancel()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        number: int = probe.getsockname()[1]
        return number


def _truth_route(truth: Truth, contributors: Contributors) -> Route:
    async def answer(_request: Request) -> Response:
        verdict = await truth.verdict()
        pulls = [
            {"pull": one.name, "fate": one.fate, "state": "merged" if one.pull.merged else one.pull.state}
            for one in contributors.pulls.values()
        ]
        return JSONResponse(verdict.as_json() | {"pulls": pulls})

    return Route("/_sandbox/truth", answer)


def _files(data_dir: Path, url: str, scenario: Scenario) -> dict[str, str]:
    """Write what a daemon needs to reach the sandbox; give the places."""
    token = data_dir / "token"
    token.write_text(f"sandbox-{secrets.token_hex(16)}\n")
    token.chmod(0o600)
    files = {
        "url": url,
        "graphql": f"{url}/graphql",
        "token_file": str(token),
        "gitconfig": str(_write_gitconfig(data_dir, url)),
    }
    if scenario.stage:
        scenario.stage.write_programs(data_dir / "bin")
        files["programs"] = str(data_dir / "bin")
    return files


def _write_gitconfig(data_dir: Path, url: str) -> Path:
    """Write a git configuration that sends git to the sandbox wherever a clone_uri names GitHub."""
    path = data_dir / "gitconfig"
    addresses = ("https://github.com/", "ssh://git@github.com/", "git@github.com:")
    lines = "".join(f"\tinsteadOf = {address}\n" for address in addresses)
    path.write_text(f'[url "{url}/"]\n{lines}')
    return path
