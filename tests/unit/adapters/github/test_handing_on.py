"""To whom the token goes: to the addresses that the operator names, and to nobody else, whatever an answer says."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.app_keys import pem, rsa_key
from tests.certificates import Authority, tls_front
from tests.unit.adapters.github.loopback import Connection, Loopback, ref, serve
from tide.adapters.github.app_key import AppIdentity
from tide.domain.actions import Target
from tide.domain.errors import BadAnswer, RemoteError, Unavailable
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.outcomes import Merged

ROCKET, MAIN = RepoKey("acme", "rocket"), PoolKey("acme", "rocket", "main")


@pytest.fixture
async def stranger() -> AsyncIterator[Loopback]:
    """A server that nobody has named; it would answer everything."""
    async with serve() as server:
        server.otherwise = lambda _: ref("main", "evil")
        yield server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_read_that_is_led_to_another_server_ends_there(
    connection: Connection, stranger: Loopback, status: int
) -> None:
    connection.loopback.reply(RedirectResponse(f"{stranger.url}/repositories/1/git/ref/heads/main", status))
    async with connection.github() as host:
        with pytest.raises(BadAnswer, match=f"it leads to {stranger.url}, which is not asked"):
            await host.branch_head(MAIN)
    assert stranger.seen == []


@pytest.mark.parametrize("place", ["//{}/x", "http://user:secret@{}/x", "http://127.0.0.1:{}@{}/x"])
async def test_no_spelling_of_another_server_is_asked(connection: Connection, stranger: Loopback, place: str) -> None:
    where = stranger.url.removeprefix("http://")
    connection.loopback.reply(RedirectResponse(place.replace("{}", where), 302))
    async with connection.github() as host:
        with pytest.raises(RemoteError):
            await host.branch_head(MAIN)
    assert stranger.seen == []


async def test_a_user_in_a_redirect_does_not_take_the_place_of_the_token(connection: Connection) -> None:
    where = connection.loopback.url.removeprefix("http://")
    connection.loopback.reply(RedirectResponse(f"http://mallory:guess@{where}/y", 302), ref("main", "abc"))
    async with connection.github() as host:
        assert await host.branch_head(MAIN) == "abc"
    assert [seen.headers["authorization"] for seen in connection.loopback.seen] == ["Bearer first-token"] * 2


async def test_a_read_is_led_from_a_proxy_to_another_of_our_addresses(connection: Connection) -> None:
    async with serve() as proxy:
        proxy.reply(RedirectResponse(f"{connection.loopback.url}/repositories/1/git/ref/heads/main", 301))
        connection.loopback.reply(ref("main", "abc"))
        async with connection.github(endpoints=(proxy.url, connection.loopback.url)) as host:
            assert await host.branch_head(MAIN) == "abc"
    assert connection.loopback.seen[0].headers["authorization"] == "Bearer first-token"


async def test_a_read_that_is_led_in_a_circle_ends(connection: Connection) -> None:
    connection.loopback.otherwise = lambda seen: RedirectResponse(seen.path, 302)
    async with connection.github() as host:
        with pytest.raises(BadAnswer, match="redirected on and on"):
            await host.branch_head(MAIN)


async def test_a_merge_and_a_query_are_led_nowhere(connection: Connection, stranger: Loopback) -> None:
    connection.loopback.otherwise = lambda _: RedirectResponse(f"{stranger.url}/merge", 307)
    async with connection.github() as host:
        assert not isinstance(await host.merge(ROCKET, Target(1, "abc")), Merged)
        with pytest.raises(RemoteError):
            await host.client.graphql({"query": "{viewer{login}}"}, org="acme")
    assert stranger.seen == []


async def test_an_apps_signature_is_led_nowhere(connection: Connection, stranger: Loopback, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(pem(rsa_key()))
    connection.loopback.otherwise = lambda _: RedirectResponse(f"{stranger.url}/app/installations", 302)
    async with connection.github(app=AppIdentity("7", key)) as host:
        with pytest.raises(RemoteError):
            await host.branch_head(MAIN)
    assert stranger.seen == []


async def test_links_to_further_pages_and_addresses_in_answers_are_not_followed(
    connection: Connection, stranger: Loopback
) -> None:
    link = {"Link": f'<{stranger.url}/next>; rel="next"'}

    def listed(_: object) -> Response:
        entry = {"id": 1, "url": f"{stranger.url}/x", "access_tokens_url": f"{stranger.url}/tokens"}
        return JSONResponse([entry], 200, link)

    connection.loopback.otherwise = listed
    async with connection.github() as host:
        assert len(await host.client.get_all("/repos/acme/rocket/rules", org="acme")) == 1
    assert stranger.seen == []


async def test_the_authorities_of_the_environment_are_read_again(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, file = Authority("first"), Authority("second"), tmp_path / "authorities.pem"
    file.write_bytes(first.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    connection.loopback.otherwise = lambda _: ref("main", "abc")
    async with tls_front(connection.loopback.url, tmp_path) as front:
        await front.serve(first.issue("github"))
        async with connection.github(endpoints=(front.url,)) as host:
            assert await host.branch_head(MAIN) == "abc"
            await front.serve(second.issue("github"))
            with pytest.raises(Unavailable, match="certificate verify failed"):
                await host.branch_head(MAIN)
            file.write_bytes(b"-----BEGIN CERTIFICATE-----\nhalf")
            with pytest.raises(Unavailable, match="certificate verify failed"):
                await host.branch_head(MAIN)
            file.write_bytes(second.pem)
            assert await host.branch_head(MAIN) == "abc"
            # Whom nobody vouches for any more is not trusted any more.
            await front.serve(first.issue("github"))
            with pytest.raises(Unavailable, match="certificate verify failed"):
                await host.branch_head(MAIN)
