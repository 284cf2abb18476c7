import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tide.adapters.http_server import bound_socket, serving
from tide.domain.errors import TideError

PATIENCE = 10.0


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


async def get(port: int, host: str = "127.0.0.1") -> str:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        return (await client.get(f"http://{host}:{port}/")).text


def refused(host: str, port: int) -> str:
    with pytest.raises(TideError) as caught:
        bound_socket(host, port)
    return str(caught.value)


async def test_an_application_is_served_while_the_block_runs() -> None:
    async with serving(APP, "127.0.0.1", 0) as port:
        assert await get(port) == "hello"
        assert await get(port) == "hello"
    with pytest.raises(httpx.ConnectError):
        await get(port)


async def test_a_port_is_free_again_at_once() -> None:
    async with serving(APP, "127.0.0.1", 0) as port:
        await get(port)
    async with serving(APP, "127.0.0.1", port) as again:
        assert again == port
        assert await get(again) == "hello"


async def test_its_end_waits_for_no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tide.adapters.http_server._TICK_SECONDS", 3600.0)

    async def serve() -> None:
        async with serving(APP, "127.0.0.1", 0) as port:
            assert await get(port) == "hello"

    await asyncio.wait_for(serve(), PATIENCE)


async def test_several_are_served_beside_each_other() -> None:
    async with serving(APP, "127.0.0.1", 0) as one, serving(APP, "127.0.0.1", 0) as other:
        assert one != other
        assert [await get(one), await get(other)] == ["hello", "hello"]


async def test_without_a_host_every_address_is_served() -> None:
    async with serving(APP, "", 0) as port:
        assert await get(port) == "hello"
        if socket.has_dualstack_ipv6():
            assert await get(port, "[::1]") == "hello"


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
async def test_a_port_in_use_is_one_clear_line(host: str) -> None:
    async with serving(APP, "127.0.0.1", 0) as port:
        with pytest.raises(TideError) as caught:
            async with serving(APP, host, port):
                pass
    where = host or "any address"
    assert str(caught.value) == f"cannot listen on {where}, port {port}: Address already in use"


def test_an_address_that_is_not_ours_is_one_clear_line() -> None:
    assert refused("192.0.2.1", 0) == "cannot listen on 192.0.2.1, port 0: Cannot assign requested address"


@pytest.mark.parametrize("host", ["999.1.1.1", "no.such.host.invalid", "not a host", "a" * 300, "1:2:3"])
def test_what_is_no_address_is_one_clear_line(host: str) -> None:
    text = refused(host, 0)
    assert text.startswith(f"cannot listen on {host}, port 0: ")
    assert "\n" not in text
    assert "None" not in text


def test_the_socket_s_protocol_is_named_for_the_sake_of_small_answers() -> None:
    with bound_socket("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP


async def test_what_is_under_way_is_answered_before_the_end() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        asked.set()
        await answer.wait()
        return PlainTextResponse("at last")

    async def stop_while_asked() -> None:
        async with serving(Starlette(routes=[Route("/", slow)]), "127.0.0.1", 0) as port:
            requests.append(asyncio.create_task(get(port)))
            await asyncio.wait_for(asked.wait(), PATIENCE)
            asyncio.get_running_loop().call_soon(answer.set)

    requests: list[asyncio.Task[str]] = []
    await asyncio.wait_for(stop_while_asked(), PATIENCE)
    assert await requests[0] == "at last"


async def test_an_application_that_fails_answers_500_and_goes_on() -> None:
    async def broken(_request: Request) -> Response:
        raise ValueError("a slip")

    async with serving(Starlette(routes=[Route("/", hello), Route("/broken", broken)]), "127.0.0.1", 0) as port:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/broken")).status_code == 500
        assert await get(port) == "hello"


async def test_answers_are_streamed_as_they_come() -> None:
    more = asyncio.Event()

    async def parts() -> AsyncIterator[str]:
        yield "first"
        await more.wait()
        yield "second"

    async def stream(_request: Request) -> Response:
        return StreamingResponse(parts())

    async with (
        serving(Starlette(routes=[Route("/", stream)]), "127.0.0.1", 0) as port,
        httpx.AsyncClient(timeout=PATIENCE) as client,
        client.stream("GET", f"http://127.0.0.1:{port}/") as response,
    ):
        chunks = response.aiter_text()
        assert await anext(chunks) == "first"
        more.set()
        assert await anext(chunks) == "second"
