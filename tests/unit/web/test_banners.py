from datetime import timedelta

from tests.builders import NOW
from tests.unit.web.kept import healthy
from tide.web.banners import Tone, daemon_banners
from tide.web.status import DaemonStatus


def test_a_healthy_daemon_has_nothing_to_announce() -> None:
    assert daemon_banners(healthy(), NOW) == ()


def test_the_gravest_announcement_comes_first() -> None:
    since = NOW - timedelta(minutes=3)
    status = healthy(
        is_dry_run=True,
        github_error="502",
        github_down_since=since,
        config_problems=("a.yaml:3: bad",),
        is_database_ok=False,
    )
    banners = daemon_banners(status, NOW)
    assert [banner.tone for banner in banners] == [Tone.STOP, Tone.STOP, Tone.WARN, Tone.NOTE]
    assert (banners[1].lines, banners[1].since) == (("502",), since)


def test_a_daemon_that_does_not_sync_any_more_says_so() -> None:
    late = healthy(last_syncs={"sync": NOW - timedelta(minutes=6)})
    assert [banner.tone for banner in daemon_banners(late, NOW)] == [Tone.WARN]
    slow = healthy(last_syncs={"sync": NOW - timedelta(minutes=6)}, sync_period=timedelta(minutes=2))
    assert daemon_banners(slow, NOW) == ()


def test_a_process_is_ready_after_its_first_sync() -> None:
    assert healthy().obstacles == ()
    starting = DaemonStatus("0.1.0", timedelta(minutes=1), is_config_loaded=False, is_database_ok=False)
    assert len(starting.obstacles) == 3


def test_what_everybody_should_know_is_no_announcement() -> None:
    assert daemon_banners(healthy(cautions=("others may push",)), NOW) == ()
