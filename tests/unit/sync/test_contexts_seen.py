from dataclasses import replace
from datetime import datetime, timedelta

from tests.builders import FAILURE, NOW, PENDING, POOL, make_context, make_pull, sha
from tide.domain.pulls import Context, ContextSource, Pull
from tide.sync.contexts_seen import AFTER_PUSH, GONE_FOR, ContextsSeen

BUILD = replace(make_context("build", FAILURE), source=ContextSource.CHECK_RUN)
CHECKED, BARE = make_pull(1, [BUILD]), make_pull(1)
SOON = NOW + timedelta(minutes=9)


def completed(seen: ContextsSeen, pull: Pull, now: datetime = SOON, jobs: tuple[str, ...] = ()) -> Pull:
    seen.note(pull, now)
    return seen.completed(pull, now, jobs)


def contexts(seen: ContextsSeen, pull: Pull) -> tuple[Context, ...]:
    return completed(seen, pull).contexts


def knowing() -> ContextsSeen:
    """Know a head with one check run."""
    seen = ContextsSeen()
    assert completed(seen, CHECKED, NOW) == CHECKED
    return seen


def test_what_was_there_a_moment_ago_is_pending() -> None:
    seen = knowing()
    assert contexts(seen, BARE) == (replace(BUILD, state=PENDING),)
    assert contexts(seen, CHECKED) == (BUILD,)


def test_what_stays_away_is_not_waited_for_however_often_one_looks() -> None:
    seen = knowing()
    assert contexts(seen, BARE)
    assert completed(seen, BARE, NOW + GONE_FOR) == BARE


PUSHED = replace(BARE, head_sha=sha("new"))
STATUS = replace(make_context("ci/site", description="Deployed"), target_url="https://ci.example/1")


def test_what_the_former_head_had_is_awaited_on_a_new_one_for_some_minutes() -> None:
    seen = ContextsSeen()
    completed(seen, make_pull(1, [replace(BUILD, suite="old"), STATUS]), NOW)
    awaited = (replace(BUILD, state=PENDING), make_context("ci/site", PENDING))
    assert completed(seen, PUSHED, SOON).contexts == awaited
    assert seen.are_awaited(POOL)
    assert completed(seen, PUSHED, SOON + AFTER_PUSH - timedelta(seconds=1)).contexts == awaited
    assert completed(seen, PUSHED, SOON + AFTER_PUSH) == PUSHED, "what other files start may never come"
    assert not seen.are_awaited(POOL)


def test_what_has_come_to_the_new_head_is_not_awaited() -> None:
    seen = knowing()
    assert contexts(seen, PUSHED) != ()
    failed = replace(PUSHED, contexts=(replace(BUILD, suite="new"),))
    assert completed(seen, failed) == failed


def test_two_check_runs_of_one_name_are_both_awaited() -> None:
    seen = ContextsSeen()
    completed(seen, make_pull(1, [replace(BUILD, suite="one"), replace(BUILD, suite="two")]), NOW)
    half = replace(PUSHED, contexts=(replace(BUILD, suite="three"),))
    assert [one.state for one in contexts(seen, half)] == [FAILURE, PENDING]


def test_a_second_push_right_after_the_first_still_awaits_what_the_head_before_both_had() -> None:
    seen = knowing()
    completed(seen, PUSHED, SOON)
    last = replace(BARE, head_sha=sha("newer"))
    assert completed(seen, last, SOON + timedelta(minutes=4)).contexts == (replace(BUILD, state=PENDING),)


def test_what_a_head_had_outside_of_the_pool_is_awaited_as_well() -> None:
    seen = ContextsSeen()
    seen.note(CHECKED, NOW)
    assert contexts(seen, PUSHED) == (replace(BUILD, state=PENDING),)


def test_of_jobs_it_is_known_which_the_new_head_needs() -> None:
    seen = ContextsSeen()
    completed(seen, make_pull(1, [make_context("docs"), BUILD]), NOW)
    assert completed(seen, PUSHED, SOON, ("docs",)).contexts == (replace(BUILD, state=PENDING),)


def test_contexts_that_were_not_read_tell_nothing() -> None:
    seen = knowing()
    assert contexts(seen, replace(BARE, contexts_known=False)) == ()
    assert contexts(seen, BARE) != ()


def test_what_has_left_its_pool_is_forgotten() -> None:
    seen = knowing()
    seen.keep(POOL, {BARE.key})
    seen.keep_pools({POOL})
    assert contexts(seen, BARE) != ()
    seen.keep(POOL, ())
    assert contexts(seen, BARE) == ()
    seen = knowing()
    seen.keep_pools(())
    assert contexts(seen, BARE) == ()


def test_what_is_seen_again_counts_from_then_for_those_that_were_looked_at() -> None:
    seen, other = knowing(), make_pull(2, [BUILD])
    completed(seen, other, NOW)
    seen.seen_again(POOL, {CHECKED.key}, SOON)
    later = SOON + timedelta(minutes=9)
    assert completed(seen, BARE, later).contexts == (replace(BUILD, state=PENDING),)
    assert completed(seen, make_pull(2), later).contexts == (), "nobody has looked at it since"
