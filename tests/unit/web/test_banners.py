from datetime import timedelta

from tests.builders import NOW
from tests.unit.web.kept import healthy
from tide.web.banners import Tone, daemon_banners
from tide.web.status import Awaited, DaemonStatus, Outage, Role, RoleKind, System

SINCE = NOW - timedelta(minutes=3)
GITHUB_LOST = Outage(System.GITHUB, "502", SINCE)
DATABASE_LOST = Outage(System.DATABASE, "refused", SINCE)
LONG_AGO = NOW - timedelta(minutes=6)


def test_a_healthy_daemon_has_nothing_to_announce() -> None:
    assert daemon_banners(healthy(), NOW, NOW) == ()


def test_the_gravest_announcement_comes_first() -> None:
    status = healthy(
        role=Role(RoleKind.DRY_RUN), outages=(DATABASE_LOST, GITHUB_LOST), config_problems=("a.yaml:3: bad",)
    )
    banners = daemon_banners(status, NOW)
    assert [banner.tone for banner in banners] == [Tone.STOP, Tone.STOP, Tone.WARN, Tone.NOTE]
    assert (banners[1].lines[-1], banners[1].since) == ("502", SINCE)


def test_every_outage_says_what_it_means_and_that_it_passes() -> None:
    banners = daemon_banners(healthy(outages=tuple(Outage(system, "", SINCE) for system in System)), NOW)
    assert [banner.title.split()[0] for banner in banners] == ["The", "GitHub", "Kubernetes"]
    for banner in banners:
        assert "until it does" in banner.meaning
        assert "tide then goes on by itself" in banner.meaning


def test_a_daemon_that_does_not_sync_any_more_says_so() -> None:
    assert [banner.tone for banner in daemon_banners(healthy(), NOW, LONG_AGO)] == [Tone.WARN]
    assert daemon_banners(healthy(sync_period=timedelta(minutes=2)), NOW, LONG_AGO) == ()


def test_who_misses_something_need_not_also_say_that_it_is_late() -> None:
    assert len(daemon_banners(healthy(outages=(GITHUB_LOST,)), NOW, LONG_AGO)) == 1


def test_a_standby_says_who_leads() -> None:
    (banner,) = daemon_banners(healthy(role=Role(RoleKind.STANDBY, "tide-0", SINCE)), NOW)
    assert (banner.tone, banner.since) == (Tone.NOTE, SINCE)
    assert "stands by. tide-0 leads" in banner.title


def test_that_nobody_leads_is_said_where_it_can_be_known() -> None:
    assert [banner.tone for banner in daemon_banners(healthy(role=Role()), NOW)] == [Tone.WARN]
    told = daemon_banners(healthy(role=Role(), outages=(DATABASE_LOST,)), NOW)
    assert [banner.tone for banner in told] == [Tone.STOP]


def test_a_process_is_ready_after_its_first_sync() -> None:
    assert healthy().obstacles == ()
    starting = DaemonStatus(
        "0.1.0",
        timedelta(minutes=1),
        role=Role(RoleKind.LEADER),
        is_config_loaded=False,
        outages=(DATABASE_LOST, GITHUB_LOST),
    )
    assert len(starting.obstacles) == 3


def test_what_everybody_should_know_is_no_announcement() -> None:
    assert daemon_banners(healthy(cautions=("others may push",)), NOW) == ()


def test_what_deserves_a_look_in_the_configuration_is_announced() -> None:
    (banner,) = daemon_banners(healthy(config_cautions=("no query",)), NOW)
    assert (banner.title, banner.lines) == ("The configuration in force deserves a look.", ("no query",))


def test_a_start_says_what_it_waits_for_and_what_helps() -> None:
    waiting = (Awaited("GitHub has not answered yet", "See to it."), Awaited("the history is away", "Mount it.", "503"))
    (banner,) = daemon_banners(healthy(role=Role(), awaited=waiting), NOW)
    assert banner.tone == Tone.WARN
    assert banner.lines == ("GitHub has not answered yet. See to it.", "The history is away (503). Mount it.")
    assert "tries again by itself" in banner.meaning
