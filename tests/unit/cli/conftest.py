import socket
from collections.abc import Iterator

import pytest

from tests.unit.cli.command_line import Tide


@pytest.fixture
def tide(capfd: pytest.CaptureFixture[str]) -> Tide:
    """The command line, in this process."""
    return Tide(capfd)


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def used_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
