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
from tide.sandbox.model import Hook
from tide.sandbox.scenarios.contributors import Contributors
from tide.sandbox.scenarios.from_config import Stage
from tide.sandbox.scenarios.story import Story
from tide.sandbox.scenarios.truth import Truth
from tide.sandbox.server import LOOPBACK, Settings, running
from tide.sandbox.state import Forge

WEBHOOK_SECRET = "webhook-secret"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is on the simulated GitHub: a story, and programs for the jobs of a configuration."""

    story: Story
    stage: Stage | None = None


async def run_sandbox(
    scenario: Scenario,
    data_dir: Path,
    port: int,
    stopping: asyncio.Event,
    announce: Callable[[str], None],
    *,
    webhook_url: str | None = None,
) -> None:
    """Serve until `stopping` is set; `announce` gets one line of JSON that says where everything is.

    Every event is sent to `webhook_url`, if there is one.

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
    secret = _write_secret(data_dir / WEBHOOK_SECRET, secrets.token_hex(20))
    hooks = (Hook(1, webhook_url, secret, ("*",), forge.now()),) if webhook_url else ()
    settings = Settings(hooks=hooks, routes=(_truth_route(truth, contributors),))
    async with running(forge, port, settings) as sandbox:
        await contributors.prepare()
        announce(json.dumps(_files(data_dir, sandbox.url, scenario)))
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(contributors.play())
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
        return JSONResponse(verdict.as_json() | {"pulls": pulls, "is_over": contributors.is_over})

    return Route("/_sandbox/truth", answer)


def _files(data_dir: Path, url: str, scenario: Scenario) -> dict[str, str]:
    """Write what a daemon needs to reach the sandbox; give the places."""
    _write_secret(data_dir / "token", f"sandbox-{secrets.token_hex(16)}")
    files = {
        "url": url,
        "graphql": f"{url}/graphql",
        "token_file": str(data_dir / "token"),
        "webhook_secret_file": str(data_dir / WEBHOOK_SECRET),
        "gitconfig": str(_write_gitconfig(data_dir, url)),
    }
    if scenario.stage:
        scenario.stage.write_programs(data_dir / "bin")
        files["programs"] = str(data_dir / "bin")
    return files


def _write_secret(path: Path, secret: str) -> str:
    """Write a secret where only its owner can read it; give it back."""
    path.touch(mode=0o600)
    path.write_text(f"{secret}\n")
    return secret


def _write_gitconfig(data_dir: Path, url: str) -> Path:
    """Write a git configuration that sends git to the sandbox wherever a clone_uri names GitHub."""
    path = data_dir / "gitconfig"
    addresses = ("https://github.com/", "ssh://git@github.com/", "git@github.com:")
    lines = "".join(f"\tinsteadOf = {address}\n" for address in addresses)
    path.write_text(f'[url "{url}/"]\n{lines}')
    return path
