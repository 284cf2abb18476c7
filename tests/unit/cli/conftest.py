import socket
from collections.abc import Iterator

import pytest

from tests.programs import free_port
from tests.unit.cli.command_line import Tide


@pytest.fixture
def tide(capfd: pytest.CaptureFixture[str]) -> Tide:
    """The command line, in this process."""
    return Tide(capfd)


@pytest.fixture(name="free_port")
def a_free_port() -> int:
    """A port that nobody listens on."""
    return free_port()


@pytest.fixture
def used_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
