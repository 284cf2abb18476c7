"""Serve an ASGI application by uvicorn, on a socket that is bound before anything else happens."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from math import ceil
from typing import Any

import structlog
import uvicorn

from tide.adapters.http_connections import MAX_HEAD, Connection, Limits
from tide.domain.errors import TideError

_BACKLOG = 2048
_DEFER: int | None = getattr(socket, "TCP_DEFER_ACCEPT", None)
_KEEP_ALIVE_SECONDS = 5
_GRACE_SECONDS = 10
# How long nobody is let in after the system has refused to, and how often that is told.
_ACCEPT_PAUSE_SECONDS, _TELL_SECONDS = 1.0, 60.0
# When it is full: how long until it is looked again whether anybody may be cut, and until the next one is let in, so
# that those who come again and again, as soon as they are cut, cost a bounded part of the time of the process.
_FULL_PAUSE_SECONDS, _CROWD_PAUSE_SECONDS = 0.05, 0.002
# So many are cut at a time, since who they are costs a look at all.
_SHARE_CUT = 10
_TICK_SECONDS = 0.1  # as uvicorn counts: every tenth tick it writes the date anew
_TICKS_PER_LOOK = 5
_GONE_SECONDS = 0.01  # how often it is looked whether everybody has gone

log = structlog.get_logger(component="tide")


class _Server(uvicorn.Server):
    """A server that lets in itself who connects, and leaves the signals of the process to the process.

    With `limits` it holds no more connections than these allow, and none longer. When there are as many, those with the
    least to lose make room: first those that have never sent a whole request, the oldest of them first, then those
    between two requests, then slow ones. While all of them are being answered, others wait to be let in.
    """

    def __init__(self, config: uvicorn.Config, limits: Limits | None) -> None:
        super().__init__(config)
        self.reachable = asyncio.Event()
        self._ending = asyncio.Event()
        self._limits = limits
        self._accepting: list[asyncio.Task[None]] = []
        self._told_at = float("-inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Let people in."""
        await self.lifespan.startup()
        # Not by asyncio's own server: where descriptors run out it tries, and logs, thousands of times a second.
        self.servers = []
        self._accepting = [asyncio.create_task(self._accept(listening)) for listening in sockets or ()]
        self.started = True
        self.reachable.set()

    def end(self) -> None:
        """Ask it to end."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        """Tick until it is asked to end; then it ends at once, and not with the next tick as uvicorn's own does."""
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in any more, and answer what was asked; uvicorn's own sleeps also where nothing is under way."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for listening in sockets or ():
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - uvicorn tells no end
                    await asyncio.sleep(_GONE_SECONDS)
        except TimeoutError:
            for under_way in list(self.server_state.tasks):
                under_way.cancel()

    async def on_tick(self, counter: int) -> bool:
        """Cut the connections that have taken too long."""
        if self._limits is not None and counter % _TICKS_PER_LOOK == 0:
            now = asyncio.get_running_loop().time()
            for connection in [one for one in self._connections() if one.is_overdue(now, self._limits)]:
                connection.cut()
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        build = partial(
            Connection, config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
        )
        while True:
            try:
                accepted, _ = await loop.sock_accept(listening)
                await self._make_room()
                await loop.connect_accepted_socket(build, accepted)
            except OSError as error:
                self._tell(error)
                await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)

    async def _make_room(self) -> None:
        """Wait until there is room for one more, and cut one for it if one may be cut."""
        limits = self._limits
        while limits is not None and len(self.server_state.connections) >= limits.connections:
            now = asyncio.get_running_loop().time()
            spare = [one for one in self._connections() if one.may_give_way(now, limits)]
            first = sorted(spare, key=lambda one: (one.phase.value, one.since))
            for one in first[: max(1, limits.connections // _SHARE_CUT)]:
                one.cut()
            await asyncio.sleep(_CROWD_PAUSE_SECONDS if spare else _FULL_PAUSE_SECONDS)

    def _connections(self) -> list[Connection]:
        return [one for one in self.server_state.connections if isinstance(one, Connection)]

    def _tell(self, error: OSError) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            log.warning("nobody more can be let in for the moment", error=error.strerror)


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
async def serving(
    app: Any, host: str, port: int, flag: str = "", *, limits: Limits | None = None
) -> AsyncIterator[int]:
    """Serve an application while the block runs; give the port. `flag` is where it was chosen.

    Raises:
        TideError: the port is taken.
    """
    listening = bound_socket(host, port, flag)
    async with serving_on(listening, app, limits=limits):
        yield listening.getsockname()[1]


@asynccontextmanager
async def serving_on(
    listening: socket.socket,
    app: Any,
    *,
    grace_seconds: int = _GRACE_SECONDS,
    limits: Limits | None = None,
    tells_date: bool = False,
) -> AsyncIterator[None]:
    """Serve an application on a bound socket while the block runs; answers under way get `grace_seconds` at its end.

    One that `tells_date` says itself what time it is; for the others the server does.
    Without `limits` it serves whoever comes, as many and as long as they like: for those that we know.
    """
    listening.settimeout(0)
    if limits is not None and _DEFER is not None:
        # Who connects and says nothing stays with the system for so long, and costs us nothing (tcp(7)).
        listening.setsockopt(socket.IPPROTO_TCP, _DEFER, ceil(limits.head))
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="error",  # what it warns of is requests that are none: strangers could fill the log with it
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=grace_seconds,
        date_header=not tells_date,
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_keep_alive=ceil(limits.idle) if limits else _KEEP_ALIVE_SECONDS,
    )
    server = _Server(config, limits)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await server.reachable.wait()
        yield
    finally:
        server.end()
        await task
