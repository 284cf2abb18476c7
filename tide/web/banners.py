"""What every reader of the page has to know before believing it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tide.domain.records import PoolView
from tide.domain.snapshot import StandingKind
from tide.web.status import DaemonStatus

# A round may take longer than the period it is asked for; this many periods without one is worth a word.
_LATE_ROUNDS = 5
_LATE_AT_LEAST = timedelta(minutes=2)


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
    """One announcement: a sentence in bold, the details below."""

    tone: Tone
    title: str
    lines: tuple[str, ...] = ()
    since: datetime | None = None


def daemon_banners(status: DaemonStatus, now: datetime) -> tuple[Banner, ...]:
    """Give the announcements about the daemon as a whole, the gravest first."""
    return tuple(_daemon_banners(status, now))


def pool_banners(view: PoolView) -> tuple[Banner, ...]:
    """Give the announcements about one pool, the gravest first."""
    return tuple(_pool_banners(view))


def _daemon_banners(status: DaemonStatus, now: datetime) -> Iterator[Banner]:
    if not status.is_database_ok:
        yield Banner(Tone.STOP, "The database cannot be reached. Nothing is decided until it answers.")
    if status.github_error:
        yield Banner(
            Tone.STOP,
            "GitHub cannot be reached. This is the last known state.",
            (status.github_error,),
            status.github_down_since,
        )
    if status.config_problems:
        yield Banner(
            Tone.WARN,
            "The configuration on disk has errors. The last good one stays in force.",
            status.config_problems,
            status.config_broken_since,
        )
    if status.is_dry_run:
        yield Banner(Tone.NOTE, "Dry run: decisions are shown, nothing is tested or merged.")
    yield from _lateness(status, now)


def _lateness(status: DaemonStatus, now: datetime) -> Iterator[Banner]:
    allowed = max(status.sync_period * _LATE_ROUNDS, _LATE_AT_LEAST)
    if status.last_sync and now - status.last_sync > allowed and not status.github_error:
        yield Banner(Tone.WARN, "No sync has ended for a while. What follows may be out of date.", (), status.last_sync)


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
