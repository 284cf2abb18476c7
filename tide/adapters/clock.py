"""The machine's clock: the one place where the time is read."""

from datetime import UTC, datetime


class SystemClock:
    """Tells the time of this machine."""

    def now(self) -> datetime:
        """Give the present in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock that everybody else is handed
