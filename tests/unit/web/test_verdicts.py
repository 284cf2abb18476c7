from dataclasses import replace

import pytest

from tests.builders import NOW, make_pull, make_snapshot, sha
from tide.domain.decisions import Place, Requirement, Verdict, VerdictKind
from tide.domain.records import PullRecord
from tide.domain.snapshot import PullView
from tide.policy.decide import decide
from tide.web.api_models import PullDocument, explain_json
from tide.web.verdicts import reason_of, verdict_of

PULL = make_pull(7)
VERDICT = Verdict(
    PULL.key,
    PULL.head_sha,
    VerdictKind.BLOCKED,
    Place.OUTSIDE,
    "It lacks a label.",
    (Requirement("Has the label lgtm", met=False, detail="ask a reviewer", query=0),),
    ("Get an lgtm.",),
)


def test_the_explanation_has_exactly_the_promised_fields() -> None:
    assert explain_json(PullRecord(PULL, VERDICT, NOW)) == {
        "pull": "acme/rocket#7",
        "verdict": "blocked",
        "summary": "It lacks a label.",
        "requirements": [{"name": "Has the label lgtm", "met": False, "detail": "ask a reviewer", "query": 0}],
        "position": None,
        "unblock": ["Get an lgtm."],
        "runs": [],
    }


def test_a_merged_pull_request_is_merged_whatever_was_said_before() -> None:
    merged = replace(PULL, is_open=False, is_merged=True)
    assert verdict_of(PullRecord(merged, VERDICT, NOW)).kind is VerdictKind.MERGED


def test_a_closed_pull_request_is_blocked_until_it_is_reopened() -> None:
    told = verdict_of(PullRecord(replace(PULL, is_open=False), VERDICT, NOW))
    assert (told.kind, told.summary, told.unblock) == (VerdictKind.BLOCKED, "PR is closed.", ("Reopen it.",))


@pytest.mark.parametrize("is_merged", [False, True])
def test_what_is_over_is_told_as_the_decision_tells_it(*, is_merged: bool) -> None:
    over = replace(PULL, is_open=False, is_merged=is_merged)
    (decided,) = decide(make_snapshot(PullView(over))).verdicts
    told = verdict_of(PullRecord(over, None, NOW))
    assert (told.kind, told.summary, told.unblock) == (decided.kind, reason_of(decided), decided.unblock)


def test_without_a_decision_the_answer_is_unknown() -> None:
    assert verdict_of(PullRecord(PULL, None, NOW)).kind is VerdictKind.UNKNOWN


def test_a_verdict_on_an_earlier_head_says_so() -> None:
    pushed = replace(PULL, head_sha=sha("pushed"))
    assert PULL.head_sha[:7] in verdict_of(PullRecord(pushed, VERDICT, NOW)).summary


def test_the_document_of_a_pull_request_tells_times_in_utc() -> None:
    document = PullDocument.about(PullRecord(PULL, VERDICT, NOW)).model_dump(mode="json")
    assert document["read_at"] == "2026-01-02T03:04:05Z"
    assert document["verdict"] == "blocked"


def test_a_reason_does_not_begin_like_a_commit_status() -> None:
    assert reason_of(replace(VERDICT, summary="Not mergeable. Needs lgtm label.")) == "Needs lgtm label."
    assert reason_of(replace(VERDICT, summary="In merge pool.")) == "In merge pool."
