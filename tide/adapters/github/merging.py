"""What GitHub's answer to a request for a merge means.

Sources: Prow: github/client.go, Merge; GitHub docs: Merge a pull request.
"""

from http import HTTPStatus

from tide.adapters.github.answers import Answer
from tide.domain.errors import Unavailable
from tide.domain.outcomes import MergeAnswer, Merged, NotMerged, Refusal

# All three come as 405, as does every other reason why a pull request cannot be merged.
_TEXTS = (
    ("base branch was modified", Refusal.BASE_MODIFIED),
    ("you're not authorized to push to this branch", Refusal.UNAUTHORIZED),
    ("merge commits are not allowed on this repository", Refusal.METHOD_FORBIDDEN),
    ("squash merges are not allowed on this repository", Refusal.METHOD_FORBIDDEN),
    ("rebase merges are not allowed on this repository", Refusal.METHOD_FORBIDDEN),
)


def merge_answer(answer: Answer) -> MergeAnswer:
    """Give what became of a merge.

    Args:
        answer: An answer below 500.

    Raises:
        Unavailable: It says that it merged, but not what the branch got.
    """
    if answer.status == HTTPStatus.OK:
        return _merged(answer)
    return NotMerged(_refusal(answer.status, answer.message), answer.message)


def _merged(answer: Answer) -> MergeAnswer:
    told = answer.json()
    sha = told.get("sha") if isinstance(told, dict) else None
    if not isinstance(sha, str) or not sha:
        raise Unavailable(f"{answer.asked}: merged, as it seems, but the answer names no commit")
    return Merged(sha) if told.get("merged", True) else NotMerged(Refusal.UNKNOWN, answer.message)


def _refusal(status: int, message: str) -> Refusal:
    if status == HTTPStatus.CONFLICT:
        return Refusal.HEAD_MODIFIED
    if status != HTTPStatus.METHOD_NOT_ALLOWED:
        return Refusal.UNKNOWN
    said = message.lower()
    return next((refusal for text, refusal in _TEXTS if text in said), Refusal.UNMERGEABLE)
