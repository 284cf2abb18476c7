import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from lightkube import Client

from tests.contract.job_runner import cluster
from tests.contract.job_runner.cluster import ClusterLab
from tests.contract.job_runner.lab import JobLab
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


@pytest.fixture(params=["memory", "postgres", "kubernetes"])
def place(request: pytest.FixtureRequest) -> str:
    """Where the objects are kept: in memory, in a database by its URL, or on a cluster."""
    if request.param == "kubernetes":
        request.getfixturevalue("cluster_lab")
    return str(request.getfixturevalue("database_url")) if request.param == "postgres" else str(request.param)


@pytest.fixture
async def lab(request: pytest.FixtureRequest, root: Path, place: str) -> AsyncIterator[JobLab]:
    """Each runner, over each of its storages."""
    if place == "kubernetes":
        yield request.getfixturevalue("cluster_lab")
        return
    made = Lab(root, Origin(root / "server" / "rocket.git"))
    if place == "memory":
        yield made
        return
    async with connected(place) as engine:
        made.storage = ProwJobTable(engine)
        yield made


@pytest.fixture(scope="session")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Client]]:
    """A cluster that knows ProwJobs: the kubeconfig, and a connection of somebody who may do everything."""
    with cluster.kubeconfig(tmp_path_factory.mktemp("cluster")) as path:
        admin = cluster.administrator(path)
        with cluster.with_prowjobs(admin):
            yield path, admin


@pytest.fixture
def cluster_lab(administrator: tuple[Path, Client], root: Path) -> Iterator[ClusterLab]:
    """A namespace of its own."""
    path, admin = administrator
    shared = root / "shared-with-jobs"
    shared.mkdir()
    with cluster.namespace(admin) as name:
        yield ClusterLab(admin, path, name, shared)
