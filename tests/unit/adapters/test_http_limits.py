"""A port that strangers lean on: what it holds, for how long, and who gives way."""

import asyncio
import logging
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tide.adapters.descriptors import limits_of_page, limits_of_probes, use_all_descriptors
from tide.adapters.http_connections import MAX_HEAD, Limits
from tide.adapters.http_server import serving

PATIENCE = 20.0
LOOPBACK = "127.0.0.1"
START = b"G"  # who says nothing at all is not let in where the system can keep him waiting
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LONG = 3600.0
PATIENT = Limits(connections=4, head=LONG, body=LONG, idle=LONG, stalled=LONG, settled=LONG)


@dataclass
class Client:
    """A connection over which a test speaks HTTP byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def status(self) -> int:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        return int(head.split()[1])

    async def answer(self, request: bytes = GET) -> str:
        """Ask, and read the answer to its end."""
        await self.send(request)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        return (await self.reader.readexactly(length)).decode()

    async def is_cut(self) -> bool:
        """Read to the end, which comes only when the other side closes."""
        with suppress(ConnectionResetError):
            await asyncio.wait_for(self.reader.read(), PATIENCE)
        return True

    @property
    def is_open(self) -> bool:
        return not self.reader.at_eof() and self.reader.exception() is None


class Clients:
    """All that a test connects; all are closed at its end."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.all: list[Client] = []

    async def connect(self, request: bytes = b"") -> Client:
        client = Client(*await asyncio.wait_for(asyncio.open_connection(LOOPBACK, self.port), PATIENCE))
        self.all.append(client)
        await client.send(request)
        return client


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def endless(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536
            await asyncio.sleep(0)

    return StreamingResponse(parts())


ROUTES = [Route("/", hello), Route("/echo", echo, methods=["POST"]), Route("/endless", endless)]


@asynccontextmanager
async def clients_of(limits: Limits, *more: Route) -> AsyncIterator[Clients]:
    async with serving(Starlette(routes=[*ROUTES, *more]), LOOPBACK, 0, limits=limits) as port:
        clients = Clients(port)
        yield clients
        for client in clients.all:
            client.writer.transport.abort()


async def test_one_more_than_may_be_is_let_in_for_the_oldest_that_has_asked_nothing() -> None:
    async with clients_of(PATIENT) as clients:
        idle = [await clients.connect(START) for _ in range(4)]
        assert await (await clients.connect()).answer() == "hello"
        assert await idle[0].is_cut()
        assert all(client.is_open for client in idle[1:])


async def test_who_has_asked_before_stays_while_there_are_others_who_have_not() -> None:
    async with clients_of(PATIENT) as clients:
        regular = await clients.connect()
        assert await regular.answer() == "hello"
        idle = [await clients.connect(START) for _ in range(8)]
        for client in idle[:5]:
            assert await client.is_cut()
        assert await regular.answer() == "hello"


async def test_a_flood_leaves_room_for_who_really_asks() -> None:
    async with clients_of(PATIENT) as clients:
        for _ in range(20):
            for _ in range(10):
                await clients.connect(b"GET / HTTP/1.1\r\n")
            assert await (await clients.connect()).answer() == "hello"


async def test_while_all_are_being_answered_others_wait_for_their_turn() -> None:
    asked, free = asyncio.Semaphore(0), asyncio.Event()

    async def slow(_request: Request) -> Response:
        asked.release()
        await free.wait()
        return PlainTextResponse("at last")

    request = b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with clients_of(PATIENT, Route("/slow", slow)) as clients:
        first = [await clients.connect(request) for _ in range(4)]
        for _ in first:
            await asyncio.wait_for(asked.acquire(), PATIENCE)
        late = asyncio.create_task((await clients.connect()).answer())
        await asyncio.sleep(0)
        free.set()
        assert [await client.status() for client in first] == [200] * 4
        assert await asyncio.wait_for(late, PATIENCE) == "hello"


@pytest.mark.parametrize("start", [START, b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
async def test_a_head_that_does_not_come_is_not_waited_for(start: bytes) -> None:
    async with clients_of(Limits(connections=4, head=0.3)) as clients:
        assert await (await clients.connect(start)).is_cut()


async def test_who_says_nothing_takes_no_place() -> None:
    async with clients_of(Limits(connections=4)) as clients:
        regular = await clients.connect()
        assert await regular.answer() == "hello"
        for _ in range(50):
            await clients.connect()
        assert await (await clients.connect()).answer() == "hello"
        assert await regular.answer() == "hello"


async def test_a_head_that_comes_by_and_by_is_cut_too() -> None:
    async def trickle(client: Client) -> None:
        with suppress(ConnectionError):
            while True:
                await client.send(b"x")
                await asyncio.sleep(0.01)

    async with clients_of(Limits(connections=4, head=0.3)) as clients:
        client = await clients.connect(b"GET / HTTP/1.1\r\nX: ")
        trickling = asyncio.create_task(trickle(client))
        assert await client.is_cut()
        await trickling


@pytest.mark.parametrize("path", [b"/echo", b"/"])  # read by who answers, and not
async def test_a_body_that_does_not_come_is_not_waited_for(path: bytes) -> None:
    async with clients_of(Limits(connections=4, body=0.3)) as clients:
        client = await clients.connect(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        assert await client.is_cut()


async def test_between_two_requests_a_connection_is_kept_for_a_while() -> None:
    async with clients_of(Limits(connections=4, idle=0.3)) as clients:
        client = await clients.connect()
        assert [await client.answer(), await client.answer()] == ["hello", "hello"]
        assert await client.is_cut()


async def test_who_does_not_read_an_answer_is_cut() -> None:
    is_over = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)
        finally:
            is_over.set()

    async def endless_until_cut(_request: Request) -> Response:
        return StreamingResponse(parts())

    async with clients_of(Limits(connections=4, stalled=0.3), Route("/until-cut", endless_until_cut)) as clients:
        await clients.connect(b"GET /until-cut HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(is_over.wait(), PATIENCE)


async def test_slow_ones_give_way_to_others() -> None:
    async with clients_of(Limits(connections=4, settled=0.0)) as clients:
        for _ in range(2):
            assert await (await clients.connect(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")).status() == 200
        for _ in range(2):
            await clients.connect(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        for _ in range(8):
            assert await (await clients.connect()).answer() == "hello"


@pytest.mark.parametrize("length", [MAX_HEAD * 2, MAX_HEAD * 16])
async def test_a_head_that_is_too_long_is_refused(length: int) -> None:
    async with clients_of(PATIENT) as clients:
        client = await clients.connect(b"GET /?" + b"x" * length + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        with suppress(ConnectionError):
            assert await client.status() == 400
        assert await client.is_cut()


async def test_a_long_head_is_taken_and_bodies_may_be_longer() -> None:
    body = b"y" * (MAX_HEAD * 40)
    async with clients_of(PATIENT) as clients:
        client = await clients.connect()
        assert await client.answer(b"GET /?" + b"x" * (MAX_HEAD - 100) + b" HTTP/1.1\r\nHost: x\r\n\r\n") == "hello"
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert await client.answer(head + body) == body.decode()


async def test_requests_that_come_together_are_answered_one_after_the_other() -> None:
    async with clients_of(PATIENT) as clients:
        client = await clients.connect(GET * 3)
        answers = [await client.answer(b"") for _ in range(3)]
        assert answers == ["hello"] * 3


def _highest_descriptor() -> int:
    return max(int(path.name) for path in Path("/proc/self/fd").iterdir())


@contextmanager
def descriptors(count: int) -> Iterator[None]:
    """Allow the process no more descriptors than these, for as long as the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_where_descriptors_run_out_that_is_told_once_and_nothing_spins(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tide.adapters.http_server._ACCEPT_PAUSE_SECONDS", 0.05)
    tries: list[int] = []
    accept = socket.socket.accept

    def counted(self: socket.socket) -> tuple[socket.socket, object]:
        tries.append(1)
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", counted)
    async with clients_of(PATIENT) as clients:
        waiting = [socket.create_connection((LOOPBACK, clients.port)) for _ in range(8)]
        held: list[int] = []
        with descriptors(_highest_descriptor() + 20), caplog.at_level(logging.WARNING):
            with suppress(OSError):
                while True:
                    held.append(os.dup(0))
            for one in waiting[:2]:
                one.close()
            more = [socket.socket() for _ in range(2)]
            for one in more:
                one.connect((LOOPBACK, clients.port))
            before = len(tries)
            await asyncio.sleep(0.3)
            assert 0 < len(tries) - before < 20
        for descriptor in held:
            os.close(descriptor)
        assert await (await clients.connect()).answer() == "hello"
        for one in (*waiting, *more):
            one.close()


async def test_the_port_of_health_answers_while_that_of_the_page_is_full() -> None:
    stuck: asyncio.Event = asyncio.Event()

    async def hang(_request: Request) -> Response:
        await stuck.wait()
        return PlainTextResponse("")

    async def live(_request: Request) -> Response:
        return PlainTextResponse("ok")

    probes = Starlette(routes=[Route("/healthz", live)])
    async with clients_of(PATIENT, Route("/hang", hang)) as page, serving(probes, LOOPBACK, 0, limits=PATIENT) as port:
        for _ in range(20):
            await page.connect(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        health = Clients(port)
        assert await (await health.connect()).answer(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == "ok"
        health.all[0].writer.close()
        stuck.set()


def test_the_shares_leave_most_descriptors_to_the_rest() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 1024:
        pytest.skip("the system allows fewer descriptors than this is about")
    with descriptors(1024):
        shares = limits_of_page().connections + 2 * limits_of_probes().connections
        assert 400 <= limits_of_page().connections < 1024 // 2
        assert shares <= 1024 * 0.6
    assert (soft, hard) == resource.getrlimit(resource.RLIMIT_NOFILE)


def test_all_descriptors_that_the_system_allows_are_used() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with descriptors(512):
        use_all_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
