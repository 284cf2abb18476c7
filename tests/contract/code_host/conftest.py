from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.code_host.world import CodeHostWorld, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CodeHostWorld]:
    """GitHub as the port offers it, over a served sandbox with `acme/rocket`."""
    async with open_world(tmp_path) as world:
        yield world
