from collections.abc import AsyncIterator

import pytest

from tests.contract.kubernetes.cluster import Cluster, running


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """An API server without any ProwJob."""
    async with running() as made:
        yield made
