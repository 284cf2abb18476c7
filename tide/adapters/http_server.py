"""Serve an ASGI application by uvicorn, on a socket that is bound before anything else happens."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from tide.domain.errors import TideError

_BACKLOG = 2048
_GRACE_SECONDS = 10


class _Server(uvicorn.Server):
    """A server that leaves the signals of the process to the process, and tells when it can be reached."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.reachable = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.reachable.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound_socket(host: str, port: int, flag: str = "") -> socket.socket:
    """Bind a TCP socket; port 0 is any free one, host "" every address; `flag` is where the port was chosen.

    Raises:
        TideError: the port is taken, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host or (not host and socket.has_dualstack_ipv6()) else socket.AF_INET
    # The protocol is named, since without it uvicorn's connections get no TCP_NODELAY.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6 and not host:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        chosen = f" ({flag})" if flag else ""
        raise TideError(f"cannot listen on {host or 'any address'}, port {port}{chosen}: {error.strerror}") from error
    bound.listen(_BACKLOG)
    return bound


@asynccontextmanager
async def serving(app: Any, host: str, port: int, flag: str = "") -> AsyncIterator[int]:
    """Serve an application while the block runs; give the port. `flag` is where it was chosen.

    Raises:
        TideError: the port is taken.
    """
    listening = bound_socket(host, port, flag)
    async with serving_on(listening, app):
        yield listening.getsockname()[1]


@asynccontextmanager
async def serving_on(listening: socket.socket, app: Any, *, grace_seconds: int = _GRACE_SECONDS) -> AsyncIterator[None]:
    """Serve an application on a bound socket while the block runs; answers under way get `grace_seconds` at its end."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=grace_seconds,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await server.reachable.wait()
        yield
    finally:
        server.should_exit = True
        await task
        listening.close()
