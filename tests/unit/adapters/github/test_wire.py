import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.responses import JSONResponse, Response

from tests.unit.adapters.github.loopback import Connection, StillClock, bad_gateway, closed_port, ref, refused, serve
from tide.adapters.github.calls import CallKind
from tide.adapters.github.credentials import Grant
from tide.adapters.github.endpoints import REST_AFTER_FAILURE, Endpoints
from tide.adapters.github.host_clock import HostClock
from tide.adapters.github.limits import Budget, Governor, Pace
from tide.adapters.github.wire import BUDGET_NAME, EXPIRES_AT, Addresses, Request, Wire, headers_of, http_client
from tide.domain.actions import Target
from tide.domain.errors import Unavailable
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.outcomes import Merged

ROCKET, MAIN = RepoKey("acme", "rocket"), PoolKey("acme", "rocket", "main")
TARGET = Target(1, "abc")
GRANT = Grant(token="secret", owner="one", name="the token")
APP_GRANT = Grant(
    token="secret",
    owner="installation 7",
    name="the App",
    org="acme",
    expires_at=datetime(2026, 1, 2, 4, 5, 6, 789, tzinfo=UTC),
    budget_name="mergers - acme",
)


@asynccontextmanager
async def wire(connection: Connection, concurrency: int = 20) -> AsyncIterator[Wire]:
    timeout = timedelta(seconds=20)
    endpoints = Endpoints([connection.loopback.url], connection.clock)
    async with http_client(timeout) as http:
        yield Wire(
            http=http,
            addresses=Addresses(rest=endpoints, graphql=endpoints, request_timeout=timeout),
            clock=HostClock(connection.clock),
            governor=Governor(connection.clock, connection.clock.sleep, Pace(concurrency=concurrency)),
        )


async def test_the_next_address_is_asked_at_once_when_one_cannot_be_connected_to(connection: Connection) -> None:
    connection.loopback.reply(ref("main", "abc"), ref("main", "abc"))
    async with connection.github(endpoints=(closed_port(), connection.loopback.url)) as host:
        assert await host.branch_head(MAIN) == "abc"
        assert await host.branch_head(MAIN) == "abc"
        assert host.calls.counts[CallKind.REST_GET] == 2


async def test_a_merge_goes_to_the_next_address_when_it_cannot_have_been_sent(connection: Connection) -> None:
    connection.loopback.reply(JSONResponse({"sha": "def", "merged": True}))
    async with connection.github(endpoints=(closed_port(), connection.loopback.url)) as host:
        assert await host.merge(ROCKET, TARGET) == Merged("def")


async def test_a_merge_that_may_have_been_sent_is_not_sent_to_the_next_address(connection: Connection) -> None:
    async with serve() as other:
        connection.loopback.reply(None)
        async with connection.github(
            endpoints=(connection.loopback.url, other.url), request_timeout=timedelta(seconds=0.2)
        ) as host:
            with pytest.raises(Unavailable):
                await host.merge(ROCKET, TARGET)
        assert other.seen == []


async def test_a_read_without_an_answer_is_read_again_elsewhere(connection: Connection) -> None:
    async with serve() as other:
        connection.loopback.reply(None)
        other.reply(ref("main", "abc"))
        async with connection.github(
            endpoints=(connection.loopback.url, other.url), request_timeout=timedelta(seconds=0.2)
        ) as host:
            assert await host.branch_head(MAIN) == "abc"


async def test_a_proxy_behind_a_broken_gateway_is_passed_by_until_it_may_be_back(connection: Connection) -> None:
    async with serve() as other:
        connection.loopback.reply(bad_gateway(), ref("main", "fed"))
        other.reply(ref("main", "abc"), ref("main", "def"))
        async with connection.github(endpoints=(connection.loopback.url, other.url)) as host:
            assert await host.branch_head(MAIN) == "abc"
            assert await host.branch_head(MAIN) == "def"
            connection.clock.time += REST_AFTER_FAILURE
            assert await host.branch_head(MAIN) == "fed"


async def test_a_start_is_verified_past_a_broken_proxy(connection: Connection) -> None:
    async with serve() as other:
        connection.loopback.reply(bad_gateway(), JSONResponse({"data": {"rateLimit": {"cost": 1}, "viewer": {}}}))
        other.reply(JSONResponse({}))
        async with connection.github(endpoints=(connection.loopback.url, other.url)) as host:
            await host.verify()
        assert [seen.path for seen in other.seen] == ["/rate_limit"]


async def test_a_merge_that_a_proxy_may_have_passed_on_is_not_sent_to_the_next_address(connection: Connection) -> None:
    async with serve() as other:
        connection.loopback.reply(bad_gateway())
        async with connection.github(endpoints=(connection.loopback.url, other.url)) as host:
            with pytest.raises(Unavailable, match="502 Bad Gateway"):
                await host.merge(ROCKET, TARGET)
        assert other.seen == []


async def test_when_no_address_answers_the_first_one_is_named(connection: Connection) -> None:
    nowhere, neither = closed_port(), closed_port()
    async with connection.github(endpoints=(nowhere, neither)) as host:
        with pytest.raises(Unavailable, match=nowhere):
            await host.merge(ROCKET, TARGET)


def test_what_no_header_may_hold_is_written_otherwise() -> None:
    hostile = replace(APP_GRANT, budget_name="mergers - \u00fc\r\nX-Evil: 1")
    headers = headers_of(Request(method="GET", path="/"), hostile, "http://ghproxy")
    assert headers[BUDGET_NAME] == "mergers - %C3%BC%0D%0AX-Evil%3A 1"


def test_a_proxy_is_told_the_budget_and_when_the_token_is_over() -> None:
    headers = headers_of(Request(method="GET", path="/"), APP_GRANT, "http://ghproxy")
    assert headers[BUDGET_NAME] == "mergers - acme"
    assert headers[EXPIRES_AT] == "2026-01-02T04:05:06Z"


@pytest.mark.parametrize(
    ("grant", "base"),
    [
        (APP_GRANT, "https://api.github.com"),
        (APP_GRANT, "https://github.example.com/api/v3"),
        (GRANT, "http://ghproxy"),
    ],
)
def test_github_itself_is_not_told_nor_is_anything_told_of_a_lasting_token(grant: Grant, base: str) -> None:
    assert not {BUDGET_NAME, EXPIRES_AT} & set(headers_of(Request(method="GET", path="/"), grant, base))


async def test_requests_given_up_make_room_for_others(connection: Connection) -> None:
    async with wire(connection, concurrency=2) as sending:
        connection.loopback.reply(*[None] * 2)
        merging = Request(method="PUT", path="/merge", body={})
        waiting = [asyncio.create_task(sending.send(merging, GRANT)) for _ in range(4)]
        while len(connection.loopback.seen) < 2:
            connection.loopback.arrived.clear()
            await connection.loopback.arrived.wait()
        for one in waiting:
            one.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*waiting, return_exceptions=True)
        )
        connection.loopback.reply(*[Response("{}")] * 20)
        answers = await asyncio.gather(*(sending.send(merging, GRANT) for _ in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    # The two that waited for room were never sent.
    assert len(connection.loopback.seen) == 22


async def test_a_write_that_is_given_up_while_it_waits_for_its_turn_takes_none() -> None:
    clock, held, budget = StillClock(), asyncio.Event(), Budget("one", "rest")

    async def sleep_for_ever(_seconds: float) -> None:
        await held.wait()

    governor = Governor(clock, sleep_for_ever, Pace(write_spacing=timedelta(seconds=1)))
    await governor.admit_write(budget)
    second = asyncio.create_task(governor.admit_write(budget))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    clock.time += timedelta(seconds=1)
    await asyncio.wait_for(governor.admit_write(budget), 5)


async def test_a_deed_given_up_after_its_time_leaves_the_client_sound(connection: Connection) -> None:
    async with connection.github(pace=Pace(concurrency=1)) as host:
        for _ in range(3):
            connection.loopback.reply(None)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await host.merge(ROCKET, TARGET)
        connection.loopback.reply(ref("main", "abc"), JSONResponse({"sha": "def", "merged": True}))
        assert await host.branch_head(MAIN) == "abc"
        assert await host.merge(ROCKET, TARGET) == Merged("def")
        assert host.calls.counts[CallKind.REST_WRITE] == 4


async def test_two_failures_in_a_row_are_an_outage_until_anything_is_answered(connection: Connection) -> None:
    told: list[str] = []
    replies = (bad_gateway(), ref("main", "abc"), bad_gateway(), bad_gateway(), refused(404, "Not Found"))
    connection.loopback.reply(*replies)
    async with wire(connection) as sending:
        sending.contact.on_outage = told.append
        for _ in replies:
            await sending.send(Request(method="GET", path="/meta"), GRANT)
    assert told == [f"GET {connection.loopback.url}/meta: HTTP 502", ""]


async def test_silence_is_told_before_it_is_given_up(connection: Connection) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    connection.loopback.reply(None, ref("main", "abc"))
    async with wire(connection) as sending:
        sending.contact.on_outage, sending.contact.patience = told.put_nowait, 0.05
        waiting = asyncio.create_task(sending.send(Request(method="GET", path="/meta"), GRANT))
        assert await told.get() == f"GET {connection.loopback.url}/meta: no answer for 0.05 s"
        await sending.send(Request(method="GET", path="/meta"), GRANT)
        assert await told.get() == ""
        waiting.cancel()
