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
        (405, "Changes must be made through the merge queue", Refusal.UNMERGEABLE),
        (409, "Head branch was modified. Review and try the merge again.", Refusal.HEAD_MODIFIED),
        (403, "Resource not accessible by personal access token", Refusal.UNKNOWN),
        (404, "Not Found", Refusal.UNKNOWN),
        (422, "Validation Failed", Refusal.UNKNOWN),
    ],
)
def test_a_refusal_is_told_by_status_and_words(status: int, message: str, refusal: Refusal) -> None:
    assert merge_answer(answer(status, {"message": message})) == NotMerged(refusal, message)


def test_a_refusal_without_words_names_its_status() -> None:
    assert merge_answer(answer(405, [])) == NotMerged(Refusal.UNMERGEABLE, "HTTP 405 Method Not Allowed")


def test_success_that_did_not_merge_is_a_refusal() -> None:
    told = {"sha": "abc", "merged": False, "message": "not today"}
    assert merge_answer(answer(200, told)) == NotMerged(Refusal.UNKNOWN, "not today")


def test_success_without_a_commit_leaves_it_open() -> None:
    with pytest.raises(Unavailable):
        merge_answer(answer(200, {"merged": True}))
