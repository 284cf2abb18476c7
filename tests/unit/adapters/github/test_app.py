import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.app_keys import claims, pem, rsa_key
from tests.unit.adapters.github import nodes
from tests.unit.adapters.github.loopback import NOW, Connection, Seen, bad_gateway, ref, refused
from tide.adapters.github.app_key import AppIdentity
from tide.adapters.github.calls import CallKind
from tide.adapters.github.wire import BUDGET_NAME, EXPIRES_AT
from tide.domain.errors import Unauthorized, Unavailable
from tide.domain.keys import PoolKey, PullKey
from tide.ports.code_host import PartlyRead

ROCKET, ENGINE = PoolKey("acme", "rocket", "main"), PoolKey("umbra", "engine", "main")
_TOKENS = re.compile(r"/app/installations/(\d+)/access_tokens")


@dataclass
class AppGitHub:
    """GitHub as far as an App goes: `installed` says where and under which number."""

    now: Callable[[], datetime]
    installed: dict[str, int] = field(default_factory=lambda: {"acme": 1, "umbra": 2})
    slug: str = "mergers"
    broken: dict[int, Response] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    shown: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, Response] = field(default_factory=dict)

    def __call__(self, seen: Seen) -> Response:
        self.asked[f"{seen.method} {seen.path}"] += 1
        shown = seen.headers["authorization"].removeprefix("Bearer ")
        if not seen.path.startswith("/app"):
            self.shown.append((seen.path, shown))
            return self.answers.get(seen.path) or ref("main", shown)
        assert claims(shown, rsa_key())["iss"] == "7"
        if made := _TOKENS.fullmatch(seen.path):
            return self._new_token(int(made[1]))
        return JSONResponse(
            [
                {"id": number, "account": {"login": org}, "app_slug": self.slug, "suspended_at": None}
                for org, number in self.installed.items()
            ]
        )

    def _new_token(self, number: int) -> Response:
        if number in self.broken:
            return self.broken[number]
        if number not in self.installed.values():
            return refused(404, "Not Found")
        count = self.asked[f"POST /app/installations/{number}/access_tokens"]
        ends = f"{self.now() + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        return JSONResponse({"token": f"ghs_{number}_{count}", "expires_at": ends, "permissions": {}}, 201)

    @property
    def new_tokens(self) -> dict[int, int]:
        """How many were asked for, for each installation."""
        found = {_TOKENS.search(asked): count for asked, count in self.asked.items()}
        return {int(made[1]): count for made, count in found.items() if made}


@pytest.fixture
def app(tmp_path: Path) -> AppIdentity:
    path = tmp_path / "app.pem"
    path.write_text(pem(rsa_key()))
    return AppIdentity("7", path)


@pytest.fixture
def forge(connection: Connection) -> AppGitHub:
    made = AppGitHub(connection.clock.now)
    connection.loopback.otherwise = made
    return made


async def test_each_organisation_is_spoken_to_with_its_own_token(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    async with connection.github(app=app) as host:
        assert await host.branch_head(ROCKET) == "ghs_1_1"
        assert await host.branch_head(ENGINE) == "ghs_2_1"
        assert await host.branch_head(ROCKET) == "ghs_1_1"
        assert await host.token_for("umbra") == "ghs_2_1"
        assert host.calls.counts == {CallKind.REST_GET: 4, CallKind.REST_WRITE: 2}
    assert forge.asked["GET /app/installations"] == 1


async def test_names_of_organisations_know_no_case(connection: Connection, forge: AppGitHub, app: AppIdentity) -> None:
    async with connection.github(app=app) as host:
        assert await host.token_for("Acme") == await host.token_for("acme") == "ghs_1_1"
    assert forge.new_tokens == {1: 1}


async def test_every_token_is_told_before_it_is_used(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    told: list[str] = []
    async with connection.github(app=app, hide=told.append) as host:
        await host.branch_head(ROCKET)
        await host.branch_head(ENGINE)
    assert told == ["ghs_1_1", "ghs_2_1"]
    assert [token for _, token in forge.shown] == told


async def test_a_token_is_renewed_before_it_ends(connection: Connection, forge: AppGitHub, app: AppIdentity) -> None:
    async with connection.github(app=app) as host:
        assert await host.token_for("acme") == "ghs_1_1"
        connection.clock.time += timedelta(minutes=49)
        assert await host.token_for("acme") == "ghs_1_1"
        connection.clock.time += timedelta(minutes=2)
        assert await host.token_for("acme") == "ghs_1_2"
    assert forge.new_tokens == {1: 2}


async def test_many_requests_at_once_renew_a_token_once(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    async with connection.github(app=app) as host:
        tokens = await asyncio.gather(*(host.token_for("acme") for _ in range(20)))
    assert set(tokens) == {"ghs_1_1"}
    assert forge.asked == {"GET /app/installations": 1, "POST /app/installations/1/access_tokens": 1}


async def test_a_token_that_lasts_is_used_while_a_new_one_is_waited_for(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    async with connection.github(app=app) as host:
        await host.token_for("acme")
        connection.clock.time += timedelta(minutes=55)
        connection.loopback.reply(None)
        connection.loopback.arrived.clear()
        renewing = asyncio.create_task(host.token_for("acme"))
        await connection.loopback.arrived.wait()
        assert await host.token_for("acme") == "ghs_1_1"
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        # Who gave up waiting keeps nobody else from renewing it.
        assert await host.token_for("acme") == "ghs_1_2"
    assert forge.new_tokens == {1: 2}


async def test_a_token_that_lasts_is_used_when_it_cannot_be_renewed(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    async with connection.github(app=app) as host:
        await host.token_for("acme")
        connection.clock.time += timedelta(minutes=55)
        forge.broken[1] = bad_gateway()
        for _ in range(5):
            assert await host.token_for("acme") == "ghs_1_1"
        assert forge.new_tokens == {1: 2}
        connection.clock.time += timedelta(minutes=4, seconds=30)
        with pytest.raises(Unavailable, match="502 Bad Gateway"):
            await host.token_for("acme")
        forge.broken.clear()
        assert await host.token_for("acme") == "ghs_1_4"


async def test_a_read_outlives_a_renewal_that_fails_for_a_moment(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    connection.loopback.reply(bad_gateway(), bad_gateway())
    async with connection.github(app=app) as host:
        assert await host.branch_head(ROCKET) == "ghs_1_1"
    assert forge.new_tokens == {1: 1}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refused(403, "This installation has been suspended"), "This installation has been suspended"),
        (refused(404, "Not Found"), "Not Found"),
        (refused(401, "A JSON web token could not be decoded"), "A JSON web token could not be decoded"),
        (JSONResponse({"token": 7}), "NewToken is not as described"),
    ],
    ids=["suspended", "gone", "refused", "garbled"],
)
async def test_a_broken_installation_is_the_trouble_of_its_organisation_alone(
    connection: Connection, forge: AppGitHub, app: AppIdentity, answer: Response, reason: str
) -> None:
    forge.broken[1] = answer
    async with connection.github(app=app) as host:
        for _ in range(3):
            with pytest.raises(Unauthorized) as caught:
                await host.branch_head(ROCKET)
            assert str(caught.value).startswith("the GitHub App 7 cannot speak for acme: ")
            assert reason in str(caught.value)
        assert await host.branch_head(ENGINE) == "ghs_2_1"
    # Trying again costs nothing for a while.
    assert forge.new_tokens == {1: 1, 2: 1}


async def test_a_mended_installation_is_noticed(connection: Connection, forge: AppGitHub, app: AppIdentity) -> None:
    forge.broken[1] = refused(403, "This installation has been suspended")
    async with connection.github(app=app) as host:
        with pytest.raises(Unauthorized):
            await host.branch_head(ROCKET)
        forge.broken.clear()
        connection.clock.time += timedelta(minutes=1)
        assert await host.branch_head(ROCKET) == "ghs_1_2"


async def test_an_organisation_without_the_app_is_told(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    async with connection.github(app=app) as host:
        for _ in range(3):
            with pytest.raises(Unauthorized, match="the GitHub App 7 cannot speak for zeta: it is not installed there"):
                await host.token_for("zeta")
        assert forge.asked["GET /app/installations"] == 1
        forge.installed["zeta"] = 3
        connection.clock.time += timedelta(minutes=1)
        assert await host.token_for("zeta") == "ghs_3_1"


async def test_an_app_that_was_installed_anew_is_found_under_its_new_number(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    async with connection.github(app=app) as host:
        await host.token_for("acme")
        forge.installed["acme"] = 9
        connection.clock.time += timedelta(hours=2)
        with pytest.raises(Unauthorized):
            await host.token_for("acme")
        connection.clock.time += timedelta(minutes=1)
        assert await host.token_for("acme") == "ghs_9_1"


async def test_a_token_that_github_refuses_is_replaced_after_a_while(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    async with connection.github(app=app) as host:
        assert await host.branch_head(ROCKET) == "ghs_1_1"
        connection.loopback.reply(refused(401, "Bad credentials"))
        with pytest.raises(Unauthorized, match="GitHub refuses the GitHub App 7 in acme: Bad credentials"):
            await host.branch_head(ROCKET)
        with pytest.raises(Unauthorized, match="the GitHub App 7 cannot speak for acme: its token was refused"):
            await host.branch_head(ROCKET)
        assert await host.branch_head(ENGINE) == "ghs_2_1"
        connection.clock.time += timedelta(minutes=1)
        assert await host.branch_head(ROCKET) == "ghs_1_2"


async def test_what_is_kept_belongs_to_the_installation_and_outlives_its_token(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    path = "/repos/acme/rocket/git/ref/heads/main"
    forge.answers[path] = ref("main", "abc", {"ETag": '"1"'})
    async with connection.github(app=app) as host:
        await host.branch_head(ROCKET)
        connection.clock.time += timedelta(hours=1)
        await host.branch_head(ROCKET)
        forge.answers["/repos/umbra/engine/git/ref/heads/main"] = forge.answers[path]
        await host.branch_head(ENGINE)
    read = [seen for seen in connection.loopback.seen if "/git/ref/" in seen.path]
    assert [seen.headers.get("if-none-match") for seen in read] == [None, '"1"', None]
    assert [token for _, token in forge.shown] == ["ghs_1_1", "ghs_1_2", "ghs_2_1"]


async def test_a_spent_hour_of_one_installation_holds_no_other_one_back(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    reset = NOW + timedelta(seconds=40)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(reset.timestamp()))}
    forge.answers["/repos/acme/rocket/git/ref/heads/main"] = ref("main", "abc", headers)
    async with connection.github(app=app) as host:
        await host.branch_head(ROCKET)
        await host.branch_head(ENGINE)
        assert connection.clock.slept == []
        connection.loopback.reply(ref("main", "def"))
        await host.branch_head(ROCKET)
    assert connection.clock.slept == [41]


async def test_a_proxy_is_told_of_the_budget_and_the_end_of_each_token(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    async with connection.github(app=app) as host:
        await host.branch_head(ROCKET)
    told = [
        (seen.headers.get(BUDGET_NAME.lower()), seen.headers.get(EXPIRES_AT.lower()))
        for seen in connection.loopback.seen
    ]
    assert told == [
        ("7", "2026-01-02T03:09:05Z"),
        ("mergers", "2026-01-02T03:09:05Z"),
        ("mergers - acme", "2026-01-02T04:04:05Z"),
    ]
    assert forge.shown


@pytest.mark.parametrize("slug", ["", " ", "x\ny", "\u00fc"])
async def test_an_app_whose_slug_says_nothing_is_called_by_its_number(
    connection: Connection, forge: AppGitHub, app: AppIdentity, slug: str
) -> None:
    forge.slug = slug
    async with connection.github(app=app) as host:
        await host.branch_head(ROCKET)
    told = [seen.headers.get(BUDGET_NAME.lower()) for seen in connection.loopback.seen]
    assert told == ["7", "7", "7 - acme"]


async def test_a_request_that_names_no_organisation_is_refused_here(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    async with connection.github(app=app) as host:
        with pytest.raises(Unauthorized, match="this request names none"):
            await host.search_pulls("is:pr")
    assert not forge.asked


async def test_a_search_shows_the_token_of_its_organisation(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    forge.answers["/graphql"] = nodes.found([nodes.pull(1)], 1)
    async with connection.github(app=app) as host:
        assert (await host.search_pulls("is:pr org:acme", org="acme")).complete
        await host.search_blockers("is:issue org:umbra", org="umbra")
    assert forge.shown == [("/graphql", "ghs_1_1"), ("/graphql", "ghs_2_1")]


async def test_pull_requests_of_an_organisation_out_of_reach_are_told_and_the_others_are_read(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    forge.broken[2] = refused(403, "This installation has been suspended")
    forge.answers["/graphql"] = nodes.answer({"repository": {"pullRequest": nodes.pull(1)}})
    near, far = PullKey("acme", "rocket", 1), PullKey("umbra", "engine", 2)
    async with connection.github(app=app) as host:
        with pytest.raises(PartlyRead, match="umbra/engine#2: the GitHub App 7 cannot speak for umbra") as raised:
            await host.read_pulls([far, near])
        assert set(raised.value.found) == {near}
        with pytest.raises(Unauthorized, match="cannot speak for umbra"):
            await host.read_pulls([far])


async def test_the_start_is_verified_with_the_first_installation_that_works(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    forge.answers["/graphql"] = nodes.answer({"rateLimit": {"cost": 1}, "viewer": {}})
    forge.broken[1] = refused(403, "This installation has been suspended")
    async with connection.github(app=app) as host:
        await host.verify()
        assert {token for _, token in forge.shown} == {"ghs_2_1"}
        forge.broken[2] = refused(404, "Not Found")
    async with connection.github(app=app) as host:
        with pytest.raises(Unauthorized, match=r"cannot speak for acme: .* has been suspended"):
            await host.verify()


async def test_an_app_that_is_installed_nowhere_is_told(
    connection: Connection, forge: AppGitHub, app: AppIdentity
) -> None:
    forge.installed.clear()
    async with connection.github(app=app) as host:
        with pytest.raises(Unauthorized, match="the GitHub App 7 is installed nowhere"):
            await host.verify()


async def test_a_key_that_github_refuses_is_named(connection: Connection, app: AppIdentity) -> None:
    connection.loopback.reply(refused(401, "A JSON web token could not be decoded"))
    async with connection.github(app=app) as host:
        with pytest.raises(Unauthorized) as caught:
            await host.verify()
    refusal = "A JSON web token could not be decoded: the key or the id is not the App's"
    expected = f"GitHub refuses the key in {app.key_path} of the GitHub App 7: {refusal}"
    assert str(caught.value) == expected


async def test_installations_are_read_page_by_page(connection: Connection, forge: AppGitHub, app: AppIdentity) -> None:
    page = [{"id": number, "account": {"login": f"org-{number}"}} for number in range(1, 101)]
    last = [{"id": 101, "account": {"slug": "enterprise"}}, {"id": 1, "account": {"login": "acme"}}]
    connection.loopback.reply(JSONResponse(page), JSONResponse(last))
    async with connection.github(app=app) as host:
        assert await host.token_for("acme") == "ghs_1_1"
    assert forge.new_tokens == {1: 1}


@pytest.mark.parametrize("minutes", [10, -10])
async def test_an_app_is_let_in_although_our_clock_is_wrong(
    connection: Connection, forge: AppGitHub, app: AppIdentity, minutes: int
) -> None:
    there = NOW + timedelta(minutes=minutes)

    def answer(seen: Seen) -> Response:
        reply = forge(seen)
        if seen.path.startswith("/app"):
            told = claims(seen.headers["authorization"].removeprefix("Bearer "), rsa_key())
            if not told["iat"] <= there.timestamp() < told["exp"]:
                reply = refused(401, "'Expiration time' claim ('exp') is too far in the past or the future")
        reply.headers["Date"] = format_datetime(there, usegmt=True)
        return reply

    connection.loopback.otherwise = answer
    async with connection.github(app=app) as host:
        assert await host.branch_head(ROCKET) == "ghs_1_1"
