from collections import Counter
from datetime import timedelta

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.unit.adapters.github import nodes
from tests.unit.adapters.github.loopback import (
    NOW,
    Connection,
    bad_gateway,
    closed_port,
    cut_short,
    ref,
    refused,
)
from tide.adapters.github.allowance import HourlyAllowance
from tide.adapters.github.calls import CallKind
from tide.adapters.github.limits import Pace
from tide.domain.errors import BadAnswer, NotFound, RateLimited, Unauthorized, Unavailable
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.pulls import ContextState
from tide.ports.code_host import StatusPost

MAIN = PoolKey("acme", "rocket", "main")
ROCKET = RepoKey("acme", "rocket")
STATUS = StatusPost("tide", ContextState.PENDING, "Not mergeable.")


async def test_a_request_carries_the_version_and_the_token(connection: Connection) -> None:
    connection.loopback.reply(ref("main", "abc"))
    async with connection.github() as host:
        assert await host.branch_head(MAIN) == "abc"
    (seen,) = connection.loopback.seen
    assert (seen.method, seen.path) == ("GET", "/repos/acme/rocket/git/ref/heads/main")
    assert seen.headers["authorization"] == "Bearer first-token"
    assert seen.headers["x-github-api-version"] == "2022-11-28"
    assert seen.headers["accept"] == "application/vnd.github+json"


async def test_a_changed_token_file_counts_at_the_next_call(connection: Connection) -> None:
    connection.loopback.reply(ref("main", "abc", {"ETag": '"1"'}), ref("main", "def"))
    async with connection.github() as host:
        await host.branch_head(MAIN)
        connection.token_file.write_text("second-token")
        assert await host.branch_head(MAIN) == "def"
    seen = connection.loopback.seen[1]
    assert seen.headers["authorization"] == "Bearer second-token"
    assert "if-none-match" not in seen.headers


@pytest.mark.parametrize(
    ("branch", "quoted"),
    [
        ("release/1.2", "release/1.2"),
        ("a#b", "a%23b"),
        ("50%25", "50%2525"),
        ("why?", "why%3F"),
        ("grün", "gr%C3%BCn"),
        ("a b+c", "a%20b%2Bc"),
    ],
)
async def test_a_branch_name_is_quoted(connection: Connection, branch: str, quoted: str) -> None:
    connection.loopback.reply(ref(branch, "abc"))
    async with connection.github() as host:
        assert await host.branch_head(PoolKey("acme", "rocket", branch)) == "abc"
    assert connection.loopback.seen[0].path == f"/repos/acme/rocket/git/ref/heads/{quoted}"


async def test_dots_lead_nowhere_else(connection: Connection) -> None:
    async with connection.github() as host:
        with pytest.raises(NotFound):
            await host.branch_head(PoolKey("acme", "..", "main"))
        with pytest.raises(NotFound):
            await host.branch_head(PoolKey("acme", "rocket", "../../main"))
    assert connection.loopback.seen == []


async def test_of_several_refs_the_exact_one_is_taken(connection: Connection) -> None:
    refs = [
        {"ref": "refs/heads/main-2", "object": {"sha": "two"}},
        {"ref": "refs/heads/main", "object": {"sha": "one"}},
    ]
    connection.loopback.reply(JSONResponse(refs), JSONResponse(refs[:1]))
    async with connection.github() as host:
        assert await host.branch_head(MAIN) == "one"
        with pytest.raises(NotFound):
            await host.branch_head(MAIN)


async def test_an_unchanged_answer_is_asked_for_again_and_costs_nothing(connection: Connection) -> None:
    told: list[tuple[CallKind, int]] = []
    connection.loopback.reply(ref("main", "abc", {"ETag": 'W/"1"'}), Response(status_code=304), ref("main", "def"))
    async with connection.github(on_call=lambda kind, points: told.append((kind, points))) as host:
        assert await host.branch_head(MAIN) == "abc"
        assert await host.branch_head(MAIN) == "abc"
        assert await host.branch_head(MAIN) == "def"
        assert host.calls.counts == Counter({CallKind.REST_GET: 2, CallKind.REST_NOT_MODIFIED: 1})
    assert connection.loopback.seen[1].headers["if-none-match"] == 'W/"1"'
    assert told == [(CallKind.REST_GET, 0), (CallKind.REST_NOT_MODIFIED, 0), (CallKind.REST_GET, 0)]


async def test_a_read_is_tried_again_after_what_may_pass(connection: Connection) -> None:
    connection.loopback.reply(bad_gateway(), cut_short(), JSONResponse({}, 503), ref("main", "abc"))
    async with connection.github() as host:
        assert await host.branch_head(MAIN) == "abc"
        assert host.calls.counts[CallKind.REST_GET] == 4


async def test_a_garbled_json_answer_is_read_again(connection: Connection) -> None:
    connection.loopback.reply(Response('{"ref": "refs', media_type="application/json"), ref("main", "abc"))
    async with connection.github() as host:
        assert await host.branch_head(MAIN) == "abc"


async def test_retries_come_to_an_end(connection: Connection) -> None:
    connection.loopback.reply(*[bad_gateway()] * 10)
    async with connection.github() as host:
        with pytest.raises(Unavailable, match="502 Bad Gateway"):
            await host.branch_head(MAIN)
    assert len(connection.loopback.seen) == 4


async def test_silence_ends_with_the_time_out(connection: Connection) -> None:
    connection.loopback.reply(None, ref("main", "abc"))
    async with connection.github(request_timeout=timedelta(seconds=0.2)) as host:
        assert await host.branch_head(MAIN) == "abc"
        connection.loopback.reply(*[None] * 4)
        with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
            await host.branch_head(MAIN)


async def test_an_answer_that_is_not_githubs_is_told_at_once(connection: Connection) -> None:
    connection.loopback.reply(Response("<html>Welcome</html>", media_type="text/html"))
    async with connection.github() as host:
        with pytest.raises(BadAnswer, match="not JSON"):
            await host.branch_head(MAIN)
    assert len(connection.loopback.seen) == 1


async def test_an_answer_of_another_form_is_told(connection: Connection) -> None:
    connection.loopback.reply(JSONResponse({"ref": "refs/heads/main", "object": None}))
    async with connection.github() as host:
        with pytest.raises(BadAnswer, match="object"):
            await host.branch_head(MAIN)


async def test_an_unreachable_address_is_named_in_one_line(connection: Connection) -> None:
    nowhere = closed_port()
    async with connection.github(endpoints=(nowhere,)) as host:
        with pytest.raises(Unavailable) as caught:
            await host.branch_head(MAIN)
    assert nowhere in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_renamed_repository_is_followed(connection: Connection) -> None:
    moved = RedirectResponse(f"{connection.loopback.url}/repositories/1/git/ref/heads/main", 301)
    connection.loopback.reply(moved, ref("main", "abc"))
    async with connection.github() as host:
        assert await host.branch_head(MAIN) == "abc"


async def test_a_refused_token_is_named_by_its_file(connection: Connection) -> None:
    connection.loopback.reply(refused(401, "Bad credentials"))
    async with connection.github() as host:
        with pytest.raises(Unauthorized) as caught:
            await host.branch_head(MAIN)
    assert str(caught.value) == f"GitHub refuses the token in {connection.token_file}: Bad credentials"


async def test_missing_scopes_are_named(connection: Connection) -> None:
    scopes = {"X-OAuth-Scopes": "read:org", "X-Accepted-OAuth-Scopes": "repo, public_repo"}
    connection.loopback.reply(refused(403, "Resource not accessible", scopes))
    async with connection.github() as host:
        with pytest.raises(Unauthorized, match=r"has the scopes read:org; it needs one of repo, public_repo"):
            await host.branch_head(MAIN)
    assert len(connection.loopback.seen) == 1


@pytest.mark.parametrize("status", [403, 429])
async def test_a_short_limit_is_waited_for(connection: Connection, status: int) -> None:
    connection.loopback.reply(refused(status, "slow down", {"Retry-After": "30"}), ref("main", "abc"))
    async with connection.github() as host:
        assert await host.branch_head(MAIN) == "abc"
    assert connection.clock.slept == [31]


async def test_a_limit_without_a_time_is_waited_for_a_minute(connection: Connection) -> None:
    connection.loopback.reply(refused(403, "You have exceeded a secondary rate limit"), ref("main", "abc"))
    async with connection.github() as host:
        assert await host.branch_head(MAIN) == "abc"
    assert connection.clock.slept == [60]


async def test_a_long_limit_is_told_and_no_further_call_is_sent(connection: Connection) -> None:
    reset = NOW + timedelta(minutes=20)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(reset.timestamp()))}
    connection.loopback.reply(refused(403, "API rate limit exceeded", headers))
    async with connection.github() as host:
        for _ in range(2):
            with pytest.raises(RateLimited) as caught:
                await host.branch_head(MAIN)
            assert caught.value.until == reset + timedelta(seconds=1)
    assert len(connection.loopback.seen) == 1
    assert connection.clock.slept == []


async def test_the_last_point_of_the_hour_holds_the_next_call_back(connection: Connection) -> None:
    reset = NOW + timedelta(seconds=40)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(reset.timestamp()))}
    connection.loopback.reply(ref("main", "abc", headers), ref("main", "abc"))
    async with connection.github() as host:
        await host.branch_head(MAIN)
        await host.branch_head(MAIN)
    assert connection.clock.slept == [41]


async def test_waiting_for_limits_is_bounded_by_the_pace(connection: Connection) -> None:
    connection.loopback.reply(refused(429, "slow down", {"Retry-After": "30"}))
    async with connection.github(pace=Pace(longest_wait=timedelta(seconds=10))) as host:
        with pytest.raises(RateLimited):
            await host.branch_head(MAIN)
    assert connection.clock.slept == []


def two_an_hour(connection: Connection) -> HourlyAllowance:
    """Let two calls be made at once, and the next ones in one and in one and a half hours."""
    return HourlyAllowance(2, 2, connection.clock, connection.clock.sleep)


async def test_a_read_waits_for_our_own_allowance(connection: Connection) -> None:
    connection.loopback.reply(
        ref("main", "abc"), nodes.answer({"viewer": {"login": "merge-bot"}}), ref("main", "def"), ref("main", "def")
    )
    started = connection.clock.now()
    async with connection.github(allowance=two_an_hour(connection)) as host:
        await host.branch_head(MAIN)
        await host.graph.ask("viewer", {})
        assert connection.clock.slept == []
        await host.branch_head(MAIN)
        assert connection.clock.now() - started == timedelta(hours=1, minutes=30)
        await host.branch_head(MAIN)
        assert connection.clock.now() - started == timedelta(hours=2)


async def test_a_read_that_is_tried_again_counts_again(connection: Connection) -> None:
    connection.loopback.reply(bad_gateway(), ref("main", "abc"))
    allowance = two_an_hour(connection)
    async with connection.github(allowance=allowance) as host:
        await host.branch_head(MAIN)
    assert allowance.is_spent()


@pytest.mark.parametrize(
    "answer",
    [
        Response(status_code=304),
        Response(status_code=304, headers={"X-Cache-Mode": "REVALIDATED"}),
        ref("main", "abc", {"X-Cache-Mode": "REVALIDATED"}),
        ref("main", "abc", {"X-Cache-Mode": "COALESCED"}),
    ],
)
async def test_what_was_known_gives_its_token_back(connection: Connection, answer: Response) -> None:
    connection.loopback.reply(ref("main", "abc", {"ETag": 'W/"1"'}), answer, ref("main", "abc"))
    allowance = two_an_hour(connection)
    async with connection.github(allowance=allowance) as host:
        for _ in range(2):
            assert await host.branch_head(MAIN) == "abc"
        assert not allowance.is_spent()
        await host.branch_head(MAIN)
        assert allowance.is_spent()


async def test_a_write_never_waits_for_our_own_allowance_but_counts(connection: Connection) -> None:
    connection.loopback.reply(*[JSONResponse({}, 201)] * 3, ref("main", "abc"))
    started = connection.clock.now()
    async with connection.github(allowance=two_an_hour(connection)) as host:
        for _ in range(3):
            await host.post_status(ROCKET, "abc", STATUS)
        assert connection.clock.slept == []
        await host.branch_head(MAIN)
    assert connection.clock.now() - started == timedelta(hours=2)


async def test_what_githubs_limit_holds_back_costs_nothing_of_our_own(connection: Connection) -> None:
    connection.loopback.reply(refused(429, "slow down", {"Retry-After": "600"}))
    allowance = two_an_hour(connection)
    async with connection.github(allowance=allowance) as host:
        for _ in range(5):
            with pytest.raises(RateLimited):
                await host.branch_head(MAIN)
    assert len(connection.loopback.seen) == 1
    assert not allowance.is_spent()


async def test_writes_of_another_account_leave_the_reads_alone(connection: Connection) -> None:
    connection.loopback.reply(*[JSONResponse({}, 201)] * 3, ref("main", "abc"))
    reads, statuses = two_an_hour(connection), two_an_hour(connection)
    async with connection.github(allowance=reads) as host:
        for _ in range(3):
            await host.with_writes_counted(statuses).post_status(ROCKET, "abc", STATUS)
        await host.branch_head(MAIN)
    assert connection.clock.slept == []
    assert (reads.is_spent(), statuses.is_spent()) == (False, True)
