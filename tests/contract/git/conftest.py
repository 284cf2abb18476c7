from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.sandbox.world import Clock, World
from tide.sandbox.server import running
from tide.sandbox.state import Forge


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    for name in ("forge", "scratch"):
        (tmp_path / name).mkdir()
    clock = Clock()
    forge = Forge(clock, tmp_path / "forge")
    repository = await forge.create_repository("acme", "rocket")
    async with running(forge) as sandbox:
        made = World(sandbox, repository, clock, tmp_path / "scratch")
        lines = "".join(f"{number}\n" for number in range(1, 20))
        await forge.write_branch(repository, "main", await made.commit(None, "First", engine_txt=lines))
        yield made
        await made.client.aclose()
