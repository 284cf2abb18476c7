from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.sandbox.world import Clock, World
from tide.sandbox.server import Settings, running
from tide.sandbox.state import Forge


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> Settings:
    """Override it to serve the sandbox otherwise."""
    return Settings()


@pytest.fixture
async def world(tmp_path: Path, clock: Clock, settings: Settings) -> AsyncIterator[World]:
    (tmp_path / "forge").mkdir()
    (tmp_path / "scratch").mkdir()
    forge = Forge(clock, tmp_path / "forge")
    repository = await forge.create_repository("acme", "rocket")
    async with running(forge, settings=settings) as sandbox:
        made = World(sandbox, repository, clock, tmp_path / "scratch")
        first = await made.commit(None, "First", README="rocket\n", engine_txt="one\ntwo\nthree\n")
        await forge.write_branch(repository, "main", first)
        yield made
        await made.client.aclose()
