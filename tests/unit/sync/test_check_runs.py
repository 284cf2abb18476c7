from dataclasses import replace
from datetime import timedelta

from tests.builders import FAILURE, NOW, PENDING, POOL, make_context, make_pull, sha
from tide.domain.pulls import Context, ContextSource, Pull
from tide.sync.check_runs import CheckRuns

BUILD = replace(make_context("build", FAILURE), source=ContextSource.CHECK_RUN)
CHECKED, BARE = make_pull(1, [BUILD]), make_pull(1)
SOON = NOW + timedelta(minutes=9)


def contexts(check_runs: CheckRuns, pull: Pull) -> tuple[Context, ...]:
    return check_runs.completed(pull, SOON).contexts


def knowing() -> CheckRuns:
    """Know a head with one check run."""
    check_runs = CheckRuns()
    assert check_runs.completed(CHECKED, NOW) == CHECKED
    return check_runs


def test_what_was_there_a_moment_ago_is_pending() -> None:
    check_runs = knowing()
    assert contexts(check_runs, BARE) == (replace(BUILD, state=PENDING),)
    assert contexts(check_runs, CHECKED) == (BUILD,)


def test_what_stays_away_is_not_waited_for_however_often_one_looks() -> None:
    check_runs = knowing()
    assert contexts(check_runs, BARE)
    assert check_runs.completed(BARE, NOW + timedelta(minutes=10)) == BARE


def test_another_head_begins_without_any() -> None:
    assert contexts(knowing(), replace(BARE, head_sha=sha("new"))) == ()


def test_contexts_that_were_not_read_tell_nothing() -> None:
    check_runs = knowing()
    assert contexts(check_runs, replace(BARE, contexts_known=False)) == ()
    assert contexts(check_runs, BARE) != ()


def test_what_has_left_its_pool_is_forgotten() -> None:
    check_runs = knowing()
    check_runs.keep(POOL, {BARE.key})
    check_runs.keep_pools({POOL})
    assert contexts(check_runs, BARE) != ()
    check_runs.keep(POOL, ())
    assert contexts(check_runs, BARE) == ()
    check_runs = knowing()
    check_runs.keep_pools(())
    assert contexts(check_runs, BARE) == ()


def test_what_is_seen_again_counts_from_then_for_those_that_were_looked_at() -> None:
    check_runs, other = knowing(), make_pull(2, [BUILD])
    check_runs.completed(other, NOW)
    check_runs.seen_again(POOL, {CHECKED.key}, SOON)
    later = SOON + timedelta(minutes=9)
    assert check_runs.completed(BARE, later).contexts == (replace(BUILD, state=PENDING),)
    assert check_runs.completed(make_pull(2), later).contexts == (), "nobody has looked at it since"
