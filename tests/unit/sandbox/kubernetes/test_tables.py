from datetime import UTC, datetime
from typing import Any

import pytest

from tide.sandbox.kubernetes.tables import human_duration, table

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


# The table of apimachinery pkg/util/duration/duration_test.go TestHumanDuration, as far as years.
@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (1, "1s"),
        (70, "70s"),
        (190, "3m10s"),
        (600, "10m"),
        (70 * 60, "70m"),
        (47 * 60, "47m"),
        (5 * 3600 + 20 * 60, "5h20m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (3 * 86400 + 5 * 3600, "3d5h"),
        (8 * 86400, "8d"),
        (300 * 86400, "300d"),
    ],
)
def test_durations_are_told_as_kubectl_does(seconds: int, told: str) -> None:
    assert human_duration(seconds) == told


@pytest.mark.parametrize(
    ("path", "kind", "cell"),
    [
        (".spec.job", "string", "unit"),
        (".spec.pulls[*].number", "string", "1 2"),
        (".spec.pulls[1].number", "integer", 2),
        (".spec.missing", "string", None),
        (".spec.job.deeper", "string", None),
        (".status.startTime", "date", "2m30s"),
        (".spec.job", "date", "<unknown>"),
    ],
)
def test_cells_show_what_their_paths_lead_to(path: str, kind: str, cell: Any) -> None:
    item = {
        "metadata": {"name": "a"},
        "spec": {"job": "unit", "pulls": [{"number": 1}, {"number": 2}]},
        "status": {"startTime": "2026-03-01T11:57:30Z"},
    }
    shown = table([item], [{"name": "It", "type": kind, "jsonPath": path}], now=NOW, metadata={})
    assert [column["name"] for column in shown["columnDefinitions"]] == ["Name", "It"]
    assert shown["rows"][0]["cells"] == ["a", cell]
    assert shown["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
