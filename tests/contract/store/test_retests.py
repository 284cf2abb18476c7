from datetime import timedelta

from tests.builders import NOW, POOL, make_run, sha
from tide.domain.keys import PullKey
from tide.domain.retests import Retest
from tide.domain.runs import Purpose, RunState
from tide.ports.store import Store

PULL = PullKey("acme", "rocket", 1)
LATER = NOW + timedelta(minutes=1)
FAILED = make_run("unit", 1, RunState.FAILURE, purpose=Purpose.FIRST)
AGAIN = make_run("unit", 1, RunState.PENDING, name="unit-1-again", attempt=2)
OPEN = ((sha(1), "unit"),)


async def test_nothing_is_asked_for_at_first(store: Store) -> None:
    await store.save_runs([FAILED], NOW)
    assert await store.asked_again(POOL, [sha(1)]) == ()
    assert await store.retests(PULL, sha(1)) == ()


async def test_what_is_asked_for_twice_is_asked_for_once(store: Store) -> None:
    assert await store.ask_again(PULL, sha(1), ["unit", "lint"], NOW) == ("lint", "unit")
    assert await store.ask_again(PULL, sha(1), ["unit"], LATER) == ()
    assert await store.asked_again(POOL, [sha(1), sha(2)]) == ((sha(1), "lint"), (sha(1), "unit"))
    assert await store.asked_again(POOL, [sha(2)]) == ()
    assert await store.asked_again(POOL, []) == ()


async def test_a_run_that_was_there_before_answers_nothing(store: Store) -> None:
    await store.save_runs([FAILED], NOW)
    await store.ask_again(PULL, sha(1), ["unit"], NOW)
    await store.save_runs([FAILED], LATER)
    await store.answer_asked(POOL, [sha(1)], LATER)
    assert await store.asked_again(POOL, [sha(1)]) == OPEN


async def test_the_run_that_follows_answers_and_the_next_asking_is_another(store: Store) -> None:
    await store.save_runs([FAILED], NOW)
    await store.ask_again(PULL, sha(1), ["unit"], NOW)
    await store.save_runs([AGAIN], LATER)
    await store.answer_asked(POOL, [sha(1)], LATER)
    assert await store.asked_again(POOL, [sha(1)]) == ()
    assert await store.retests(PULL, sha(1)) == (Retest(PULL, sha(1), "unit", NOW, "unit-1-again"),)
    assert await store.ask_again(PULL, sha(1), ["unit"], LATER) == ("unit",)
    await store.answer_asked(POOL, [sha(1)], LATER)
    assert await store.asked_again(POOL, [sha(1)]) == OPEN


async def test_runs_of_other_jobs_heads_and_batches_answer_nothing(store: Store) -> None:
    await store.ask_again(PULL, sha(1), ["unit"], NOW)
    others = [
        make_run("lint", 1),
        make_run("unit", 2),
        make_run("unit", (1, 2)),
        make_run("unit", 1, name="other head", heads=((1, sha("old")),)),
    ]
    await store.save_runs(others, LATER)
    await store.answer_asked(POOL, [sha(1)], LATER)
    assert await store.asked_again(POOL, [sha(1)]) == OPEN


async def test_the_runs_of_a_head_alone_are_told(store: Store) -> None:
    await store.save_runs([AGAIN, FAILED, make_run("unit", (1, 2)), make_run("unit", 2)], NOW)
    assert [run.name for run in await store.runs_alone(PULL, sha(1))] == [FAILED.name, AGAIN.name]
