"""Runs are begun once, whatever becomes of the answers."""

from typing import Any

import pytest

from tests.builders import POOL, make_job
from tests.integration.kubernetes.prow import NAMESPACE, Prow, alone, status, swift
from tide.adapters.prowjobs.writing import run_name
from tide.domain.errors import BadAnswer, NotFound, RateLimited, Unauthorized, Unavailable
from tide.domain.runs import Purpose, RunState

UNIT, LINT = make_job("unit"), make_job("lint")
CANDIDATE = alone(7)
FIRST, SECOND = (run_name(CANDIDATE, "unit", attempt) for attempt in (1, 2))


async def test_what_was_begun_is_seen_at_once(prow: Prow) -> None:
    async with prow.connected() as runner:
        (run,) = await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
        assert runner.cache.find(run.name) == run
    assert (prow.names(), prow.changes) == ([FIRST], [POOL])


async def test_the_namespace_is_the_configured_one_and_states_are_as_the_scheduler_wants(prow: Prow) -> None:
    async with prow.connected() as runner:
        await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
    (made,) = prow.api.prowjobs.listed()
    assert (made["metadata"]["namespace"], made["status"]["state"]) == (NAMESPACE, "triggered")


LOSSES = [
    {"kind": "timeout"},
    {"kind": "status", "status": 504},
    {"kind": "status", "status": 500, "body": "<html>"},
    {"kind": "disconnect"},
]


@pytest.mark.parametrize("loss", [*LOSSES, {"kind": "truncate"}], ids=str)
async def test_a_creation_whose_answer_is_lost_is_looked_for(prow: Prow, loss: dict[str, Any]) -> None:
    when: dict[str, Any] = {} if loss["kind"] == "truncate" else {"when": "after"}
    prow.fault(**loss, **when, method="POST")
    async with prow.connected(swift(create=0.3)) as runner:
        (run,) = await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
        assert (run.name, run.state) == (FIRST, RunState.TRIGGERED)
        assert runner.cache.find(FIRST) == run
    assert prow.names() == [FIRST]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
async def test_a_creation_that_may_not_have_happened_is_left_open_and_done_when_asked_again(
    prow: Prow, loss: dict[str, Any]
) -> None:
    prow.fault(**loss, method="POST", times=1)
    async with prow.connected(swift(create=0.3)) as runner:
        with pytest.raises(Unavailable):
            await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
    assert prow.names() == []
    async with prow.connected() as runner:
        await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
    assert prow.names() == [FIRST]


async def test_what_is_there_already_is_found_by_its_name(prow: Prow) -> None:
    prow.add(7, "pending")
    async with prow.connected() as runner:
        (run,) = await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
        assert (run.name, run.state) == (FIRST, RunState.PENDING)
    assert prow.names() == [FIRST]


@pytest.mark.parametrize("state", ["failure", "aborted", "error"])
async def test_what_is_there_already_and_ended_without_success_is_followed_by_another_attempt(
    prow: Prow, state: str
) -> None:
    prow.add(7, state)
    async with prow.connected() as runner:
        (run,) = await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
        assert (run.name, run.attempt) == (SECOND, 2)


@pytest.mark.parametrize("state", ["scheduling", "triggered", "pending", "success"])
async def test_what_is_alive_or_passed_is_not_begun_again(prow: Prow, state: str) -> None:
    prow.add(7, state)
    async with prow.following() as runner:
        (run,) = await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
        assert run.name == FIRST
    assert prow.counted("POST") == 0


async def test_what_should_have_ended_long_ago_is_not_waited_for(prow: Prow) -> None:
    prow.add(7, "pending")
    async with prow.following() as runner:
        prow.clock.seconds = 26 * 3600
        (found,) = await runner.find([FIRST])
        assert found.state is RunState.ERROR
        (run,) = await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
        assert (run.name, run.attempt) == (SECOND, 2)


async def test_a_lost_answer_of_an_attempt_that_has_ended_leads_to_the_next(prow: Prow) -> None:
    prow.add(7, "failure")
    prow.fault("status", method="POST", status=502, times=1)
    async with prow.connected() as runner:
        (run,) = await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
        assert run.name == SECOND


async def test_what_was_there_and_vanished_is_left_to_the_next_time(prow: Prow) -> None:
    prow.fault("status", method="POST", status=409, body=status(409, "AlreadyExists", "it exists"))
    async with prow.connected() as runner:
        with pytest.raises(Unavailable, match="it exists, and is gone"):
            await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})


async def test_a_job_that_is_refused_does_not_stop_the_others(prow: Prow) -> None:
    prow.fault("status", method="POST", nth=[1], status=422, body=status(422, "Invalid", "spec.job: bad"))
    async with prow.connected() as runner:
        with pytest.raises(BadAnswer, match="job: bad"):
            await runner.start(CANDIDATE, [UNIT, LINT], Purpose.RETEST, {})
    assert prow.names() == [run_name(CANDIDATE, "lint", 1)]


async def test_a_role_that_forbids_is_told_apart_from_a_namespace_that_vanished(prow: Prow) -> None:
    prow.api.access.limit("system:serviceaccount:default:sandbox", [("get", "prowjobs")])
    async with prow.connected() as runner:
        with pytest.raises(Unauthorized, match="cannot create resource"):
            await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
        prow.api.access.unlimit("system:serviceaccount:default:sandbox")
        prow.api.namespaces.delete("", NAMESPACE)
        with pytest.raises(NotFound, match='"prow-jobs" not found'):
            await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})


async def test_a_server_that_asks_for_patience_gets_it(prow: Prow) -> None:
    prow.fault("status", method="POST", status=429, headers={"Retry-After": "9"})
    async with prow.connected() as runner:
        with pytest.raises(RateLimited) as caught:
            await runner.start(CANDIDATE, [UNIT], Purpose.RETEST, {})
    assert (caught.value.until - prow.clock.now()).total_seconds() == 9


async def test_runs_that_are_not_followed_are_read_one_by_one(prow: Prow) -> None:
    async with prow.following() as runner:
        prow.covered.clear()
        names = [prow.add(number) for number in range(1, 30)]
        found = await runner.find([*names, "unknown", "../pods", names[0]])
        assert {run.name for run in found} == set(names)
