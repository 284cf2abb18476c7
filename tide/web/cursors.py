"""Where a page of history ends, as a text that a program hands back."""

import re
from datetime import UTC, datetime, timedelta

from tide.domain.records import HistoryMark

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"(?P<time>-?[0-9]{1,18})\.(?P<id>[0-9]{1,18})", re.ASCII)


def history_cursor(mark: HistoryMark) -> str:
    """Write a place in the history."""
    return f"{(mark.time - _EPOCH) // _MICROSECOND}.{mark.id}"


def history_mark(text: str) -> HistoryMark:
    """Read what `history_cursor` has written; raise ValueError where it has not."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise ValueError("no such cursor")
    try:
        return HistoryMark(_EPOCH + int(match["time"]) * _MICROSECOND, int(match["id"]))
    except OverflowError as error:
        raise ValueError("no such moment") from error
