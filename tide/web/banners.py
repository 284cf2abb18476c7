"""What every reader of the page has to know before believing it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tide.domain.records import PoolView
from tide.domain.snapshot import StandingKind
from tide.web.status import DaemonStatus, Outage, RoleKind, System

# A round may take longer than the period it is asked for; this many periods without one is worth a word.
_LATE_ROUNDS = 5
_LATE_AT_LEAST = timedelta(minutes=2)
_GOES_ON = "tide then goes on by itself."
_OUTAGES = {
    System.DATABASE: (
        "The database does not answer.",
        f"Nothing is decided, tested or merged until it does; {_GOES_ON}",
    ),
    System.GITHUB: (
        "GitHub does not answer as it should.",
        f"Nothing that needs it is tested or merged until it does; {_GOES_ON} This is the last known state.",
    ),
    System.KUBERNETES: (
        "Kubernetes does not answer as it should.",
        f"No test is started or seen to end, and nothing merges, until it does; {_GOES_ON}",
    ),
}


class Tone(StrEnum):
    """How a thing is coloured."""

    IDLE = "idle"
    TEST = "test"
    MERGE = "merge"
    STOP = "stop"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Banner:
    """One announcement: a sentence in bold, what it means, and the details word for word."""

    tone: Tone
    title: str
    lines: tuple[str, ...] = ()
    since: datetime | None = None
    meaning: str = ""


def daemon_banners(status: DaemonStatus, now: datetime, last_sync: datetime | None = None) -> tuple[Banner, ...]:
    """Give the announcements about the daemon as a whole, the gravest first; `last_sync` is that of whoever leads."""
    return tuple(_daemon_banners(status, now, last_sync))


def pool_banners(view: PoolView) -> tuple[Banner, ...]:
    """Give the announcements about one pool, the gravest first."""
    return tuple(_pool_banners(view))


def _daemon_banners(status: DaemonStatus, now: datetime, last_sync: datetime | None) -> Iterator[Banner]:
    yield from map(_outage, status.outages)
    yield from _start(status)
    if status.config_problems:
        yield Banner(
            Tone.WARN,
            "The configuration on disk has errors. The last good one stays in force.",
            status.config_problems,
            status.config_broken_since,
        )
    if status.config_cautions:
        yield Banner(Tone.WARN, "The configuration in force deserves a look.", status.config_cautions)
    yield from _role(status)
    yield from _lateness(status, now, last_sync)


def _outage(outage: Outage) -> Banner:
    title, meaning = _OUTAGES[outage.system]
    return Banner(Tone.STOP, title, _lines(outage.error), outage.since, meaning)


def _start(status: DaemonStatus) -> Iterator[Banner]:
    if status.awaited:
        lines = tuple(
            f"{one.missing[0].upper()}{one.missing[1:]}{f' ({one.error})' if one.error else ''}. {one.helps}"
            for one in status.awaited
        )
        meaning = "Until then it neither looks nor tests nor merges, and tries again by itself."
        yield Banner(Tone.WARN, "This process has just begun, and waits for what it needs.", lines, None, meaning)


def _role(status: DaemonStatus) -> Iterator[Banner]:
    role = status.role
    match role.kind:
        case RoleKind.DRY_RUN:
            yield Banner(Tone.NOTE, "Dry run: decisions are shown, nothing is tested or merged.")
        case RoleKind.STANDBY:
            meaning = "The queue is the same on every replica, and this one takes over by itself when the leader ends."
            yield Banner(Tone.NOTE, f"This replica stands by. {role.leader} leads.", (), role.since, meaning)
        case RoleKind.LEADERLESS if not (status.is_database_lost or status.awaited):
            yield Banner(Tone.WARN, "Nobody leads at the moment. Nothing is tested or merged until a replica does.")
        case _:
            return


def _lateness(status: DaemonStatus, now: datetime, last_sync: datetime | None) -> Iterator[Banner]:
    allowed = max(status.sync_period * _LATE_ROUNDS, _LATE_AT_LEAST)
    if last_sync and now - last_sync > allowed and not status.outages:
        yield Banner(Tone.WARN, "No sync has ended for a while. What follows may be out of date.", (), last_sync)


def _pool_banners(view: PoolView) -> Iterator[Banner]:
    standing = view.standing
    if standing.kind is StandingKind.FROZEN:
        title = "Frozen: what landed is not what was tested. Nothing merges here until somebody has looked."
        yield Banner(Tone.STOP, title, _lines(standing.reason), standing.since)
    if view.error:
        title = "The last sync failed. This is the last known state."
        yield Banner(Tone.STOP, title, _lines(view.error), view.synced_at)
    if standing.kind is StandingKind.UNPROVEN:
        title = "Unproven: the branch head itself is being tested before anything else lands."
        yield Banner(Tone.WARN, title, _lines(standing.reason), standing.since)


def _lines(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
