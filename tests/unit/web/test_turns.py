"""How many answers are made and sent at once."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tide.web.bodies import PIECE, Body, SharedResponse
from tide.web.turns import InPieces, InTurn, Turns


def client_of(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tide.example")


class Making:
    """An application whose answers are made when they are let to."""

    def __init__(self, turns: Turns) -> None:
        self.may_end = asyncio.Event()
        self.begun: list[str] = []
        routes = [Route("/{name}", self.make, middleware=[Middleware(InTurn, turns)])]
        self.client = client_of(Starlette(routes=routes))

    async def make(self, request: Request) -> Response:
        self.begun.append(request.path_params["name"])
        await self.may_end.wait()
        return PlainTextResponse(request.path_params["name"])

    async def ask(self, *names: str) -> list[asyncio.Task[httpx.Response]]:
        asked = [asyncio.create_task(self.client.get(f"/{name}")) for name in names]
        for _ in range(50):
            await asyncio.sleep(0)
        return asked


async def test_so_many_are_made_at_once_and_the_others_after_them() -> None:
    making = Making(Turns(at_once=2))
    asked = await making.ask(*"abcd")
    assert making.begun == ["a", "b"]
    making.may_end.set()
    assert [(await answer).text for answer in asked] == ["a", "b", "c", "d"]


async def test_one_too_many_is_told_to_come_again() -> None:
    making = Making(Turns(at_once=1, waiting=1))
    asked = await making.ask("a", "b", "c")
    refused = await asked[2]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    making.may_end.set()
    assert [(await answer).status_code for answer in asked] == [200, 200, 503]


async def test_who_waits_too_long_is_told_to_come_again() -> None:
    making = Making(Turns(at_once=1, patience=0.01))
    asked = await making.ask("a", "b")
    assert (await asked[1]).status_code == 503
    making.may_end.set()
    assert (await asked[0]).text == "a"
    assert (await (await making.ask("c"))[0]).text == "c"


async def sent(app: Starlette, path: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> list[dict[str, object]]:
    """Give the messages of an answer."""
    messages: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        messages.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": list(headers), "query_string": b""}
    await app(scope, receive, send)
    return messages


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
async def test_a_big_body_is_sent_in_pieces(length: int) -> None:
    whole = bytes(number % 251 for number in range(length))

    async def answer(_request: Request) -> Response:
        return Response(whole)

    app = Starlette(routes=[Route("/", answer)], middleware=[Middleware(InPieces)])
    start, *bodies = await sent(app, "/")
    assert start["type"] == "http.response.start"
    pieces = [bytes(message["body"]) for message in bodies]  # type: ignore[call-overload] # a body is bytes
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) <= PIECE
    assert [message.get("more_body", False) for message in bodies] == [True] * (len(bodies) - 1) + [False]


async def test_a_big_body_that_has_no_room_beside_others_is_refused_and_small_ones_are_not() -> None:
    free = asyncio.Event()

    async def answer(request: Request) -> Response:
        return Response(b"x" * int(request.query_params["length"]))

    app = Starlette(routes=[Route("/", answer)], middleware=[Middleware(InPieces, most=3 * PIECE)])

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def never_read(_message: object) -> None:
        await free.wait()

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"length=%d" % (2 * PIECE)}
    slow = asyncio.create_task(app(scope, receive, never_read))
    await asyncio.sleep(0)
    async with client_of(app) as client:
        refused = await client.get(f"/?length={2 * PIECE}")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert (await client.get(f"/?length={PIECE}")).status_code == 200
        free.set()
        await slow
        assert len((await client.get(f"/?length={2 * PIECE}")).content) == 2 * PIECE


async def test_a_shared_body_is_sent_as_it_is_and_compressed() -> None:
    whole = b"of little meaning, " * 20_000
    body = Body.of(whole)

    async def answer(request: Request) -> Response:
        return SharedResponse(request, body, "text/plain", {"vary": "Accept"})

    async with client_of(Starlette(routes=[Route("/", answer)])) as client:
        plain = await client.get("/", headers={"accept-encoding": "identity"})
        compressed = await client.get("/", headers={"accept-encoding": "gzip"})
    assert plain.content == compressed.content == whole
    assert int(plain.headers["content-length"]) == len(whole)
    assert compressed.headers["content-encoding"] == "gzip"
    assert int(compressed.headers["content-length"]) < len(whole) / 10
    assert plain.headers["vary"] == compressed.headers["vary"] == "Accept, Accept-Encoding"
