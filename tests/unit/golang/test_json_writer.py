import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tide.golang.json_writer import go_json, go_time


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": [1, None, True]}, b'{"a":[1,null,true]}'),
        ("<b> & co", rb'"\u003cb\u003e \u0026 co"'),
        ("line\u2028paragraph\u2029", rb'"line\u2028paragraph\u2029"'),
        ('\u00e9 "\\', '"\u00e9 \\"\\\\"'.encode()),
    ],
)
def test_json_is_written_without_spaces_and_safe_inside_of_html(value: object, written: bytes) -> None:
    assert go_json(value) == written
    assert json.loads(written) == value


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 10, 120_000, tzinfo=UTC), "2026-01-02T03:04:10.12Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 1, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:04:05.000001Z"),
    ],
)
def test_times_are_utc_without_zeros_at_the_end_of_the_fraction(moment: datetime, written: str) -> None:
    assert go_time(moment) == written
