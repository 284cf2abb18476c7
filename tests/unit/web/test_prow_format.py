import json
from dataclasses import replace
from datetime import UTC, datetime

from tests.builders import NOW, make_pull, sha
from tests.unit.web.kept import ROCKET, busy_morning
from tide.adapters.history.tide_json import history_json
from tide.domain.pulls import Blocker, Mergeable
from tide.domain.records import HistoryRecord, HistoryTarget, PoolView
from tide.web.prow_format import pools_json

PULL = replace(make_pull(7, title="Fix <b> & co", body="why"), updated_at=datetime(2026, 1, 2, 3, 4, 5, 120000, UTC))
VIEW = PoolView(ROCKET, sha("base"), "TRIGGER", "ours", missing=(PULL,), target=(PULL,), tenant_ids=("",))
PULL_JSON = {
    "NameWithOwner": "acme/rocket",
    "Number": 7,
    "Org": "acme",
    "Repo": "rocket",
    "BaseRefPrefix": "refs/heads/",
    "BaseRefName": "main",
    "HeadRefName": "change-7",
    "HeadRefOID": sha(7),
    "Title": "Fix <b> & co",
    "Body": "why",
    "AuthorLogin": "alice",
    "UpdatedAtTime": "2026-01-02T03:04:05.12Z",
    "Mergeable": "MERGEABLE",
    "CanBeRebased": True,
    "GitHub": None,
    "Gerrit": None,
}


def test_a_pool_has_exactly_the_fields_of_tide() -> None:
    assert json.loads(pools_json([VIEW])) == [
        {
            "Org": "acme",
            "Repo": "rocket",
            "Branch": "main",
            "SuccessPRs": None,
            "PendingPRs": None,
            "MissingPRs": [PULL_JSON],
            "BatchPending": None,
            "Action": "TRIGGER",
            "Target": [PULL_JSON],
            "Blockers": None,
            "Error": "",
            "TenantIDs": [""],
        }
    ]


def test_fields_stand_in_the_order_in_which_go_writes_them() -> None:
    assert list(json.loads(pools_json([VIEW]))[0]["MissingPRs"][0]) == list(PULL_JSON)


def test_blockers_are_told_as_tide_tells_them() -> None:
    blocked = replace(
        VIEW, action="BLOCKED", blockers=(Blocker(3, "Freeze", "https://github.com/acme/rocket/issues/3", ("main",)),)
    )
    assert json.loads(pools_json([blocked]))[0]["Blockers"] == [
        {"Number": 3, "Title": "Freeze", "URL": "https://github.com/acme/rocket/issues/3"}
    ]


def test_no_pools_are_an_empty_array_and_no_tenants_too() -> None:
    assert pools_json([]) == b"[]"
    assert json.loads(pools_json([replace(VIEW, tenant_ids=())]))[0]["TenantIDs"] == []


def test_a_pool_without_pull_requests_is_not_listed() -> None:
    assert pools_json([replace(VIEW, missing=(), outside=(PULL,))]) == b"[]"


def test_an_action_that_tide_does_not_know_is_a_wait() -> None:
    assert json.loads(pools_json([replace(VIEW, action="PROVE")]))[0]["Action"] == "WAIT"


def test_markup_is_escaped_as_go_escapes_it() -> None:
    body = pools_json([VIEW])
    assert rb"Fix \u003cb\u003e \u0026 co" in body
    assert b"<" not in body


def test_times_are_written_as_go_writes_them() -> None:
    whole = replace(PULL, updated_at=NOW, mergeable=Mergeable.UNKNOWN)
    told = json.loads(pools_json([replace(VIEW, missing=(whole,))]))[0]["MissingPRs"][0]
    assert (told["UpdatedAtTime"], told["Mergeable"]) == ("2026-01-02T03:04:05Z", "UNKNOWN")


def test_history_maps_pools_to_records_newest_first() -> None:
    targets = (HistoryTarget(9, "bob", sha(9), "Nine", "nine"), HistoryTarget(7, "alice", sha(7), "", ""))
    older = HistoryRecord(ROCKET, NOW.replace(year=2025), "TRIGGER", "", (), tenant_ids=())
    newer = HistoryRecord(ROCKET, NOW, "MERGE_BATCH", sha("base"), targets, "refused", "ours", ("",))
    assert json.loads(history_json([older, newer])) == {
        "acme/rocket:main": [
            {
                "time": "2026-01-02T03:04:05Z",
                "action": "MERGE_BATCH",
                "baseSHA": sha("base"),
                "target": [
                    {"number": 7, "author": "alice", "sha": sha(7)},
                    {"number": 9, "author": "bob", "sha": sha(9), "title": "Nine", "head_ref": "nine"},
                ],
                "err": "refused",
                "tenantids": [""],
            },
            {"time": "2025-01-02T03:04:05Z", "action": "TRIGGER", "tenantids": []},
        ]
    }


def test_history_keeps_only_actions_that_tide_records() -> None:
    waits = [HistoryRecord(ROCKET, NOW, action, "", ()) for action in ("WAIT", "BLOCKED", "PROVE")]
    assert history_json(waits) == b"{}"


def test_a_whole_morning_can_be_written() -> None:
    views = busy_morning()
    assert [pool["Repo"] for pool in json.loads(pools_json(views.pool_views))] == ["rocket", "rocket", "orbit"]
    assert set(json.loads(history_json(views.records))) == {"acme/orbit:main", "acme/rocket:main"}
