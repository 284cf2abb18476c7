from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from tests.builders import LGTM, NOW, POOL
from tests.unit.web.kept import StandingClock
from tide.app.status import FOR_GOOD, StatusKeeper
from tide.daemon.leadership import Role as Seen
from tide.domain.actions import Wait
from tide.domain.decisions import Decision
from tide.domain.errors import NotFound, StoreError, Unavailable
from tide.domain.leases import Leader
from tide.web.status import Awaited, DaemonStatus, Role, RoleKind, System

DECISION = Decision(POOL, "b" * 40, Wait("why"))
ROUND = timedelta(seconds=1)
LOST = StoreError("database: the connection is closed")


OTHER = Leader("tide-0", 7, NOW)


class Kept:
    """A status keeper, its clock, and what GitHub's searches say."""

    def __init__(self, role: Role) -> None:
        self.clock = StandingClock()
        self.errors: tuple[str, ...] = ()
        self.keeper = StatusKeeper(self.clock, DaemonStatus("0.1.0", timedelta(minutes=1), role=role))
        self.keeper.errors = lambda: self.errors
        self.keeper.queries = lambda: (LGTM,)

    def round(self) -> None:
        self.keeper.pools_vanished(frozenset())
        self.keeper.synced("sync", ROUND)

    def pass_time(self) -> datetime:
        self.clock.moment += timedelta(minutes=1)
        return self.clock.moment

    def see_leader(self, leader: Leader = OTHER, *, leads: bool = False) -> None:
        self.pass_time()
        seen = Seen(leads, leader, self.clock.moment)
        self.keeper.leadership = lambda: seen

    @property
    def outages(self) -> list[tuple[System, str, datetime]]:
        return [(one.system, one.error, one.since) for one in self.keeper.now().outages]


@pytest.fixture
def kept() -> Kept:
    return Kept(Role(RoleKind.LEADER))


def test_an_outage_tells_its_last_error_since_its_first_one(kept: Kept) -> None:
    kept.errors = ("HTTP 502", "HTTP 502")
    kept.round()
    kept.pass_time()
    kept.errors = ("timed out",)
    kept.round()
    assert kept.outages == [(System.GITHUB, "timed out", NOW)]
    kept.errors = ()
    kept.round()
    assert kept.outages == []


def test_an_error_of_one_pool_says_nothing_of_github(kept: Kept) -> None:
    kept.keeper.pool_failed(POOL, Unavailable("GET /repos/acme/rocket: HTTP 502"))
    assert kept.outages == []


def test_github_fails_also_while_a_round_still_waits_for_it(kept: Kept) -> None:
    kept.keeper.github_told("no answer")
    assert kept.outages == [(System.GITHUB, "no answer", NOW)]
    kept.keeper.github_told("")
    assert kept.outages == []


def test_a_replica_that_asks_github_nothing_any_more_knows_nothing_of_it(kept: Kept) -> None:
    kept.keeper.github_told("no answer")
    kept.see_leader()
    assert kept.outages == []


# How somebody comes to miss the database, and how it is seen to be back.
WAYS: dict[str, tuple[Callable[[Kept], None], Callable[[Kept], None]]] = {
    "a sync": (lambda kept: kept.keeper.sync_failed(LOST), lambda kept: kept.keeper.decided(DECISION)),
    "a pool": (lambda kept: kept.keeper.pool_failed(POOL, LOST), lambda kept: kept.round()),
    "the leadership": (lambda kept: kept.keeper.leadership_failed(LOST), lambda kept: kept.see_leader()),
    "readers": (lambda kept: kept.keeper.database_read(str(LOST)), lambda kept: kept.keeper.database_read("")),
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_misses_the_database_tells_and_takes_it_back(kept: Kept, way: str) -> None:
    miss, find = WAYS[way]
    miss(kept)
    assert kept.outages == [(System.DATABASE, str(LOST), NOW)]
    find(kept)
    assert kept.outages == []


def test_a_system_fails_until_everybody_who_missed_it_has_it_back(kept: Kept) -> None:
    kept.keeper.leadership_failed(StoreError("the leadership's"))
    kept.pass_time()
    kept.keeper.database_read("the readers'")
    assert kept.outages == [(System.DATABASE, "the readers'", NOW)]
    kept.keeper.database_read("")
    assert kept.outages == [(System.DATABASE, "the leadership's", NOW)]


def test_outages_come_with_the_gravest_first(kept: Kept) -> None:
    kept.keeper.kubernetes_told("refused")
    kept.errors = ("HTTP 502",)
    kept.round()
    kept.keeper.sync_failed(LOST)
    assert [system for system, *_ in kept.outages] == [System.DATABASE, System.GITHUB, System.KUBERNETES]
    kept.keeper.kubernetes_told("")
    assert kept.keeper.outages() == {"database": True, "github": True, "kubernetes": False}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ('database: connection failed: connection to server at "10.0.0.5", port 5432 failed: FATAL: no', "FATAL: no"),
        ('database: connection is bad: connection to server on socket "/x/.s" failed: No such file', "No such file"),
        ("database: failed to resolve host 'db.internal': Name not known", "failed to resolve host: Name not known"),
    ],
)
def test_where_the_database_is_stays_untold(kept: Kept, told: str, shown: str) -> None:
    kept.keeper.database_read(told)
    assert [error for _, error, _ in kept.outages] == [f"database: {shown}"]


def test_secrets_and_endless_texts_stay_untold(kept: Kept) -> None:
    kept.keeper.clean = lambda text: text.replace("hunter2", "***")
    kept.keeper.kubernetes_told("token hunter2\n" + "x" * 5000)
    ((_, error, _),) = kept.outages
    assert error.startswith("token *** xxx")
    assert len(error) < 400


def test_a_leader_is_ready_after_its_first_sync(kept: Kept) -> None:
    kept.see_leader(leads=True)
    assert kept.keeper.is_leading()
    assert kept.keeper.is_syncing()
    assert kept.keeper.now().obstacles == ("the first sync has not ended",)
    kept.round()
    assert kept.keeper.now().obstacles == ()


def test_a_round_that_never_came_to_the_pools_is_none(kept: Kept) -> None:
    kept.keeper.synced("sync", ROUND)
    kept.keeper.sync_failed(LOST)
    assert kept.keeper.now().last_sync is None
    assert len(kept.keeper.now().obstacles) == 2


def test_a_round_in_which_every_pool_failed_makes_nobody_ready(kept: Kept) -> None:
    for _ in range(2):
        kept.keeper.pools_vanished(frozenset({POOL}))
        kept.keeper.pool_failed(POOL, Unavailable("502"))
        kept.keeper.synced("sync", ROUND)
        assert kept.keeper.now().obstacles == ("the first sync has not ended",)
    kept.keeper.pools_vanished(frozenset({POOL}))
    kept.keeper.pool_failed(POOL, Unavailable("502"))
    kept.keeper.decided(DECISION)
    kept.keeper.synced("sync", ROUND)
    assert kept.keeper.now().obstacles == ()


def all_fail(kept: Kept, error: Exception) -> None:
    kept.keeper.pools_vanished(frozenset({POOL}))
    kept.keeper.pool_failed(POOL, error)
    kept.keeper.synced("sync", ROUND)


def test_pools_that_all_fail_for_good_do_not_hide_the_page_that_says_why(kept: Kept) -> None:
    all_fail(kept, Unavailable("502"))
    for _ in range(FOR_GOOD - 1):
        all_fail(kept, NotFound("no such repository"))
        assert kept.keeper.now().obstacles == ("the first sync has not ended",)
    all_fail(kept, NotFound("no such repository"))
    assert kept.keeper.now().obstacles == ()
    later = kept.pass_time()
    all_fail(kept, Unavailable("502"))
    assert kept.keeper.now().last_sync == later


def test_what_the_start_waits_for_is_what_is_missing_whoever_leads(kept: Kept) -> None:
    kept.round()
    kept.see_leader()
    kept.keeper.clean = lambda text: text.replace("hunter2", "***")
    waiting = (Awaited("the history has not been read yet", "help", "refused for hunter2"),)
    kept.keeper.awaited = lambda: waiting
    assert kept.keeper.now().obstacles == ("the history has not been read yet",)
    assert [one.error for one in kept.keeper.now().awaited] == ["refused for ***"]


def test_one_missing_database_is_one_line_from_the_start_on() -> None:
    kept = Kept(Role())
    missing = [Awaited(f"the {what}", "help", system=System.DATABASE) for what in ("database", "schema", "records")]
    kept.keeper.awaited = lambda: (*missing, Awaited("the cluster", "help", system=System.KUBERNETES))
    kept.keeper.start_told(System.DATABASE, str(LOST))
    assert kept.keeper.now().obstacles == ("the database", "the cluster", "nobody leads")
    missing.pop(0)
    kept.keeper.start_told(System.DATABASE, "")
    assert kept.keeper.now().obstacles == ("the schema", "the cluster", "nobody leads")


def test_who_looks_itself_knows_whether_it_has_looked_at_everything(kept: Kept) -> None:
    assert kept.keeper.has_looked() is False
    kept.round()
    assert kept.keeper.has_looked() is True
    kept.see_leader()
    assert kept.keeper.has_looked() is None


def test_without_a_query_there_is_nothing_to_look_for_whoever_leads(kept: Kept) -> None:
    kept.keeper.queries = tuple
    assert kept.keeper.has_looked()
    kept.see_leader()
    assert kept.keeper.has_looked()


def test_what_the_start_waits_for_is_told_before_anybody_leads() -> None:
    kept = Kept(Role())
    waiting: tuple[Awaited, ...] = (Awaited("GitHub has not answered yet", "help"),)
    kept.keeper.awaited = lambda: waiting
    kept.keeper.start_told(System.GITHUB, "HTTP 502")
    kept.keeper.github_told("no answer for 30 s")
    assert kept.outages == [(System.GITHUB, "no answer for 30 s", NOW)]
    waiting = ()
    kept.keeper.start_told(System.GITHUB, "")
    assert kept.outages == []


def logged(kept: Kept) -> list[tuple[str, str]]:
    """Count the lines about outages, told over an hour in which GitHub and the database fail again and again."""
    with capture_logs() as lines:
        for minute in range(60):
            is_out = minute < 40
            for second in range(60):
                kept.clock.moment += timedelta(seconds=1)
                is_heard = second % 7 == 0  # now and then an answer comes through
                kept.keeper.github_told("" if is_heard or not is_out else f"502 number {second}")
                kept.keeper.pool_failed(POOL, LOST) if is_out else kept.keeper.decided(DECISION)
                kept.keeper.log_ends()
    return [(line["event"], line["system"]) for line in lines]


def test_a_long_outage_is_one_line_when_it_begins_and_one_when_it_is_over(kept: Kept) -> None:
    both = (System.DATABASE, System.GITHUB)
    begun, over = ({(event, system) for system in both} for event in ("an outage has begun", "an outage is over"))
    lines = logged(kept)
    assert (len(lines), set(lines[:2]), set(lines[2:])) == (4, begun, over)


def test_an_outage_lasted_until_all_was_well_and_not_until_that_was_certain(kept: Kept) -> None:
    with capture_logs() as lines:
        kept.keeper.github_told("502")
        kept.clock.moment += timedelta(seconds=3)
        kept.keeper.github_told("")
        for _ in range(60):
            kept.clock.moment += timedelta(seconds=1)
            kept.keeper.log_ends()
    assert [line.get("seconds") for line in lines] == [None, 3]


def test_what_fails_again_much_later_is_another_outage(kept: Kept) -> None:
    with capture_logs() as lines:
        for _ in range(3):
            kept.keeper.github_told("502")
            kept.keeper.github_told("")
            for _ in range(2):
                kept.pass_time()
                kept.keeper.log_ends()
    assert [line["event"] for line in lines] == ["an outage has begun", "an outage is over"] * 3


def test_an_organisation_that_is_out_for_weeks_hides_nothing_else(kept: Kept) -> None:
    kept.errors = ("acme: HTTP 403: suspended",)
    with capture_logs() as lines:
        kept.round()
        assert not kept.keeper.is_logged("other: 502")
        assert kept.keeper.is_logged("so nothing may merge: acme: HTTP 403: suspended")
        kept.pass_time()
        kept.keeper.github_told("no answer for 30 s")
        assert kept.keeper.is_logged("other: 502")
        kept.round()
        kept.keeper.github_told("")
        for _ in range(2):
            kept.pass_time()
            kept.keeper.log_ends()
        kept.round()
    events = ["an outage has begun", "an outage has begun", "an outage is over"]
    assert [line["event"] for line in lines] == events


def test_statuses_written_in_the_midst_of_a_round_do_not_undo_it(kept: Kept) -> None:
    kept.keeper.pools_vanished(frozenset())
    kept.keeper.synced("status-update", ROUND)
    kept.keeper.synced("sync", ROUND)
    assert kept.keeper.now().last_sync == NOW
    assert kept.keeper.now().obstacles == ()


def test_a_standby_is_ready_while_it_sees_a_leader() -> None:
    kept = Kept(Role())
    assert kept.keeper.now().obstacles == ("nobody leads",)
    kept.see_leader()
    assert not kept.keeper.is_syncing()
    assert kept.keeper.now().role == Role(RoleKind.STANDBY, "tide-0", NOW)
    assert kept.keeper.now().obstacles == ()
    kept.keeper.leadership_failed(LOST)
    assert kept.keeper.now().obstacles == ("the database cannot be reached",)
    kept.pass_time()
    assert not kept.keeper.is_leading()
    assert kept.keeper.now().obstacles == ("the database cannot be reached", "nobody leads")


def test_who_stops_leading_forgets_what_only_a_leader_can_see_end(kept: Kept) -> None:
    kept.errors = ("HTTP 502",)
    kept.round()
    kept.keeper.kubernetes_told("refused")
    kept.keeper.sync_failed(LOST)
    kept.see_leader(leads=True)
    assert len(kept.outages) == 3
    kept.see_leader()
    assert [system for system, *_ in kept.outages] == [System.KUBERNETES]


def test_what_readers_miss_is_back_as_soon_as_anybody_has_it(kept: Kept) -> None:
    kept.keeper.database_read("refused")
    kept.round()
    assert kept.outages == []
    kept.keeper.database_read("refused")
    kept.see_leader()
    assert kept.outages == []


def test_a_dry_run_is_ready_after_its_first_sync_whoever_leads() -> None:
    kept = Kept(Role(RoleKind.DRY_RUN))
    assert kept.keeper.now().obstacles == ("the first sync has not ended",)
    kept.round()
    assert kept.keeper.now().obstacles == ()
    assert kept.keeper.is_syncing()
    assert not kept.keeper.is_leading()


def test_a_history_file_that_is_not_written_is_a_caution_of_the_leader(kept: Kept) -> None:
    kept.keeper.history_told("gs://acme-prow/history.json: it cannot be written: HTTP 503")
    (caution,) = kept.keeper.now().cautions
    assert caution.endswith("gs://acme-prow/history.json: it cannot be written: HTTP 503")
    kept.see_leader()
    assert kept.keeper.now().cautions == ()
    kept.see_leader(leads=True)
    kept.keeper.history_told("")
    assert kept.keeper.now().cautions == ()


def test_what_is_to_be_known_of_the_configuration_is_told_by_everybody(kept: Kept) -> None:
    kept.keeper.config_cautions = lambda: ("no query",)
    assert kept.keeper.now().config_cautions == ("no query",)
    kept.see_leader()
    assert kept.keeper.now().config_cautions == ("no query",)


def test_the_repositories_of_the_pools_are_kept(kept: Kept) -> None:
    kept.keeper.pools_vanished(frozenset({POOL}))
    assert kept.keeper.repositories == {POOL.repository}


def test_why_the_cluster_lets_nobody_in_is_told_without_secrets(kept: Kept) -> None:
    assert kept.keeper.now().shut_out == ""
    kept.keeper.clean = lambda text: text.replace("geheim", "[redacted]")
    kept.keeper.shut_out = lambda: "refused for 10 minutes: the token geheim"
    assert kept.keeper.now().shut_out == "refused for 10 minutes: the token [redacted]"
    assert "Kubernetes" not in " ".join(kept.keeper.now().obstacles)
