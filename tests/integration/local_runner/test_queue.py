import asyncio
import os
from pathlib import Path

import pytest

from tests.integration.local_runner.lab import POOL, Lab, job
from tide.adapters.local_runner.transitions import SUPERSEDED
from tide.domain.errors import NotFound, Unavailable
from tide.domain.runs import Purpose, Run, RunState

ALONE = "mkdir {0}/lock && sleep 0.05 && rmdir {0}/lock && umask 0 && echo $JOB_NAME$PULL_NUMBER >> {0}/order"


async def test_asking_twice_finds_the_first(lab: Lab) -> None:
    candidate = lab.candidate(lab.head(7))
    async with lab.runner() as runner:
        (first,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {})
        (second,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {})
        assert second.name == first.name
        await lab.ended(runner, first.name)
        (third,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {})
    assert (third.name, third.state) == (first.name, RunState.SUCCESS)


async def test_what_failed_is_tried_again_under_another_name(lab: Lab) -> None:
    candidate = lab.candidate(lab.head(7))
    flaky = job(f"test -e {lab.shared}/again || {{ touch {lab.shared}/again; exit 1; }}")
    async with lab.runner() as runner:
        (first,) = await runner.start(candidate, [flaky], Purpose.RETEST, {})
        assert (await lab.ended(runner, first.name)).state is RunState.FAILURE
        (second,) = await runner.start(candidate, [flaky], Purpose.RETEST, {})
        assert (second.attempt, second.state) == (2, RunState.TRIGGERED)
        assert (await lab.ended(runner, second.name)).state is RunState.SUCCESS
        runs = await runner.runs(POOL, lab.base, [])
    assert sorted(run.attempt for run in runs) == [1, 2]


async def test_no_more_run_at_once_than_allowed_and_first_come_is_first_served(lab: Lab) -> None:
    alone = job(ALONE.format(lab.shared))
    async with lab.runner(jobs=1) as runner:
        started = [
            (await runner.start(lab.candidate(lab.head(number)), [alone], Purpose.RETEST, {}))[0]
            for number in range(1, 5)
        ]
        ended = [await lab.ended(runner, run.name) for run in started]
    assert {run.state for run in ended} == {RunState.SUCCESS}
    assert (lab.shared / "order").read_text().split() == ["unit1", "unit2", "unit3", "unit4"]


async def test_a_jobs_own_limit_holds_it_back_and_not_the_others(lab: Lab) -> None:
    limited = job(ALONE.format(lab.shared), max_concurrency=1)
    free = job("true", name="lint")
    async with lab.runner(jobs=3) as runner:
        started: list[Run] = []
        for number in range(1, 4):
            started += await runner.start(lab.candidate(lab.head(number)), [limited, free], Purpose.RETEST, {})
        ended = [await lab.ended(runner, run.name) for run in started]
    assert {run.state for run in ended} == {RunState.SUCCESS}


async def test_a_newer_presubmit_takes_the_place_of_an_unfinished_one(lab: Lab) -> None:
    old, new = lab.head(7, one="1"), lab.head(7, one="2")
    async with lab.runner() as runner:
        (outdated,) = await runner.start(lab.candidate(old), [job("sleep 600")], Purpose.RETEST, {})
        await lab.running(runner, outdated.name)
        (newer,) = await runner.start(lab.candidate(new), [job("true")], Purpose.RETEST, {})
        outdated = await lab.ended(runner, outdated.name)
        assert (await lab.ended(runner, newer.name)).state is RunState.SUCCESS
    assert (outdated.state, outdated.description) == (RunState.ABORTED, SUPERSEDED)
    assert "FAILURE" not in lab.statuses.told(old.sha)


async def test_one_that_still_waits_is_aborted_as_well(lab: Lab) -> None:
    async with lab.runner(jobs=1) as runner:
        (blocker,) = await runner.start(lab.candidate(lab.head(1)), [job("sleep 600", name="long")], Purpose.RETEST, {})
        (waiting,) = await runner.start(lab.candidate(lab.head(7, one="1")), [job("true")], Purpose.RETEST, {})
        await runner.start(lab.candidate(lab.head(7, one="2")), [job("true")], Purpose.RETEST, {})
        assert (await lab.ended(runner, waiting.name)).state is RunState.ABORTED
        assert (await lab.running(runner, blocker.name)).state is RunState.PENDING


async def test_one_that_was_just_admitted_is_aborted_as_well(lab: Lab) -> None:
    old, new = lab.candidate(lab.head(7, one="1")), lab.candidate(lab.head(7, one="2"))
    async with lab.runner(jobs=1) as runner:
        (outdated,) = await runner.start(old, [job("sleep 600")], Purpose.RETEST, {})
        (newer,) = await runner.start(new, [job("true")], Purpose.RETEST, {})
        assert (await lab.ended(runner, outdated.name)).state is RunState.ABORTED
        assert (await lab.ended(runner, newer.name)).state is RunState.SUCCESS


async def test_batches_do_not_take_each_others_place(lab: Lab) -> None:
    seven, nine, other = lab.head(7), lab.head(9), lab.head(9, two="2")
    async with lab.runner() as runner:
        (first,) = await runner.start(lab.candidate(seven, nine), [job("true")], Purpose.BATCH, {})
        (second,) = await runner.start(lab.candidate(seven, other), [job("true")], Purpose.BATCH, {})
        assert (await lab.ended(runner, first.name)).state is RunState.SUCCESS
        assert (await lab.ended(runner, second.name)).state is RunState.SUCCESS


async def test_what_was_running_when_we_stopped_is_run_again_under_its_name(lab: Lab) -> None:
    script = f"test -e {lab.shared}/go || {{ echo first; sleep 600; }}; echo second"
    async with lab.runner() as runner:
        (run,) = await runner.start(lab.candidate(lab.head(7)), [job(script)], Purpose.RETEST, {})
        await lab.running(runner, run.name)
    (left,) = await lab.storage.unfinished()
    assert (left["metadata"]["name"], left["status"]["state"]) == (run.name, "pending")
    (lab.shared / "go").touch()
    async with lab.runner() as runner:
        assert (await lab.ended(runner, run.name)).state is RunState.SUCCESS
    assert "second" in lab.log(run.name)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
async def test_what_a_killed_runner_left_running_is_killed_before_it_is_run_again(lab: Lab) -> None:
    async with lab.runner() as runner:
        (run,) = await runner.start(lab.candidate(lab.head(7)), [job("sleep 600")], Purpose.RETEST, {})
        await lab.running(runner, run.name)
        home = runner.directory.work(run.name)
    environment = {"PATH": os.environ["PATH"], "PROW_JOB_ID": run.name, "HOME": str(home)}
    left = await asyncio.create_subprocess_exec("sleep", "600", env=environment)
    async with lab.runner():
        assert await left.wait() == -9


async def test_what_waited_when_we_stopped_still_waits(lab: Lab) -> None:
    (run,) = await lab.runner().start(lab.candidate(lab.head(7)), [job("true")], Purpose.RETEST, {})
    async with lab.runner() as runner:
        assert (await lab.ended(runner, run.name)).state is RunState.SUCCESS


async def test_a_verdict_that_could_not_be_told_is_told_after_a_restart(lab: Lab) -> None:
    head = lab.head(7)
    lab.statuses.error = Unavailable("down")
    runner = lab.runner()
    runner.reporter.pauses = tuple([runner.settings.default_timeout] * 3)
    async with runner:
        (run,) = await runner.start(lab.candidate(head), [job("true")], Purpose.RETEST, {})
        await lab.until(runner, run.name, lambda seen: seen.state is RunState.SUCCESS)
    lab.statuses.error = None
    async with lab.runner() as runner:
        await lab.ended(runner, run.name)
    assert lab.statuses.told(head.sha) == ["SUCCESS"]


async def test_what_the_code_host_refuses_for_good_is_let_go(lab: Lab) -> None:
    lab.statuses.error = NotFound("no such commit")
    assert (await lab.run("true", lab.head(7))).state is RunState.SUCCESS


async def test_runs_lost_with_another_machine_end_as_errors(lab: Lab) -> None:
    async with lab.runner("elsewhere") as elsewhere:
        (run,) = await elsewhere.start(lab.candidate(lab.head(7)), [job("sleep 600")], Purpose.RETEST, {})
        await lab.running(elsewhere, run.name)
    async with lab.runner() as runner:
        (seen,) = await runner.runs(POOL, lab.base, [])
        assert seen.state is RunState.PENDING
    lab.clock.time = lab.clock.time.replace(day=2)
    async with lab.runner() as runner:
        (seen,) = await runner.runs(POOL, lab.base, [])
    assert (seen.state, seen.description) == (RunState.ERROR, "Job was lost with the machine that ran it.")


async def test_a_directory_serves_one_process(lab: Lab) -> None:
    async with lab.runner():
        with pytest.raises(Unavailable):
            async with lab.runner():
                pass


async def test_whoever_watches_is_told_of_every_change(lab: Lab) -> None:
    await lab.run("true", lab.head(7))
    assert len(lab.changes) >= 3
    assert set(lab.changes) == {POOL}


async def test_statuses_are_those_of_crier(lab: Lab) -> None:
    head = lab.head(7)
    run = await lab.run("true", head)
    assert lab.statuses.told(head.sha) == ["PENDING", "SUCCESS"]
    sha, status = lab.statuses.posts[-1]
    assert (sha, status.context) == (head.sha, "unit")
    assert status.description.startswith("Job succeeded.\u2001")
    assert status.description.endswith(f" BaseSHA:{lab.base}")
    assert status.target_url == f"http://tide.example/runs/{run.name}/log"


async def test_without_a_public_address_only_our_own_page_leads_to_the_log(lab: Lab) -> None:
    head = lab.head(7)
    run = await lab.run("true", head, runner=lab.runner(public_url=""))
    assert run.url == f"/runs/{run.name}/log"
    assert [status.target_url for _, status in lab.statuses.posts] == [""] * len(lab.statuses.posts)
    assert lab.statuses.told(head.sha) == ["PENDING", "SUCCESS"]


async def test_batches_and_proofs_set_no_status(lab: Lab) -> None:
    await lab.run("true", lab.head(7), lab.head(9))
    await lab.run("true")
    assert lab.statuses.posts == []
