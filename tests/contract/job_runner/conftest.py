import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.git.origin import Origin
from tests.integration.local_runner.lab import Lab
from tide.adapters.postgres.engine import connected
from tide.adapters.postgres.prowjobs import ProwJobTable


@pytest.fixture
def root() -> Iterator[Path]:
    # Not pytest's own directory: as root, jobs run as nobody, who cannot pass through it.
    made = Path(tempfile.mkdtemp(prefix="tide-lab-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """Where the objects are kept: a database, or "" for memory."""
    return str(request.getfixturevalue("database_url")) if request.param == "postgres" else ""


@pytest.fixture
async def lab(root: Path, url: str) -> AsyncIterator[Lab]:
    """A local runner over each of its storages."""
    made = Lab(root, Origin(root / "server" / "rocket.git"))
    if not url:
        yield made
        return
    async with connected(url) as engine:
        made.storage = ProwJobTable(engine)
        yield made
