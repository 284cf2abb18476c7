from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.kubernetes import prow as simulated
from tests.integration.kubernetes.prow import Prow


@pytest.fixture
async def prow(tmp_path: Path) -> AsyncIterator[Prow]:
    """A cluster without any ProwJob."""
    async with simulated.prow(tmp_path) as made:
        yield made
