"""What GitHub's answer to a request for a merge means.

Sources: Prow: github/client.go, Merge; GitHub docs: Merge a pull request (200, 403, 404, 405, 409, 422). GitHub tells
its reasons in words only; most of them come as 405.

====================  =================================================================================================
answer                means
====================  =================================================================================================
200                   merged
405                   by its words (`_WORDS`), else the pull request cannot be merged as it is
409                   the head is not the one that was asked for
403                   we may not: no permission, or an archived repository; a rate limit never gets here
404, 422, others      unknown: the pull request is gone or hidden, or the request was not understood
401, 5xx, rate limit  errors, see `tide.adapters.github.client.Client.write`
408, other 2xx        Unavailable: it may have been merged
====================  =================================================================================================
"""

from collections.abc import Mapping
from http import HTTPStatus

from tide.adapters.github.answers import Answer, missing
from tide.domain.errors import Unavailable
from tide.domain.outcomes import MergeAnswer, Merged, NotMerged, Refusal

# The first that is found counts: a ruleset names all that it misses under one heading.
_WORDS = (
    ("base branch was modified", Refusal.BASE_MODIFIED),
    # googleapis/google-cloud-ruby#29162: another merge into the branch is under way.
    ("merge already in progress", Refusal.BASE_MODIFIED),
    ("changes must be made through the merge queue", Refusal.QUEUE_REQUIRED),
    ("you're not authorized to push to this branch", Refusal.UNAUTHORIZED),
    ("merge commits are not allowed on this repository", Refusal.METHOD_FORBIDDEN),
    ("squash merges are not allowed on this repository", Refusal.METHOD_FORBIDDEN),
    ("rebase merges are not allowed on this repository", Refusal.METHOD_FORBIDDEN),
    ("repository rule violations found", Refusal.RULES),
    # Classic protection says one thing at a time (GitHub docs: About protected branches).
    ("required status check", Refusal.RULES),
    ("approving review", Refusal.RULES),
    ("requesting changes", Refusal.RULES),
    ("code owner", Refusal.RULES),
    ("head branch is out of date", Refusal.RULES),
    ("must not contain merge commits", Refusal.RULES),
    ("verified signatures", Refusal.RULES),
    ("must be resolved", Refusal.RULES),
    ("cannot update this protected ref", Refusal.RULES),
    ("this branch is locked", Refusal.RULES),
)

_REFUSALS: Mapping[int, Refusal] = {
    HTTPStatus.CONFLICT: Refusal.HEAD_MODIFIED,
    # Prow takes it for unknown and goes on with the next pull request, which is refused as well.
    HTTPStatus.FORBIDDEN: Refusal.UNAUTHORIZED,
}


def merge_answer(answer: Answer) -> MergeAnswer:
    """Give what became of a merge.

    Args:
        answer: An answer below 500.

    Raises:
        Unavailable: It may have been merged, but the answer does not say what the branch got.
    """
    if answer.status == HTTPStatus.OK:
        return _merged(answer)
    if answer.status < HTTPStatus.MULTIPLE_CHOICES or answer.status == HTTPStatus.REQUEST_TIMEOUT:
        raise Unavailable(f"{answer.asked}: {answer.message}, so it may have been merged")
    return NotMerged(_refusal(answer.status, answer.message), f"{answer.message}{missing(answer)}")


def _merged(answer: Answer) -> MergeAnswer:
    told = answer.json()
    sha = told.get("sha") if isinstance(told, dict) else None
    if not isinstance(sha, str) or not sha:
        raise Unavailable(f"{answer.asked}: merged, as it seems, but the answer names no commit")
    return Merged(sha) if told.get("merged", True) else NotMerged(Refusal.UNKNOWN, answer.message)


def _refusal(status: int, message: str) -> Refusal:
    if status != HTTPStatus.METHOD_NOT_ALLOWED:
        return _REFUSALS.get(status, Refusal.UNKNOWN)
    said = message.lower()
    return next((refusal for words, refusal in _WORDS if words in said), Refusal.UNMERGEABLE)
