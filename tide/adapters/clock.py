"""The machine's clock: the one place where the time is read."""

import time
from datetime import UTC, datetime

# What a lease is measured by must go on while the machine is suspended; only Linux has a clock for that.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Tells the time of this machine."""

    def now(self) -> datetime:
        """Give the present in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock that everybody else is handed

    def steady(self) -> float:
        """Give the seconds since the machine was started."""
        return time.clock_gettime(_STEADY)
