from typing import Any

import pytest

from tests.builders import sha
from tide.domain.keys import HeadKey, Hint, PoolKey, PullKey, RepoKey
from tide.web.hook_payloads import hint_of, place_of

ROCKET = {"full_name": "acme/rocket"}
HEAD = sha("head")
BLOCKER = "tide/merge-blocker"


def told(**fields: Any) -> dict[str, Any]:
    return {"action": "anything", "repository": ROCKET, **fields}


@pytest.mark.parametrize(
    ("event", "fields", "hint"),
    [
        ("pull_request", {"pull_request": {"number": 7}}, PullKey("acme", "rocket", 7)),
        ("pull_request_review", {"pull_request": {"number": 7}}, PullKey("acme", "rocket", 7)),
        ("pull_request_review_thread", {"pull_request": {"number": 7}}, PullKey("acme", "rocket", 7)),
        ("status", {"sha": HEAD}, HeadKey("acme", "rocket", HEAD)),
        ("status", {"sha": HEAD, "context": "unit"}, HeadKey("acme", "rocket", HEAD)),
        ("check_run", {"check_run": {"head_sha": HEAD}}, HeadKey("acme", "rocket", HEAD)),
        ("check_suite", {"check_suite": {"head_sha": HEAD}}, HeadKey("acme", "rocket", HEAD)),
        ("branch_protection_rule", {"rule": {"name": "main"}}, RepoKey("acme", "rocket")),
        ("branch_protection_configuration", {}, RepoKey("acme", "rocket")),
        ("repository_ruleset", {"repository_ruleset": {"id": 1}}, RepoKey("acme", "rocket")),
        ("push", {"ref": "refs/heads/main"}, PoolKey("acme", "rocket", "main")),
        ("push", {"ref": "refs/heads/release/v1"}, PoolKey("acme", "rocket", "release/v1")),
        ("push", {"ref": "refs/heads/refs/heads/odd"}, PoolKey("acme", "rocket", "refs/heads/odd")),
    ],
)
def test_an_event_hints_at_what_it_is_about(event: str, fields: dict[str, Any], hint: Hint) -> None:
    assert hint_of(event, told(**fields), BLOCKER) == hint


def test_our_own_status_asks_for_no_other_look() -> None:
    assert hint_of("status", told(sha=HEAD, context="tide"), BLOCKER) is None


def issue(*labels: str) -> dict[str, Any]:
    return {"issue": {"number": 3, "labels": [{"name": label} for label in labels]}}


@pytest.mark.parametrize(
    "fields",
    [
        issue("bug", "tide/merge-blocker"),
        issue("Tide/Merge-Blocker"),
        issue("bug") | {"action": "unlabeled", "label": {"name": "tide/merge-blocker"}},
    ],
)
def test_an_issue_that_blocks_or_did_hints_at_its_repository(fields: dict[str, Any]) -> None:
    assert hint_of("issues", told(**fields), BLOCKER) == RepoKey("acme", "rocket")


def test_other_issues_hint_at_nothing() -> None:
    assert hint_of("issues", told(**issue("bug")), BLOCKER) is None
    assert hint_of("issues", told(issue={"number": 3}), BLOCKER) is None
    assert hint_of("issues", told(**issue("")), "") is None


@pytest.mark.parametrize("event", ["ping", "star", "merge_group", "no_such_event", "", "Push"])
def test_other_events_hint_at_nothing(event: str) -> None:
    assert hint_of(event, told(ref="refs/heads/main", pull_request={"number": 7}), BLOCKER) is None


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("pull_request", {}),
        ("pull_request", {"pull_request": None}),
        ("pull_request", {"pull_request": {"number": 0}}),
        ("pull_request", {"pull_request": {"number": 2**31}}),
        ("pull_request", {"pull_request": {"number": [7]}}),
        ("pull_request", {"pull_request": {"number": 7}, "repository": None}),
        ("pull_request", {"pull_request": {"number": 7}, "repository": {"full_name": "acme/rocket/extra"}}),
        ("pull_request", {"pull_request": {"number": 7}, "repository": {"full_name": "acme/ro cket"}}),
        ("pull_request", {"pull_request": {"number": 7}, "repository": {"full_name": "acme/rocket\n"}}),
        ("status", {"sha": HEAD[:7]}),
        ("status", {"sha": f"{HEAD}\n"}),
        ("status", {"sha": "refs/heads/main"}),
        ("check_run", {"check_run": {"head_sha": None}}),
        ("check_suite", {"check_suite": []}),
        ("push", {"ref": "refs/tags/v1"}),
        ("push", {"ref": "refs/heads/"}),
        ("push", {"ref": "main"}),
        ("push", {"ref": "refs/heads/nul\x00"}),
        ("push", {"ref": "refs/heads/half \ud83d a pair"}),
        ("push", {"ref": "refs/heads/half\ud83da-pair"}),
        ("push", {"ref": "refs/heads/" + "x" * 2000}),
        ("issues", {"issue": {"labels": "tide/merge-blocker"}}),
    ],
)
def test_a_payload_of_another_shape_hints_at_nothing(event: str, fields: dict[str, Any]) -> None:
    assert hint_of(event, told(**fields), BLOCKER) is None


def test_a_payload_speaks_of_a_repository_or_else_of_an_organisation() -> None:
    organization = {"login": "acme"}
    assert place_of({"repository": ROCKET, "organization": {"login": "other"}}) == "acme/rocket"
    assert place_of({"organization": organization}) == "acme"
    assert place_of({"repository": None, "organization": organization}) == "acme"
    assert place_of({"installation": {"id": 1}}) == ""
    assert place_of({"repository": "acme/rocket"}) == ""
