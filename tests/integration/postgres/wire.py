"""The way to a database, which a test may block: then nothing comes through, and nobody is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url

LOOPBACK = "127.0.0.1"


@dataclass
class Wire:
    """Passes bytes on while it is open."""

    url: URL
    open: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0

    def block(self) -> None:
        self.open.clear()

    def free(self) -> None:
        self.open.set()


@asynccontextmanager
async def wire_to(database_url: str) -> AsyncIterator[Wire]:
    """Lay a wire to a database that listens at a Unix socket."""
    parsed = make_url(database_url)
    socket = Path(str(parsed.query["host"]), ".s.PGSQL.5432")
    wire, tasks = Wire(parsed), set[asyncio.Task[None]]()
    wire.free()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire.connections += 1
        tasks.add(task) if (task := asyncio.current_task()) else None
        there, back = await asyncio.open_unix_connection(socket)
        async with asyncio.TaskGroup() as group:
            group.create_task(_pass(wire, reader, back))
            group.create_task(_pass(wire, there, writer))

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(await asyncio.start_server(connected, LOOPBACK, 0))
        port = server.sockets[0].getsockname()[1]
        wire.url = parsed.set(host=LOOPBACK, port=port, query={})
        yield wire
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass(wire: Wire, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            await wire.open.wait()
            sink.write(data)
            await sink.drain()
    sink.close()
