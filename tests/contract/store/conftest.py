"""Each test of a port of the store runs on all of its adapters."""

from datetime import timedelta

import pytest

from tests.stores import Backend, MemoryBackend, PostgresBackend
from tide.adapters.clock import SystemClock
from tide.domain.leases import Lease
from tide.ports.store import Store
from tide.ports.views import Views


@pytest.fixture(params=["memory", "postgres"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """A store in which nothing is."""
    return MemoryBackend() if request.param == "memory" else PostgresBackend(request.getfixturevalue("engine"))


@pytest.fixture
def store(backend: Backend) -> Store:
    return backend.open_store()


@pytest.fixture
def views(backend: Backend) -> Views:
    return backend.open_views()


@pytest.fixture
async def lease(backend: Backend) -> Lease:
    """The lead, for longer than any test takes; intents need its token."""
    lease = await backend.open_leases(SystemClock(), timedelta(hours=1)).take("the test")
    assert lease
    return lease
