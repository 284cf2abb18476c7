import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.golden.recording import keep, otherwise, stored
from tests.integration.sync.story import Config, Story, told
from tests.stores import Backend, MemoryBackend, PostgresBackend

World = Callable[..., AbstractAsyncContextManager[Story]]


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    """A store in which nothing is: in memory, but in Postgres for the stories that are marked so."""
    on_postgres = request.node.get_closest_marker("on_postgres")
    return PostgresBackend(request.getfixturevalue("engine")) if on_postgres else MemoryBackend()


@pytest.fixture
def world(backend: Backend, tmp_path: Path, request: pytest.FixtureRequest) -> World:
    """Begin a story; the keywords are those of `Config`.

    At its end no branch may have been red, and whatever was decided is decided again from what is stored.
    """

    @asynccontextmanager
    async def begin(*, expect_green: bool = True, **changes: Any) -> AsyncIterator[Story]:
        async with told(backend, tmp_path, replace(Config(), **changes)) as story:
            yield story
            if expect_green:
                await story.expect_green()
        recorded = await stored(backend.open_store(), backend.open_views())
        assert otherwise(recorded) == []
        keep(recorded, re.sub(r"\W+", "-", request.node.nodeid))

    return begin
