"""The web application over its ASGI door, read by a real HTTP client library."""

import html
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from tests.builders import NOW, make_pull, sha
from tests.unit.web.kept import (
    ORBIT,
    ROCKET,
    RUN,
    KeptViews,
    StandingClock,
    app_over,
    busy_morning,
    healthy,
    metrics_of,
)
from tide.domain.decisions import Place, Requirement, Verdict, VerdictKind
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Blocker, Context, ContextState
from tide.domain.records import HistoryRecord, HistoryTarget, PoolView, PullRecord
from tide.domain.rules import Query
from tide.domain.runs import RunKind, RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.web.probes import build_health_app, build_metrics_app
from tide.web.status import Awaited, DaemonStatus, Outage, Role, RoleKind, System

HTML = {"accept": "text/html"}
HOSTILE = '"><script>alert(1)</script>\x1b[31m\u202e'


def client_of(views: KeptViews, status: DaemonStatus | None = None, log: bytes | None = None) -> httpx.AsyncClient:
    return client_over(app_over(views, status, log))


def client_over(app: Starlette) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://tide.example")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(busy_morning(), log=b"\x1b[31mred\n<script>") as client:
        yield client


@pytest.mark.parametrize(("path", "kind"), [("/", list), ("/history", dict)])
async def test_one_address_serves_people_and_deck(client: httpx.AsyncClient, path: str, kind: type) -> None:
    page, document = await client.get(path, headers=HTML), await client.get(path, headers={"accept": "*/*"})
    assert page.headers["content-type"].startswith("text/html")
    assert document.headers["content-type"] == "application/json"
    assert isinstance(document.json(), kind)
    assert {page.headers["vary"].split(",")[0], document.headers["vary"].split(",")[0]} == {"Accept"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?q=alice",
        "/?q=nothing-has-this",
        "/history",
        "/history?pool=acme/rocket:main",
        "/decisions",
        "/decisions?limit=1",
        "/pool/acme/rocket/main",
        "/pool/acme/rocket/release/1.4",
        "/pull/acme/rocket/399",
        "/pull/acme/rocket/425",
    ],
)
async def test_every_page_is_there_and_guarded(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == 200
    assert "<h1" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'; ")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/pools", "/static/page.css", f"/runs/{RUN}/log"])
async def test_head_answers_like_get_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/pool/acme/rocket/gone",
        "/pool/acme/rocket/nul%00",
        "/pull/acme/rocket/1",
        "/pull/acme/rocket/0",
        "/pull/acme/rocket/99999999999",
        "/runs/not-a-uuid/log",
        "/runs/6f1d2f5a-0b0e-5c36-9a55-6a2f6a1e7cff/log",
        "/runs/..%2f..%2fetc%2fpasswd/log",
        "/static/../app.py",
        "/static/nothing.css",
        "/api/v1/nothing",
        "/api/v1/pools/acme/rocket/gone",
        "/api/v1/pulls/acme/rocket/x",
    ],
)
async def test_what_is_not_there_is_told_in_the_form_asked_for(client: httpx.AsyncClient, path: str) -> None:
    document, page = await client.get(path), await client.get(path, headers=HTML)
    assert document.status_code == page.status_code == 404
    assert list(document.json()) == ["error"]
    assert "<h1>Not Found</h1>" in page.text


async def test_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert list(answer.json()) == ["error"]
    assert "<h1>Method Not Allowed</h1>" in (await client.delete("/history", headers=HTML)).text


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/decisions?limit=x",
        "/api/v1/decisions?cursor=-1",
        "/api/v1/history?limit=0",
        "/api/v1/history?cursor=7",
        "/api/v1/history?cursor=999999999999999999.1",
        "/api/v1/history?repo=acme",
        "/api/v1/history?pull=seven",
        "/api/v1/history?state=odd",
        "/api/v1/history?author=%00",
        "/api/v1/batches?pool=nonsense",
        "/decisions?cursor=" + "9" * 5000,
    ],
)
async def test_nonsense_in_the_query_string_is_a_bad_request(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 400
    assert "nonsense" not in answer.text


async def test_what_a_request_says_is_not_said_back(client: httpx.AsyncClient) -> None:
    for headers in (HTML, {}):
        answer = await client.get("/<script>evil()</script>", headers=headers)
        assert "evil" not in answer.text


async def test_a_search_is_shown_back_escaped(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", params={"q": HOSTILE}, headers=HTML)
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text


async def test_a_search_for_one_pull_request_leads_to_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", params={"q": "acme/rocket#399"}, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/pull/acme/rocket/399")


@pytest.mark.parametrize(
    "search",
    [
        "https://github.com/acme/rocket/pull/399",
        "github.com/acme/rocket/pull/399/files#diff-1",
        "http://tide.example/pull/acme/rocket/399",
        "#399",
    ],
)
async def test_a_search_by_address_or_number_leads_there_too(client: httpx.AsyncClient, search: str) -> None:
    answer = await client.get("/", params={"q": search}, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/pull/acme/rocket/399")


async def test_a_number_that_several_have_shows_them_all_and_no_other() -> None:
    views = busy_morning()
    others = [make_pull(399, key=PullKey("acme", "docs", 399), is_open=False), make_pull(3990, title="Not this one")]
    views.pull_records += [PullRecord(pull, None, NOW) for pull in others]
    async with client_of(views) as client:
        found = (await client.get("/", params={"q": "#399"}, headers=HTML)).text
        nothing = (await client.get("/", params={"q": "#5"}, headers=HTML)).text
    assert 'href="/pull/acme/rocket/399"' in found
    assert 'href="/pull/acme/docs/399"' in found
    assert "Not this one" not in found
    assert "Nothing found" in nothing


async def test_a_search_shows_what_it_finds_also_outside_the_pool(client: httpx.AsyncClient) -> None:
    text = (await client.get("/?q=methane", headers=HTML)).text
    assert "Experimental: methane engines" in text
    assert "Draw the ground track" not in text


async def test_the_name_of_a_branch_stays_in_one_piece_unless_it_is_long(client: httpx.AsyncClient) -> None:
    page = (await client.get("/pool/acme/rocket/release/1.4", headers=HTML)).text
    assert '<span class="branch nowrap"><bdi>release/1.4</bdi></span>' in page


async def test_nothing_that_strangers_write_becomes_markup() -> None:
    pull = make_pull(
        7,
        title=HOSTILE,
        author=HOSTILE,
        labels=(HOSTILE,),
        milestone=HOSTILE,
        head_branch=HOSTILE,
        contexts=(Context(HOSTILE, ContextState.FAILURE, HOSTILE, target_url="javascript:alert(1)"),),
    )
    verdict = Verdict(
        pull.key,
        pull.head_sha,
        VerdictKind.BLOCKED,
        Place.OUTSIDE,
        HOSTILE,
        (Requirement(HOSTILE, met=False, detail=HOSTILE),),
        (HOSTILE,),
    )
    view = PoolView(
        ROCKET,
        sha("base"),
        HOSTILE,
        HOSTILE,
        passing=(pull,),
        outside=(pull,),
        batch_pending=(pull,),
        target=(pull,),
        verdicts=(verdict,),
        blockers=(Blocker(1, HOSTILE, "javascript:alert(1)"),),
        error=HOSTILE,
    )
    status = healthy(
        role=Role(RoleKind.STANDBY, HOSTILE),
        outages=(Outage(System.GITHUB, HOSTILE, NOW),),
        config_problems=(HOSTILE,),
        cautions=(HOSTILE,),
    )
    async with client_of(KeptViews([view], [PullRecord(pull, verdict, NOW)]), status) as client:
        for path in ("/", "/pool/acme/rocket/main", "/pull/acme/rocket/7"):
            text = (await client.get(path, headers=HTML)).text
            assert "&lt;script&gt;" in text
            assert "<script>" not in text
            assert 'href="javascript:' not in text
        assert b"<script>" not in (await client.get("/")).content


QUERIES = (
    Query(0, repos=("acme/rocket",), labels=("lgtm",), included_branches=("main",)),
    Query(1, orgs=("umbra",), labels=("lgtm",)),
)


async def test_a_queue_without_queries_says_that_nothing_will_merge() -> None:
    async with client_of(KeptViews()) as client:
        text = (await client.get("/", headers=HTML)).text
        assert "Nothing will ever merge" in text
        assert "tide.queries" in text
        assert (await client.get("/")).content == b"[]"
        assert (await client.get("/history")).content == b"{}"


async def test_an_idle_queue_is_no_new_installation() -> None:
    async with client_of(KeptViews(), healthy(queries=QUERIES[1:])) as client:
        text = (await client.get("/", headers=HTML)).text
        assert (await client.get("/")).content == b"[]"
    assert "Nothing is waiting" in text
    assert "umbra" in text
    assert "check-config" not in text


async def test_pools_that_are_configured_stay_without_pull_requests() -> None:
    async with client_of(KeptViews(), healthy(queries=QUERIES)) as client:
        front = (await client.get("/", headers=HTML)).text
        assert 'href="/pool/acme/rocket/main"' in front
        for pool in ("acme/rocket/main", "umbra/engine/release/1.4"):
            page, document = await client.get(f"/pool/{pool}", headers=HTML), await client.get(f"/api/v1/pools/{pool}")
            assert page.status_code == document.status_code == 200
            assert "No open pull request meets a query." in page.text
            assert document.json()["passing"] == []
        assert (await client.get("/pool/acme/rocket/dev", headers=HTML)).status_code == 404
        assert (await client.get("/")).content == b"[]"


async def test_names_in_another_case_lead_to_what_github_takes_them_for() -> None:
    async with client_of(busy_morning(), healthy(queries=QUERIES)) as client:
        for path in ("pool{}/acme/rocket/main", "pull{}/acme/rocket/399"):
            asked = path.replace("acme/rocket", "ACME/Rocket")
            for page in (path, asked):
                answer = await client.get(f"/{page.format('')}", headers=HTML)
                assert (answer.status_code, "methane engines" in answer.text) == (200, True), page
            documents = [await client.get(f"/api/v1/{one.format('s')}") for one in (path, asked)]
            assert documents[0].json() == documents[1].json()


async def test_what_needs_a_human_comes_first_with_what_helps() -> None:
    requirement = Requirement("pool", met=False, detail="The queue is paused in its configuration.")
    pulls = [make_pull(number, key=PullKey("acme", "zebra", number)) for number in (1, 2)]
    paused = PoolView(
        PoolKey("acme", "zebra", "main"),
        sha("zebra"),
        "WAIT",
        requirement.detail,
        outside=tuple(pulls),
        verdicts=tuple(
            Verdict(
                pull.key,
                pull.head_sha,
                VerdictKind.WAITING,
                Place.OUTSIDE,
                requirement.detail,
                (requirement,),
                ("Set `paused` to false.", f"Add label {pull.number}."),
            )
            for pull in pulls
        ),
        synced_at=NOW,
    )
    views = busy_morning()
    views.pool_views.append(paused)
    frozen_at_rest = PoolView.at_rest(PoolKey("acme", "yak", "main"), Standing(StandingKind.FROZEN, "gone", since=NOW))
    views.pool_views.append(frozen_at_rest)
    async with client_of(views) as client:
        page = (await client.get("/", headers=HTML)).text
    quiet = page.partition("<h2>Quiet</h2>")[2].partition("</section>")[0]
    assert "zebra" not in quiet
    assert "yak" not in quiet
    assert "docs" in quiet
    order = re.findall(r'<article class="pool" id="pool-([^"]+)"', page)
    assert set(order[-1:]) == {"acme-rocket-main"}
    assert {"acme-zebra-main", "acme-yak-main", "acme-rocket-release/1.4"} <= set(order[:-1])
    assert "Set <code>paused</code> to false." in page
    assert "Add label" not in page
    assert "<code>tide unfreeze acme/yak:main</code>" in page


async def test_before_anybody_has_looked_nothing_is_told() -> None:
    starting = replace(healthy(), last_syncs={})
    async with client_of(KeptViews(is_searched=False), starting) as client:
        for path in ("/", "/api/v1/pools"):
            answer = await client.get(path)
            assert (answer.status_code, list(answer.json())) == (503, ["error"])
            assert answer.headers["retry-after"]
        page = await client.get("/", headers=HTML)
        pool = await client.get("/pool/acme/rocket/main", headers=HTML)
    for answer in (page, pool):
        assert answer.status_code == 503
        assert "<h1>Starting</h1>" in answer.text
        assert "Back to the pools" not in answer.text
        assert "Service Unavailable" not in answer.text


async def test_a_start_without_a_database_is_a_start() -> None:
    waiting = Awaited("the database has not been reached yet", "Postgres has to run.", system=System.DATABASE)
    async with client_of(KeptViews(is_broken=True), healthy(awaited=(waiting,), last_syncs={})) as client:
        page = await client.get("/", headers=HTML)
    assert page.status_code == 503
    assert "<h1>Starting</h1>" in page.text
    assert "Postgres has to run." in page.text


async def test_troubles_are_announced_with_the_last_known_state() -> None:
    status = healthy(
        role=Role(RoleKind.DRY_RUN),
        outages=(Outage(System.GITHUB, "HTTP 502", NOW - timedelta(minutes=3)),),
        config_problems=("jobs.yaml:3: bad",),
    )
    async with client_of(busy_morning(), status) as client:
        text = (await client.get("/", headers=HTML)).text
    for said in ("GitHub does not answer", "HTTP 502", "3 min ago", "jobs.yaml:3: bad", "Dry run", "acme/rocket"):
        assert said in text


async def test_a_lost_database_is_told_without_its_address() -> None:
    async with client_of(KeptViews(is_broken=True)) as client:
        document, page = await client.get("/"), await client.get("/", headers=HTML)
    assert document.status_code == page.status_code == 503
    assert "hunter2" not in document.text + page.text
    assert document.headers["retry-after"] == page.headers["retry-after"]
    assert "database does not answer" in page.text
    assert "database does not answer" in document.json()["error"]


PATHS_THAT_OUTLIVE_THE_DATABASE = (
    "/",
    "/?q=alice",
    "/history",
    "/history?pool=acme/rocket:main",
    "/pool/acme/rocket/main",
    "/pull/acme/rocket/425",
)


async def test_while_the_database_is_lost_pages_show_the_last_known_state_with_its_age() -> None:
    views, clock = busy_morning(), StandingClock()
    async with client_over(app_over(views, clock=clock)) as client:
        await client.get("/", headers=HTML)
        views.is_broken, clock.moment = True, NOW + timedelta(minutes=4)
        for path in PATHS_THAT_OUTLIVE_THE_DATABASE:
            answer = await client.get(path, headers=HTML)
            assert answer.status_code == 200, path
            assert answer.headers["age"] == "240"
            assert "03:04:05 UTC, 4 min ago" in answer.text
        views.is_broken = False
        answer = await client.get("/", headers=HTML)
    assert "age" not in answer.headers
    assert "as of" not in answer.text


async def test_while_the_database_is_lost_programs_get_the_last_known_state_in_the_same_form() -> None:
    views, clock = busy_morning(), StandingClock()
    paths = ("/", "/history", "/api/v1/pools", "/api/v1/history", "/api/v1/pools/acme/rocket/main", "/api/v1/batches")
    async with client_over(app_over(views, clock=clock)) as client:
        fresh = {path: (await client.get(path)).json() for path in paths}
        views.is_broken, clock.moment = True, NOW + timedelta(minutes=4)
        old = {path: await client.get(path) for path in paths}
        refused = await client.get("/api/v1/decisions")
    for path, answer in old.items():
        assert answer.headers["age"] == "240"
        assert answer.headers["warning"].startswith("110 tide ")
        if path != "/":
            assert answer.json() == fresh[path]
    errors = [pool.pop("Error") for pool in old["/"].json() + fresh["/"]]
    assert [pool.keys() for pool in old["/"].json()] == [{"Error", *pool.keys()} for pool in fresh["/"]]
    assert ["2026-01-02 03:04:05 UTC" in error for error in errors] == [True] * 3 + [False] * 3
    assert (refused.status_code, list(refused.json())) == (503, ["error"])


async def test_a_page_that_is_kept_shows_ages_as_of_now() -> None:
    views, clock = busy_morning(), StandingClock()
    async with client_over(app_over(views, clock=clock)) as client:
        first = (await client.get("/", headers=HTML)).text
        again = (await client.get("/", headers=HTML)).text
        clock.moment = NOW + timedelta(minutes=4)
        later = (await client.get("/", headers=HTML)).text
    assert again == first
    assert "\0" not in first + later
    ages = [re.findall(r"<time[^>]*>([^<]*)</time>", text) for text in (first, later)]
    assert "12 s ago" in ages[0]
    assert "12 s ago" not in ages[1]
    assert "4 min ago" in ages[1]
    spans = [re.findall(r'<span class="muted"> pending ([^<]*)</span>', text) for text in (first, later)]
    assert spans[0] != spans[1]
    assert len(spans[0]) == len(spans[1]) > 0


async def test_what_changes_is_shown_at_once_beside_what_is_kept() -> None:
    views = busy_morning()
    async with client_over(app_over(views)) as client:
        before = {path: (await client.get(path)).json() for path in ("/", "/api/v1/pools")}
        page = (await client.get("/", headers=HTML)).text
        place = next(place for place, view in enumerate(views.pool_views) if view.pool == ROCKET)
        views.pool_views[place] = replace(views.pool_views[place], reason="Something else holds it up.")
        after = {path: (await client.get(path)).json() for path in ("/", "/api/v1/pools")}
        changed = (await client.get("/", headers=HTML)).text
        views.records.append(HistoryRecord(ROCKET, NOW, "MERGE", sha("base"), (), reason="A new one."))
        assert "A new one." in (await client.get("/", headers=HTML)).text
    assert "Something else holds it up." in changed
    assert "Something else holds it up." not in page
    assert before["/"] == after["/"]  # Tide does not tell reasons
    items = [answer["/api/v1/pools"]["items"] for answer in (before, after)]
    assert [one == other for one, other in zip(*items, strict=True)].count(False) == 1


async def test_a_standby_tells_who_leads_and_when_that_one_last_synced() -> None:
    status = healthy(role=Role(RoleKind.STANDBY, "tide-0", NOW), last_syncs={})
    async with client_of(busy_morning(), status) as client:
        text = (await client.get("/", headers=HTML)).text
        assert (await client.get("/readyz")).status_code == 200
    assert "tide-0 leads" in text
    assert "Synced" in text


async def test_an_error_of_ours_is_told_without_its_cause() -> None:
    async with client_of(KeptViews(runs=[None])) as client:  # type: ignore[list-item] # what no store gives
        page = await client.get("/", headers=HTML)
    assert page.status_code == 500
    assert "NoneType" not in page.text
    assert "The log of tide says what" in page.text


async def test_a_log_is_plain_text_whatever_it_holds(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/runs/{RUN}/log", headers=HTML)
    assert answer.content == b"\x1b[31mred\n<script>"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_health_tells_life_from_readiness() -> None:
    starting = DaemonStatus("0.1.0", timedelta(minutes=1), role=Role(RoleKind.LEADER))
    async with client_of(KeptViews(is_broken=True), starting) as client:
        assert (await client.get("/healthz")).text == "ok"
        ready = await client.get("/readyz")
    assert (ready.status_code, ready.text) == (503, "the first sync has not ended")
    async with client_of(KeptViews()) as client:
        assert (await client.get("/readyz")).status_code == 200


async def test_who_is_shut_out_for_good_is_not_alive() -> None:
    shut_out = replace(healthy(), shut_out="refused for 10 minutes")
    async with client_of(KeptViews(), shut_out) as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.text) == (503, "Kubernetes: refused for 10 minutes")
        assert (await client.get("/readyz")).status_code == 200


async def test_health_and_metrics_have_ports_of_their_own() -> None:
    for app, paths in (
        (build_health_app(healthy, metrics_of(b"")), ("/healthz", "/healthz/ready")),
        (build_metrics_app(healthy, metrics_of(b"x 1\n")), ("/metrics",)),
    ):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tide.example") as client:
            assert [(await client.get(path)).status_code for path in paths] == [200] * len(paths)


async def test_metrics_are_served_without_a_detour(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert (answer.status_code, answer.text) == (200, "tide_up 1\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"


async def test_the_api_tells_pools(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/v1/pools")).json()
    assert list(document) == ["items", "next"]
    rocket = next(item for item in document["items"] if item["branch"] == "main" and item["repo"] == "rocket")
    assert rocket["batch_pending"] == [412, 418, 421, 423]
    assert rocket["synced_at"] == "2026-01-02T03:03:53Z"
    assert rocket["passing"][0] == {
        "number": 409,
        "title": "Cache star catalogue lookups between frames",
        "author": "erin",
        "head_sha": sha(409),
        "updated_at": "2026-01-02T02:04:05Z",
        "verdict": "in_pool",
        "summary": "It passes; it merges after the running batch.",
        "position": 1,
    }
    assert (await client.get("/api/v1/pools/acme/rocket/main")).json() == rocket
    frozen = (await client.get("/api/v1/pools/acme/rocket/release/1.4")).json()
    assert frozen["standing"]["kind"] == "frozen"


async def test_the_api_explains_a_pull_request(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/v1/pulls/acme/rocket/399")).json()
    assert (document["pull"], document["verdict"], document["position"]) == ("acme/rocket#399", "blocked", None)
    assert [item["met"] for item in document["requirements"]].count(False) == 2
    assert document["contexts"][0]["state"] == "SUCCESS"
    assert document["read_at"] == "2026-01-02T03:03:25Z"


async def test_decisions_are_paged_by_cursor(client: httpx.AsyncClient) -> None:
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (
            await client.get("/api/v1/decisions", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == [7, 6, 5]


@pytest.mark.parametrize("wanted", [{}, {"repo": "acme/rocket"}, {"pool": "acme/rocket:main", "state": "success"}])
async def test_history_is_paged_by_cursor(client: httpx.AsyncClient, wanted: dict[str, str]) -> None:
    whole = (await client.get("/api/v1/history", params=wanted)).json()
    assert whole["next"] is None
    seen: list[dict[str, object]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/api/v1/history", params={**wanted, "limit": "1", "cursor": cursor})).json()
        seen += page["items"]
        cursor = page["next"]
    assert seen == whole["items"]
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("wanted", "others"),
    [
        ({"repo": "acme/orbit"}, {"repo": "acme/rocket"}),
        ({"branch": "main"}, {"branch": "release/1.4"}),
        ({"pull": "409"}, {"pull": "9999"}),
        ({"author": "erin"}, {"author": "nobody"}),
        ({"action": "MERGE"}, {"action": "TRIGGER"}),
        ({"action": "merge"}, {"action": "trigger"}),
        ({"state": "success"}, {"state": "failure"}),
    ],
)
async def test_history_is_narrowed_as_decks_page_narrows_it(wanted: dict[str, str], others: dict[str, str]) -> None:
    target = HistoryTarget(409, "erin", sha(409), "Cache lookups", "cache")
    record = HistoryRecord(ORBIT, NOW, "MERGE", sha("base"), (target,), reason="It passes.")
    async with client_of(KeptViews(records=[record])) as client:
        assert len((await client.get("/api/v1/history", params=wanted)).json()["items"]) == 1
        assert (await client.get("/api/v1/history", params=others)).json() == {"items": [], "next": None}
        page, empty = [await client.get("/history", params=params, headers=HTML) for params in (wanted, others)]
    assert "It passes." in page.text
    assert "Nothing of that kind has been done." in empty.text


async def test_the_page_of_history_leads_to_the_older_ones_of_the_same_kind(client: httpx.AsyncClient) -> None:
    address, seen = "/history?repo=acme%2Frocket&limit=1", list[str]()
    while address:
        page = (await client.get(address, headers=HTML)).text
        seen += re.findall(r'<time datetime="([^"]+)"', page.partition('data-key="records">')[2])
        older = re.search(r'href="(/history\?[^"]+)">Older', page)
        address = html.unescape(older[1]) if older else ""
        assert 'value="acme/rocket"' in page
    items = (await client.get("/api/v1/history?repo=acme/rocket")).json()["items"]
    assert seen == [item["time"] for item in items]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"pull": "seven", "author": "erin"}, "pull is not a positive number."),
        ({"repo": "acme", "branch": "main"}, "repo is not of the form org/repo."),
        ({"state": "odd", "action": "MERGE"}, "state is neither success nor failure."),
        ({"action": "odd"}, "action is none of BATCH_FAILED, MERGE, MERGE_BATCH, TEST_FAILED, TRIGGER, TRIGGER_BATCH."),
    ],
)
async def test_a_wrong_filter_is_told_beside_the_form_as_it_was_filled_in(
    client: httpx.AsyncClient, asked: dict[str, str], said: str
) -> None:
    answer = await client.get("/history", params=asked, headers=HTML)
    assert answer.status_code == 400
    assert said in answer.text
    for value in asked.values():
        assert f'value="{value}"' in answer.text or value == "odd"
    assert "Last actions" not in answer.text


async def test_failed_jobs_and_batches_lead_to_their_logs() -> None:
    views = busy_morning()
    oldest = views.kept_batches[-1]
    failed = replace(
        views.runs[0],
        name="11111111-0b0e-5c36-9a55-6a2f6a1e7c01",
        context="unit",
        base_sha=oldest.base_sha,
        heads=oldest.members,
        state=RunState.FAILURE,
        url="/runs/11111111-0b0e-5c36-9a55-6a2f6a1e7c01/log",
    )
    held = next(one.pull for one in views.pull_records if one.pull.number == 399)
    alone = replace(failed, kind=RunKind.PRESUBMIT, heads=((399, held.head_sha),), context="lint", url="/runs/b/log")
    views.runs += [failed, alone]
    targets = tuple(HistoryTarget(number, "x", head, "t", "b") for number, head in oldest.members)
    record = HistoryRecord(ROCKET, NOW, "TRIGGER_BATCH", oldest.base_sha, targets, reason="They are ready.", id=9)
    views.records.append(record)
    views.records.append(replace(record, action="MERGE_BATCH", reason="A merge has no tests.", id=10))
    async with client_of(views) as client:
        pages = {
            path: (await client.get(path, headers=HTML)).text
            for path in ("/", "/history", "/pool/acme/rocket/main", "/pull/acme/rocket/399")
        }
        history = (await client.get("/api/v1/history")).json()["items"]
        explained = (await client.get("/api/v1/pulls/acme/rocket/399")).json()
    for path in ("/", "/history", "/pool/acme/rocket/main"):
        assert f'href="{failed.url}"' in pages[path], path
    assert pages["/history"].count(f'href="{failed.url}"') == 1
    # The status of lint has no address of its own.
    assert pages["/pull/acme/rocket/399"].count('href="/runs/b/log"') == 2
    assert [run["url"] for run in explained["runs"]] == ["/runs/b/log"]
    assert [[run["state"] for run in item["runs"]] for item in history if item["reason"] == "They are ready."] == [
        ["failure"]
    ]


async def test_a_filter_is_shown_as_text_whatever_it_holds(client: httpx.AsyncClient) -> None:
    page = await client.get("/history", params={"author": '"><script>alert(1)</script>'}, headers=HTML)
    assert "<script>alert" not in page.text
    assert "Nothing of that kind has been done." in page.text


async def test_lists_can_be_narrowed_to_a_pool(client: httpx.AsyncClient) -> None:
    for name, count in (("batches", 0), ("decisions", 1), ("history", 1)):
        document = (await client.get(f"/api/v1/{name}", params={"pool": "acme/orbit:main"})).json()
        assert len(document["items"]) == count
    batch = (await client.get("/api/v1/batches?limit=1")).json()["items"][0]
    assert (batch["state"], len(batch["members"]), batch["created_at"]) == ("testing", 4, "2026-01-02T03:00:05Z")


async def test_a_title_in_any_script_arrives_whole() -> None:
    pull = make_pull(7, title="修复 ракета 🚀")
    view = replace(PoolView(ROCKET, sha("base"), "WAIT", ""), missing=(pull,))
    async with client_of(KeptViews([view])) as client:
        assert json.loads((await client.get("/")).content)[0]["MissingPRs"][0]["Title"] == pull.title
        assert pull.title in (await client.get("/", headers=HTML)).text


async def test_every_link_on_every_page_leads_somewhere(client: httpx.AsyncClient) -> None:
    seen, open_ = set[str](), {"/"}
    while open_:
        path = open_.pop()
        seen.add(path)
        answer = await client.get(path, headers=HTML)
        assert answer.status_code in {200, 303} or path.startswith(("/runs/", "/pull/")), path
        if answer.headers["content-type"].startswith("text/html"):
            found = {html.unescape(href) for href in re.findall(r' (?:href|src|action)="(/[^"]*)"', answer.text)}
            open_ |= {href for href in found if href not in seen}
    assert {"/history", "/decisions", "/metrics", "/api/v1/pools", "/static/live.js"} <= seen
