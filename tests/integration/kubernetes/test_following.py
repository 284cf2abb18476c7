"""What is known of the ProwJobs stays in step with the cluster, whatever becomes of lists and watches."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.builders import BASE, POOL
from tests.integration.kubernetes.prow import PATH, Prow, numbers, prowjob, status, swift
from tide.domain.errors import Unavailable
from tide.domain.runs import RunState

OTHER = replace(POOL, repo="lander")
WATCH = "watch=true"


async def test_a_long_list_comes_in_pages(prow: Prow) -> None:
    for number in range(1, 26):
        prow.add(number)
    async with prow.following(page_size=10) as runner:
        assert numbers(await runner.runs(POOL, BASE, [])) == set(range(1, 26))
    assert prow.counted("GET", "limit=10") == 3


async def test_what_tests_no_branch_is_not_even_sent(prow: Prow) -> None:
    prow.add(1)
    periodic = prowjob(2)
    periodic["metadata"]["labels"]["prow.k8s.io/type"] = periodic["spec"]["type"] = "periodic"
    prow.api.prowjobs.create(periodic)
    async with prow.following(page_size=1) as runner:
        assert numbers(await runner.runs(POOL, BASE, [])) == {1}
    assert prow.counted("GET", "limit=1") == 1


async def test_a_list_that_takes_too_long_is_begun_again(prow: Prow) -> None:
    for number in range(1, 6):
        prow.add(number)
    prow.fault("status", nth=[2], status=410, body=status(410, "Expired"))
    async with prow.following(page_size=2) as runner:
        assert numbers(await runner.runs(POOL, BASE, [])) == {1, 2, 3, 4, 5}
    assert prow.told == [f"GET {prow.url}{PATH}: Expired", ""]


async def test_nothing_is_answered_before_the_first_list_is_whole(prow: Prow) -> None:
    prow.add(1)
    async with prow.connected() as runner:
        with pytest.raises(Unavailable, match="have not been listed yet"):
            await runner.runs(POOL, BASE, [])


async def test_whoever_looks_only_once_may_wait_for_the_first_list(prow: Prow) -> None:
    prow.add(1)
    prow.fault("truncate", times=1)
    async with prow.connected() as runner, runner:
        await runner.listed()
        assert numbers(await runner.runs(POOL, BASE, [])) == {1}


async def test_a_list_that_does_not_come_is_not_waited_for_for_ever(prow: Prow) -> None:
    prow.fault("status", status=500)
    async with prow.connected(swift(listing=0.2)) as runner, runner:
        with pytest.raises(Unavailable, match="have not been listed yet"):
            await runner.listed()


async def test_changes_are_seen_and_told(prow: Prow) -> None:
    async with prow.following() as runner:
        name = prow.add(1)
        await prow.until_state(runner, name, RunState.TRIGGERED)
        prow.change(name, "success")
        await prow.until_state(runner, name, RunState.SUCCESS)
        prow.api.prowjobs.delete("prow-jobs", name)
        await prow.until_state(runner, name)
    assert prow.changes == [POOL] * 3


@pytest.mark.parametrize("is_cut", [True, False], ids=["cut", "closed"])
async def test_a_watch_that_ends_is_gone_on_with_where_it_ended(prow: Prow, *, is_cut: bool) -> None:
    name = prow.add(1)
    async with prow.following(swift(first_pause=0.3)) as runner:
        await prow.until(lambda: prow.counted("GET", WATCH), "watch")
        prow.api.drop_watches(cut=is_cut)
        prow.change(name, "failure")
        await prow.until_state(runner, name, RunState.FAILURE)
    assert prow.counted("GET", "limit=") == 1


async def test_after_a_version_expired_what_was_deleted_meanwhile_is_gone_and_told(prow: Prow) -> None:
    kept, deleted = prow.add(1), prow.add(2, pool=replace(POOL, branch="release"))
    async with prow.following() as runner:
        await prow.until(lambda: prow.counted("GET", WATCH), "watch")
        prow.changes.clear()
        # Between the end of the watch and the list that follows nothing else runs.
        prow.api.drop_watches()
        prow.api.prowjobs.delete("prow-jobs", deleted)
        prow.api.expire_watches()
        await prow.until_state(runner, deleted)
        assert runner.cache.find(kept)
    assert prow.changes == [replace(POOL, branch="release")]


@pytest.mark.parametrize("code", [410, 400], ids=["410", "reason only"])
async def test_a_watch_may_also_be_refused_as_too_old(prow: Prow, code: int) -> None:
    prow.fault("status", nth=[2], status=code, body=status(code, "Expired"))
    async with prow.following() as runner:
        name = prow.add(1)
        await prow.until_state(runner, name, RunState.TRIGGERED)
    assert prow.counted("GET", "limit=") == 2


async def test_a_watch_that_is_refused_again_and_again_makes_way_for_a_list(prow: Prow) -> None:
    prow.fault("status", nth=[2, 3, 4], status=504, body=status(504, "Timeout", "Too large resource version"))
    async with prow.following() as runner:
        name = prow.add(1)
        await prow.until_state(runner, name, RunState.TRIGGERED)
    assert prow.counted("GET", "limit=") == 2
    assert prow.told[1:] == [f"GET {prow.url}{PATH}: Too large resource version", ""]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 502, "body": "<html>Bad Gateway</html>"},
        {"kind": "status", "status": 200, "body": "<html>Please sign in</html>"},
        {"kind": "status", "status": 403, "body": status(403, "Forbidden")},
        {"kind": "truncate"},
        {"kind": "disconnect"},
    ],
    ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}",
)
async def test_an_api_server_in_trouble_is_asked_until_it_answers(prow: Prow, fault: dict[str, Any]) -> None:
    name = prow.add(1)
    prow.fault(**fault, nth=[1, 2])
    async with prow.following() as runner:
        assert runner.cache.find(name)
    assert prow.counted("GET", "limit=") == 3
    assert prow.told[0]
    assert prow.told[-1] == ""


async def test_a_page_that_does_not_come_is_asked_for_again(prow: Prow) -> None:
    name = prow.add(1)
    prow.fault("timeout", nth=[1])
    async with prow.following(swift(page=0.2)) as runner:
        assert runner.cache.find(name)
    assert "no answer in time" in prow.told[0]


async def test_a_connection_that_died_without_a_word_is_noticed(prow: Prow) -> None:
    async with prow.following(swift(silence=0.2)) as runner:
        await prow.until(lambda: prow.counted("GET", WATCH) > 1, "second watch")
        name = prow.add(1)
        await prow.until_state(runner, name, RunState.TRIGGERED)


async def test_a_server_that_ends_every_watch_at_once_is_not_stormed_and_listed_anew(prow: Prow) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    prow.fault("status", nth=[2, 3, 4], status=200, body="", headers={"Content-Length": "0"})
    async with prow.connected() as runner:
        runner.follower.sleep = sleep
        async with runner:
            await prow.until(lambda: prow.counted("GET", WATCH) == 4, "watch that stands")
    assert prow.counted("GET", "limit=") == 2
    assert slept == sorted(slept)
    assert len(slept) == 3


async def test_after_a_while_without_a_word_nothing_is_vouched_for(prow: Prow) -> None:
    prow.add(1)
    async with prow.following() as runner:
        await prow.until(lambda: prow.counted("GET", WATCH), "watch")
        prow.fault("status", status=503, body=status(503, "ServiceUnavailable", "etcd is out of reach"))
        prow.api.drop_watches(cut=True)
        await prow.until(lambda: "etcd is out of reach" in prow.told[-1], "outage")
        assert numbers(await runner.runs(POOL, BASE, [])) == {1}
        prow.clock.seconds = 91
        with pytest.raises(Unavailable, match=r"nothing has been heard .* since 2026-01-02T03:04:05Z: .*etcd"):
            await runner.runs(POOL, BASE, [])
        prow.faults.clear()
        await prow.until(lambda: prow.told[-1] == "", "end of the outage")
        assert numbers(await runner.runs(POOL, BASE, [])) == {1}


async def test_a_title_may_hold_what_unicode_takes_for_the_end_of_a_line(prow: Prow) -> None:
    async with prow.following() as runner:
        name = prow.add(1, title="one\x85two\u2028three")
        await prow.until_state(runner, name, RunState.TRIGGERED)
    assert prow.counted("GET", "limit=") == 1


async def test_a_repository_that_nobody_covered_is_listed_when_it_is_asked_for(prow: Prow) -> None:
    prow.add(1, pool=OTHER)
    async with prow.following() as runner:
        with pytest.raises(Unavailable, match="acme/lander have not been listed yet"):
            await runner.runs(OTHER, BASE, [])
        await prow.until(lambda: prow.counted("GET", WATCH), "watch")
        prow.api.drop_watches()
        await prow.until(lambda: runner.cache.of(OTHER), "list")
        assert numbers(await runner.runs(OTHER, BASE, [])) == {1}


async def test_a_token_that_was_renewed_is_read_again(prow: Prow, tmp_path: Path) -> None:
    text = prow.kubeconfig.read_text().replace("token: token", f"tokenFile: {tmp_path / 'token'}")
    prow.kubeconfig.write_text(text)
    prow.api.access.only_registered = True
    prow.api.access.register("first", "tide")
    (tmp_path / "token").write_text("first")
    async with prow.following() as runner:
        await prow.until(lambda: prow.counted("GET", WATCH), "watch")
        (tmp_path / "token").write_text("second")
        prow.api.access.register("second", "tide")
        prow.api.access.revoke("first")
        prow.api.drop_watches()
        name = prow.add(1)
        await prow.until_state(runner, name, RunState.TRIGGERED)
