import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.git.origin import Origin
from tests.integration.local_runner.lab import Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    # Not pytest's own directory: as root, jobs run as nobody, who cannot pass through it.
    root = Path(tempfile.mkdtemp(prefix="tide-lab-"))
    root.chmod(0o755)
    yield Lab(root, Origin(root / "server" / "rocket.git"))
    shutil.rmtree(root, ignore_errors=True)
