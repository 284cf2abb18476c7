"""GitHub's time, as its answers tell it: what is compared to moments that GitHub names must not rest on our clock.

The end of a rate limit or of a token, the bounds of a search, how long ago a pull request was updated: all of these are
by GitHub's clock. Each answer tells it to the second (RFC 9110, 6.6.1: Date).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from tide.adapters.github.allowance import is_free
from tide.adapters.github.limits import http_date
from tide.ports.clock import Clock

# Two clocks that are kept differ by less; what differs by more is told.
_SLIGHT, _WORTH_TELLING = timedelta(seconds=2), timedelta(minutes=1)
_A_SECOND = timedelta(seconds=1)

_log = structlog.get_logger(__name__)


class HostClock:
    """Tells GitHub's time: ours, moved by as much as ours is off, as far as that is known.

    Args:
        ours: The clock of this machine.
    """

    def __init__(self, ours: Clock) -> None:
        self._ours = ours
        self._told = False
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """Give the present by GitHub's clock."""
        return self._ours.now() + self.offset

    def asking(self) -> datetime:
        """Give the present by our own clock; for `heard`."""
        return self._ours.now()

    def heard(self, headers: Mapping[str, str], asked_at: datetime) -> bool:
        """Take over what an answer tells of the time; tell whether that has moved this clock.

        Args:
            headers: Those of the answer, under names in any case.
            asked_at: When it was asked for, by our own clock.
        """
        told = http_date(headers.get("Date", ""))
        # What somebody on the way has kept tells when that was.
        if told is None or "Age" in headers or is_free(headers):
            return False
        # Its seconds are cut off, and it was told between asking and now.
        least, most = told - self._ours.now(), told + _A_SECOND - asked_at
        if least - _SLIGHT <= self.offset <= most + _SLIGHT:
            return False
        is_right = least - _SLIGHT <= timedelta(0) <= most + _SLIGHT
        self.offset = timedelta(0) if is_right else least + (most - least) / 2
        self._tell()
        return True

    def _tell(self) -> None:
        is_off = abs(self.offset) >= _WORTH_TELLING
        if is_off:
            way = "behind" if self.offset > timedelta(0) else "ahead of"
            _log.warning("the clock of this machine is off", by=f"{abs(self.offset)} {way} GitHub's")
        elif self._told:
            _log.info("the clock of this machine is right again")
        self._told = is_off
