from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.unit.adapters.github.loopback import Connection, StillClock, serve


@pytest_asyncio.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Connection]:
    token_file = tmp_path / "token"
    token_file.write_text("first-token\n")
    async with serve() as loopback:
        yield Connection(loopback, StillClock(), token_file)
