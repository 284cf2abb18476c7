"""The receiver behind the real server, with deliveries kept in Postgres."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx
import pytest

from tests.unit.web.receiver import Headers, Receiver, app_with, signed
from tide.adapters.http_server import serving
from tide.adapters.postgres.inbox import PostgresInbox
from tide.adapters.postgres.store import PostgresStore
from tide.domain.keys import PullKey
from tide.web.hooks import MAX_BODY, SMALL_BODY, Hooks, Room

BODY = b'{"repository": {"full_name": "acme/rocket"}, "pull_request": {"number": 7}}'
SEVEN = PullKey("acme", "rocket", 7)
LOOPBACK = "127.0.0.1"


@dataclass
class Connection:
    """A connection over which a test speaks HTTP byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
        await self.writer.drain()

    async def status(self) -> int:
        line = await self.reader.readline()
        return int(line.split()[1])

    async def wait_closed(self) -> None:
        """Read to the end, which comes only when the other side closes."""
        with suppress(ConnectionResetError):
            await self.reader.read()


def request(headers: Headers) -> bytes:
    """Write the head of a POST."""
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join(["POST /hook HTTP/1.1", f"Host: {LOOPBACK}", *lines, "", ""]).encode()


@asynccontextmanager
async def connected_to(hooks: Hooks) -> AsyncIterator[Connection]:
    async with serving(app_with(hooks), LOOPBACK, 0) as port:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            yield Connection(reader, writer)
        finally:
            writer.close()


@pytest.fixture
async def receiver() -> Receiver:
    return Receiver()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def test_a_body_may_come_in_chunks(receiver: Receiver) -> None:
    async with connected_to(receiver.hooks()) as connection:
        head = request(signed(BODY) | {"transfer-encoding": "chunked"})
        await connection.send(head, chunk(BODY[:10]), chunk(BODY[10:]), chunk(b""))
        assert await connection.status() == 202
    assert receiver.hints == [SEVEN]


async def test_a_body_that_never_says_its_length_is_cut_off(receiver: Receiver) -> None:
    async with connected_to(receiver.hooks()) as connection:
        await connection.send(request(signed(BODY) | {"transfer-encoding": "chunked"}))
        megabyte = chunk(b" " * 1024 * 1024)
        for _ in range(MAX_BODY // (1024 * 1024)):
            await connection.send(megabyte)
        await connection.send(chunk(b" "))
        assert await connection.status() == 413
        await connection.wait_closed()


async def test_a_body_that_says_it_is_too_big_is_refused_before_it_comes(receiver: Receiver) -> None:
    async with connected_to(receiver.hooks()) as connection:
        await connection.send(request(signed(BODY) | {"content-length": str(MAX_BODY + 1)}))
        assert await connection.status() == 413
        await connection.wait_closed()


@pytest.mark.parametrize("headers", [{}, {"x-hub-signature-256": None}])
async def test_who_sends_all_before_reading_sees_the_refusal(receiver: Receiver, headers: Headers) -> None:
    size = MAX_BODY + 1
    async with connected_to(receiver.hooks()) as connection:
        await connection.send(request(signed(BODY) | {"content-length": str(size)} | headers))
        for _ in range(26):
            await connection.send(b" " * (size // 26))
        await connection.send(b" " * (size % 26))
        assert await connection.status() == (403 if headers else 413)


async def test_big_bodies_have_a_bound_together_and_small_ones_come_through(receiver: Receiver) -> None:
    size = 2 * SMALL_BODY
    big = BODY + b" " * (size - len(BODY))
    hooks = receiver.hooks(room=Room(most=size))
    async with serving(app_with(hooks), LOOPBACK, 0) as port:
        first, second, third = [Connection(*await asyncio.open_connection(LOOPBACK, port)) for _ in range(3)]
        await first.send(request(signed(big) | {"content-length": str(size)}), big[:-1])
        async with asyncio.timeout(20):
            while hooks.room.taken < size - 1:  # noqa: ASYNC110 - the other side rings no bell
                await asyncio.sleep(0.01)
            await second.send(request(signed(big) | {"content-length": str(size)}), big)
            assert await second.status() == 503
            await third.send(request(signed(BODY) | {"content-length": str(len(BODY))}), BODY)
            assert await third.status() == 202
            await first.send(big[-1:])
            assert await first.status() == 202
            assert hooks.room.taken == 0
        for connection in (first, second, third):
            connection.writer.close()


async def test_a_signed_body_full_of_nothing_is_taken(receiver: Receiver) -> None:
    body = BODY[:-1] + b', "more": [' + b"[]," * (24 * 1024 * 1024 // 3) + b"[]]}"
    async with serving(app_with(receiver.hooks()), LOOPBACK, 0) as port, httpx.AsyncClient() as client:
        headers = {name: value for name, value in signed(body).items() if value}
        answer = await client.post(f"http://{LOOPBACK}:{port}/hook", content=body, headers=headers, timeout=60)
    assert answer.status_code == 202
    assert receiver.hints == [SEVEN]


async def test_an_unsigned_body_is_refused_before_it_comes(receiver: Receiver) -> None:
    async with connected_to(receiver.hooks()) as connection:
        await connection.send(request(signed(BODY) | {"x-hub-signature-256": None, "content-length": "1000"}))
        assert await connection.status() == 403


async def test_the_biggest_body_is_taken(receiver: Receiver) -> None:
    body = BODY + b" " * (MAX_BODY - len(BODY))
    async with serving(app_with(receiver.hooks()), LOOPBACK, 0) as port, httpx.AsyncClient() as client:
        headers = {name: value for name, value in signed(body).items() if value}
        answer = await client.post(f"http://{LOOPBACK}:{port}/hook", content=body, headers=headers, timeout=60)
    assert answer.status_code == 202
    assert receiver.hints == [SEVEN]


async def test_a_body_that_does_not_come_is_not_waited_for(receiver: Receiver) -> None:
    async with connected_to(receiver.hooks(body_seconds=0.05)) as connection:
        await connection.send(request(signed(BODY) | {"content-length": str(len(BODY))}), BODY[:10])
        assert await connection.status() == 408
        await connection.wait_closed()
    assert receiver.hints == []


async def test_a_sender_that_hangs_up_is_no_error_of_ours(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    async with connected_to(receiver.hooks()) as connection:
        await connection.send(request(signed(BODY) | {"content-length": str(len(BODY))}), BODY[:10])
        connection.writer.transport.abort()
    assert receiver.inbox.deliveries == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_delivery_is_remembered_also_by_the_next_process(store: PostgresStore) -> None:
    inbox, first, second = PostgresInbox(store.engine), Receiver(), Receiver()
    for receiver in (first, second):
        hooks = receiver.hooks(inbox=inbox)
        async with serving(app_with(hooks), LOOPBACK, 0) as port, httpx.AsyncClient() as client:
            headers = {name: value for name, value in signed(BODY).items() if value}
            answer = await client.post(f"http://{LOOPBACK}:{port}/hook", content=BODY, headers=headers)
            assert answer.status_code == 202
    assert (first.rung, second.rung) == (1, 0)
    assert [hint for _, hint in await inbox.waiting()] == [SEVEN]
