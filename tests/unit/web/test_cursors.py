from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import NOW
from tide.domain.records import HistoryMark
from tide.web.cursors import history_cursor, history_mark


@pytest.mark.parametrize("time", [NOW, NOW + timedelta(microseconds=1), datetime(1, 1, 1, tzinfo=UTC)])
def test_a_place_in_the_history_is_read_as_it_was_written(time: datetime) -> None:
    mark = HistoryMark(time, 7)
    assert history_mark(history_cursor(mark)) == mark


@pytest.mark.parametrize("text", ["", "7", "1.2.3", "1.-2", "٣.٤", "1.2\n", "9" * 18 + ".1", "-" + "9" * 18 + ".1"])
def test_what_is_no_such_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no such"):
        history_mark(text)
