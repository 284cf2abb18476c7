import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.golden.recording import keep, otherwise, stored
from tests.integration.sync.story import Config, Story, told
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews

World = Callable[..., AbstractAsyncContextManager[Story]]


@pytest.fixture
def world(store: PostgresStore, views: PostgresViews, tmp_path: Path, request: pytest.FixtureRequest) -> World:
    """Begin a story; the keywords are those of `Config`.

    At its end no branch may have been red, and whatever was decided is decided again from what is stored.
    """

    @asynccontextmanager
    async def begin(*, expect_green: bool = True, **changes: Any) -> AsyncIterator[Story]:
        async with told(store, views, tmp_path, replace(Config(), **changes)) as story:
            yield story
            if expect_green:
                await story.expect_green()
        assert otherwise(await stored(store.engine)) == []
        await keep(store.engine, re.sub(r"\W+", "-", request.node.nodeid))

    return begin
