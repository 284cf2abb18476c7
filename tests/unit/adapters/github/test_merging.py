import json

import pytest

from tide.adapters.github.answers import Answer
from tide.adapters.github.merging import merge_answer
from tide.domain.errors import Unavailable
from tide.domain.outcomes import Merged, NotMerged, Refusal


def answer(status: int, body: object) -> Answer:
    return Answer("PUT merge", status, {"Content-Type": "application/json"}, json.dumps(body).encode())


def test_a_merge_gives_the_commit() -> None:
    assert merge_answer(answer(200, {"sha": "abc", "merged": True, "message": "done"})) == Merged("abc")


@pytest.mark.parametrize(
    ("status", "message", "refusal"),
    [
        (405, "Base branch was modified. Review and try the merge again.", Refusal.BASE_MODIFIED),
        (405, "You're not authorized to push to this branch. Visit the docs.", Refusal.UNAUTHORIZED),
        (405, "Merge commits are not allowed on this repository.", Refusal.METHOD_FORBIDDEN),
        (405, "Squash merges are not allowed on this repository.", Refusal.METHOD_FORBIDDEN),
        (405, "Rebase merges are not allowed on this repository.", Refusal.METHOD_FORBIDDEN),
        (405, "Pull Request is not mergeable", Refusal.UNMERGEABLE),
        (405, "Pull Request is still a draft", Refusal.UNMERGEABLE),
        (405, "This branch can't be rebased", Refusal.UNMERGEABLE),
        (405, "Merge already in progress", Refusal.BASE_MODIFIED),
        (405, "Changes must be made through the merge queue", Refusal.QUEUE_REQUIRED),
        (405, "Repository rule violations found Changes must be made through the merge queue", Refusal.QUEUE_REQUIRED),
        (405, 'Repository rule violations found Required status check "unit" is expected.', Refusal.RULES),
        (405, "Repository rule violations found Cannot update this protected ref.", Refusal.RULES),
        (405, 'Required status check "unit" is expected.', Refusal.RULES),
        (405, "2 of 3 required status checks are failing.", Refusal.RULES),
        (405, "At least 1 approving review is required by reviewers with write access.", Refusal.RULES),
        (405, "1 review requesting changes by reviewers with write access.", Refusal.RULES),
        (405, "Waiting on code owner review from acme/pilots.", Refusal.RULES),
        (405, "Head branch is out of date", Refusal.RULES),
        (405, "This branch must not contain merge commits.", Refusal.RULES),
        (405, "This branch is locked.", Refusal.RULES),
        (409, "Head branch was modified. Review and try the merge again.", Refusal.HEAD_MODIFIED),
        (403, "Resource not accessible by personal access token", Refusal.UNAUTHORIZED),
        (404, "Not Found", Refusal.UNKNOWN),
        (422, "Validation Failed", Refusal.UNKNOWN),
        (301, "Moved Permanently", Refusal.UNKNOWN),
        (400, "Problems parsing JSON", Refusal.UNKNOWN),
    ],
)
def test_a_refusal_is_told_by_status_and_words(status: int, message: str, refusal: Refusal) -> None:
    assert merge_answer(answer(status, {"message": message})) == NotMerged(refusal, message)


def test_a_missing_permission_is_named() -> None:
    body = json.dumps({"message": "Resource not accessible by integration"}).encode()
    headers = {"X-Accepted-GitHub-Permissions": "contents=write; pull_requests=write"}
    refused = merge_answer(Answer("PUT merge", 403, headers, body, "the GitHub App 7 in acme"))
    expected = (
        "Resource not accessible by integration (the GitHub App 7 in acme needs the permissions contents=write; "
        "pull_requests=write)"
    )
    assert refused == NotMerged(Refusal.UNAUTHORIZED, expected)


@pytest.mark.parametrize("status", [202, 204, 408])
def test_an_answer_that_may_mean_a_merge_leaves_it_open(status: int) -> None:
    with pytest.raises(Unavailable, match="it may have been merged"):
        merge_answer(answer(status, None))


@pytest.mark.parametrize("refusal", Refusal)
def test_some_refusals_are_for_every_pull_request_of_the_branch(refusal: Refusal) -> None:
    for_all = {Refusal.UNAUTHORIZED, Refusal.QUEUE_REQUIRED}
    assert refusal.is_for_all == (refusal in for_all)


def test_a_refusal_without_words_names_its_status() -> None:
    assert merge_answer(answer(405, [])) == NotMerged(Refusal.UNMERGEABLE, "HTTP 405 Method Not Allowed")


def test_success_that_did_not_merge_is_a_refusal() -> None:
    told = {"sha": "abc", "merged": False, "message": "not today"}
    assert merge_answer(answer(200, told)) == NotMerged(Refusal.UNKNOWN, "not today")


def test_success_without_a_commit_leaves_it_open() -> None:
    with pytest.raises(Unavailable):
        merge_answer(answer(200, {"merged": True}))
