from dataclasses import replace

from tests.builders import NOW, make_pull, make_run, sha
from tests.unit.web.kept import ROCKET, busy_morning
from tide.domain.evidence import Batch
from tide.domain.records import BATCH_FAILED, MERGED_BUT, TEST_FAILED, HistoryRecord, PoolView
from tide.domain.runs import RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.web.banners import Tone
from tide.web.cards import action_done, action_now, pool_card

ONE, TWO = make_pull(1, title="First"), make_pull(2, title="Second", author="bob")
VIEW = PoolView(ROCKET, sha("base"), "WAIT", "", missing=(ONE, TWO), batch_pending=(ONE, TWO))
LIVE = make_run("unit", (1, 2), RunState.PENDING)


def done(action: str, error: str = "") -> HistoryRecord:
    return HistoryRecord(ROCKET, NOW, action, sha("base"), (), error)


def test_the_batch_shows_its_members_in_order_and_which_jobs_still_run() -> None:
    heads = ((2, TWO.head_sha), (1, ONE.head_sha))
    batch = Batch(ROCKET, sha("base"), heads, ("lint", "unit"), sha("t"), sha("t"), created_at=NOW)
    panel = pool_card(VIEW, [LIVE], [batch]).batch
    assert panel is not None
    assert [line.key.number for line in panel.members] == [1, 2]
    assert [(job.context, job.run) for job in panel.jobs] == [("lint", None), ("unit", LIVE)]


def test_a_batch_that_somebody_else_started_shows_its_live_runs() -> None:
    panel = pool_card(VIEW, [LIVE], []).batch
    assert panel is not None
    assert [job.context for job in panel.jobs] == ["unit"]


def test_a_pull_request_shows_the_runs_of_its_own_head_only() -> None:
    alone, other_head = (
        make_run("unit", 1, RunState.PENDING),
        make_run("unit", 1, RunState.PENDING, heads=((1, "f" * 40),)),
    )
    card = pool_card(VIEW, [alone, other_head, LIVE], [])
    assert card.lanes[2].lines[0].runs == (alone,)


def test_waiting_for_a_batch_reads_as_waiting_for_tests() -> None:
    assert pool_card(VIEW, [], []).word == "Waiting for tests"
    assert pool_card(replace(VIEW, batch_pending=()), [], []).word == "Waiting"


def test_a_frozen_pool_reads_as_frozen_and_tells_why() -> None:
    card = pool_card(replace(VIEW, standing=Standing(StandingKind.FROZEN, "trees differ")), [], [])
    assert (card.word, card.tone) == ("Frozen", Tone.STOP)
    assert card.banners[0].lines == ("trees differ",)


def test_a_failed_sync_shows_its_error_above_the_last_known_state() -> None:
    card = pool_card(replace(VIEW, error="HTTP 502"), [], [])
    assert [banner.lines for banner in card.banners] == [("HTTP 502",)]
    assert card.queued == 2


def test_a_search_keeps_the_pull_requests_that_it_finds() -> None:
    found = pool_card(VIEW, [], []).narrowed("BOB")
    assert found is not None
    assert [line.key.number for line in found.lanes[2].lines] == [2]


def test_a_search_for_the_pool_keeps_all_of_it() -> None:
    card = pool_card(VIEW, [], [])
    assert card.narrowed("rocket:main") == card


def test_a_search_that_finds_nothing_drops_the_pool() -> None:
    assert pool_card(VIEW, [], []).narrowed("nowhere") is None


def test_a_pool_where_nothing_happens_is_quiet() -> None:
    cards = [pool_card(view, [], []) for view in busy_morning().pool_views]
    assert [str(card.view.pool) for card in cards if not card.is_busy] == ["acme/docs:main"]


def test_unknown_actions_are_shown_as_they_are() -> None:
    assert action_now("DANCE") == ("DANCE", Tone.IDLE)
    assert action_done(done("DANCE", "it slipped")) == ("DANCE failed", Tone.STOP)


def test_what_was_merged_is_called_merged_although_something_went_wrong_with_it() -> None:
    assert action_done(done("MERGE")) == ("Merged", Tone.MERGE)
    assert action_done(done("MERGE", "failed merging [1]: #1: refused")) == ("Not merged", Tone.STOP)
    assert action_done(done("MERGE", f"{MERGED_BUT}#1 landed as another tree")) == ("Merged", Tone.STOP)


def test_tests_that_failed_are_told_as_failures() -> None:
    assert action_done(done(TEST_FAILED, "unit failed")) == ("Tests failed", Tone.STOP)
    assert action_done(done(BATCH_FAILED, "unit failed")) == ("Batch failed", Tone.STOP)
