"""What the port `JobRunner` promises, over each of its adapters."""

import asyncio
from dataclasses import replace

from tests.builders import sha
from tests.contract.job_runner.lab import JobLab
from tests.integration.local_runner.lab import POOL, job
from tide.domain.runs import Purpose, RunKind, RunState


async def test_one_run_of_each_context_is_started(lab: JobLab) -> None:
    repeated = replace(job("true", name="again"), context="unit")
    async with lab.runner() as runner:
        runs = await runner.start(
            lab.candidate(lab.head(7)), [job("true"), job("true", name="lint"), repeated], Purpose.FIRST, {}
        )
        assert [(run.job, run.context) for run in runs] == [("unit", "unit"), ("lint", "lint")]
        assert {run.state.is_live for run in runs} == {True}


async def test_a_run_says_what_it_runs(lab: JobLab) -> None:
    seven, nine = lab.head(7), lab.head(9)
    async with lab.runner() as runner:
        (started,) = await runner.start(lab.candidate(seven, nine), [job("true")], Purpose.BATCH, {})
        seen = await lab.ended(runner, started.name)
    assert (seen.kind, seen.purpose, seen.pool, seen.base_sha) == (RunKind.BATCH, Purpose.BATCH, POOL, lab.base)
    assert seen.heads == ((7, seven.sha), (9, nine.sha))
    assert (seen.job_digest, seen.attempt, seen.state) == ("digest-unit", 1, RunState.SUCCESS)
    assert seen.started_at is not None
    assert seen.completed_at is not None


async def test_a_new_attempt_is_begun_only_after_a_failure(lab: JobLab) -> None:
    # It ends only when it is told to, so that the second request meets it alive.
    failing = job(f"until test -e {lab.shared}/go; do sleep 0.01; done; exit 1")
    candidate = lab.candidate(lab.head(7))
    async with lab.runner() as runner:
        (first,) = await runner.start(candidate, [failing], Purpose.RETEST, {})
        (same,) = await runner.start(candidate, [failing], Purpose.RETEST, {})
        assert same.name == first.name
        (lab.shared / "go").touch()
        await lab.ended(runner, first.name)
        (second,) = await runner.start(candidate, [failing], Purpose.RETEST, {})
        assert (second.attempt, second.name != first.name) == (2, True)


async def test_an_attempt_that_is_remembered_to_have_ended_is_not_begun_again(lab: JobLab) -> None:
    candidate = lab.candidate(lab.head(7))
    async with lab.runner() as runner:
        (run,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {"unit": 2, "lint": 7})
        assert run.attempt == 3
        (same,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {"unit": 2})
        assert same.name == run.name


async def test_a_run_that_passed_is_given_unless_whoever_asks_knows_of_it(lab: JobLab) -> None:
    candidate = lab.candidate(lab.head(7))
    async with lab.runner() as runner:
        (first,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {})
        await lab.ended(runner, first.name)
        (same,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {})
        assert (same.name, same.state) == (first.name, RunState.SUCCESS)
        (again,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {"unit": 1})
        assert (again.attempt, again.state) == (2, RunState.TRIGGERED)


async def test_runs_are_those_on_the_base_and_our_own_of_the_heads(lab: JobLab) -> None:
    seven, nine = lab.head(7), lab.head(9)
    async with lab.runner() as runner:
        started = [
            *await runner.start(lab.candidate(seven), [job("true")], Purpose.RETEST, {}),
            *await runner.start(lab.candidate(seven, nine), [job("true")], Purpose.BATCH, {}),
            *await runner.start(lab.candidate(), [job("true")], Purpose.PROOF, {}),
        ]
        for run in started:
            await lab.ended(runner, run.name)
        names = sorted(run.name for run in started)
        assert [run.name for run in await runner.runs(POOL, lab.base, [])] == names
        elsewhere = await runner.runs(POOL, sha("other base"), [seven.sha, nine.sha])
        assert [run.name for run in elsewhere] == [started[0].name]
        assert await runner.runs(replace(POOL, branch="release"), lab.base, [seven.sha]) == ()


async def test_the_mark_of_a_pool_is_another_one_after_each_change_of_its_runs(lab: JobLab) -> None:
    waiting = job(f"until test -e {lab.shared}/go; do sleep 0.01; done")
    other = replace(POOL, branch="release")

    async def other_than(*marks: str) -> str:
        async with asyncio.timeout(60):
            while True:
                if (mark := runner.mark(POOL)) not in marks:
                    return mark
                await asyncio.sleep(0.01)

    async with lab.runner() as runner:
        (first,) = await runner.start(lab.candidate(lab.head(7)), [job("true")], Purpose.RETEST, {})
        await lab.ended(runner, first.name)
        await runner.runs(POOL, lab.base, [])
        elsewhere = runner.mark(other)
        assert elsewhere
        before = await other_than("")
        (second,) = await runner.start(lab.candidate(lab.head(9)), [waiting], Purpose.RETEST, {})
        begun = await other_than("", before)
        (lab.shared / "go").touch()
        await lab.ended(runner, second.name)
        await other_than("", before, begun)
        assert runner.mark(other) == elsewhere


async def test_what_was_started_is_still_known_after_a_restart(lab: JobLab) -> None:
    candidate = lab.candidate(lab.head(7))
    async with lab.runner() as runner:
        (run,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {})
        await lab.ended(runner, run.name)
    async with lab.runner() as runner:
        (again,) = await runner.start(candidate, [job("true")], Purpose.RETEST, {})
    assert (again.name, again.state) == (run.name, RunState.SUCCESS)


async def test_runs_are_found_by_their_names(lab: JobLab) -> None:
    async with lab.runner() as runner:
        (run,) = await runner.start(lab.candidate(lab.head(7)), [job("exit 1")], Purpose.RETEST, {})
        ended = await lab.ended(runner, run.name)
        assert await runner.find([run.name, "unknown", run.name]) == (ended,)
        assert await runner.find([]) == ()
