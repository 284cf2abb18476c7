"""The pages over a real database that takes a question and does not answer it."""

import asyncio
from datetime import timedelta

import httpx

from tests.bench.full_store import fill
from tests.integration.postgres.wire import wire_to
from tests.unit.web.kept import healthy, metrics_of
from tide.adapters.clock import SystemClock
from tide.adapters.postgres.engine import connected
from tide.adapters.postgres.views import PostgresViews
from tide.web.app import build_app
from tide.web.contact import Waits
from tide.web.last_known import LastKnown

HTML, JSON = {"accept": "text/html"}, {"accept": "application/json"}
HOUR = timedelta(hours=1)
PATIENT, HASTY = Waits(HOUR, HOUR, HOUR), Waits(timedelta(milliseconds=50), HOUR, HOUR)
PATHS = ("/", "/history", "/pool/acme/part-0/main", "/pull/acme/part-0/1")
GUARD = 120.0


async def test_while_a_database_says_nothing_all_are_told_what_is_known_and_nobody_that_it_is_dead(
    database_url: str,
) -> None:
    told: list[str] = []
    async with wire_to(database_url) as wire, connected(wire.url, connections=4) as engine:
        await fill(engine, pulls=8, pools=2, records=20)
        known = LastKnown(PostgresViews(engine), SystemClock(), told.append, waits=PATIENT)
        app = build_app(known, status=healthy, read_log=lambda _name: None, metrics=metrics_of(b""))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://tide.example") as client:
            before = {headers["accept"]: (await client.get("/", headers=headers)).text for headers in (HTML, JSON)}
            history = (await client.get("/history", headers=JSON)).json()
            assert len(history) == 2
            told.clear()
            wire.block()
            known.contact.waits = HASTY
            async with asyncio.timeout(GUARD):
                for _ in range(2):
                    for path in PATHS:
                        answer = await client.get(path, headers=HTML)
                        assert (answer.status_code, "age" in answer.headers) == (200, True), path
                        assert "What follows is as of" in answer.text
                    pools = await client.get("/", headers=JSON)
                    assert (pools.text, "age" in pools.headers) == (before["application/json"], True)
                    assert (await client.get("/history", headers=JSON)).json() == history
            assert told == []
            wire.free()
            known.contact.waits = PATIENT
            async with asyncio.timeout(GUARD):
                while "age" in (await client.get("/", headers=JSON)).headers:  # noqa: ASYNC110 - it rings no bell
                    await asyncio.sleep(0.05)
            assert set(told) == {""}
