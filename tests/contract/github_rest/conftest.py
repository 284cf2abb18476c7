from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.github_rest.description import Description
from tests.contract.github_rest.recorder import Recorder
from tests.contract.published import fetch
from tests.integration.sandbox.world import Clock, World
from tide.adapters.http_server import bound_socket, serving_on
from tide.sandbox.server import LOOPBACK, build
from tide.sandbox.state import Forge

PACKAGE, VERSION = "@octokit/openapi", "23.0.2"


@dataclass
class RecordedWorld(World):
    """A served sandbox whose exchanges are kept."""

    recorder: Recorder


@pytest.fixture(scope="session")
def description() -> Description:
    """GitHub's description of its REST API as GitHub publishes it."""
    return Description(fetch(PACKAGE, VERSION, "generated/api.github.com.json"))


@pytest.fixture
async def recorded(tmp_path: Path) -> AsyncIterator[RecordedWorld]:
    for name in ("forge", "scratch"):
        (tmp_path / name).mkdir()
    clock = Clock()
    forge = Forge(clock, tmp_path / "forge")
    repository = await forge.create_repository("acme", "rocket")
    listening = bound_socket(LOOPBACK, 0)
    sandbox = build(forge, f"http://127.0.0.1:{listening.getsockname()[1]}")
    recorder = Recorder(sandbox.app)
    async with serving_on(listening, recorder, grace_seconds=1):
        world = RecordedWorld(sandbox, repository, clock, tmp_path / "scratch", recorder)
        first = await world.commit(None, "First", README="rocket\n", engine_txt="one\ntwo\nthree\n")
        await forge.write_branch(repository, "main", first)
        yield world
        await world.client.aclose()
