from pathlib import Path

import pytest

from tests.unit.sandbox.forges import Clock
from tide.sandbox.model import Repository
from tide.sandbox.state import Forge


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def forge(tmp_path: Path, clock: Clock) -> Forge:
    return Forge(clock, tmp_path)


@pytest.fixture
async def repository(forge: Forge) -> Repository:
    return await forge.create_repository("acme", "rocket")
