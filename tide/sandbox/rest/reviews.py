"""Endpoints of reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tide.sandbox.rest.call import Answer, Body, RestError
from tide.sandbox.rest.shapes_pulls import review

if TYPE_CHECKING:
    from tide.sandbox.model import Review, ReviewState
    from tide.sandbox.rest.call import Call

_STATES: dict[str, ReviewState] = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


class ReviewBody(Body):
    """Body of ``POST /pulls/{number}/reviews``."""

    event: Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"]
    body: str = ""
    commit_id: str | None = None


def _show(call: Call, found: Review) -> dict[str, object]:
    return review(call.base, call.forge, call.repository, call.pull, found)


async def list_reviews(call: Call) -> Answer:
    """``GET /pulls/{number}/reviews``: oldest first."""
    return call.page(call.pull.reviews, lambda found: _show(call, found))


async def create_review(call: Call) -> Answer:
    """``POST /pulls/{number}/reviews``."""
    body, pull = call.body(ReviewBody), call.pull
    if call.login == pull.author and body.event != "COMMENT":
        words = "approve" if body.event == "APPROVE" else "request changes on"
        raise RestError(422, "Unprocessable Entity", errors=[f"Can not {words} your own pull request"])
    if body.event != "APPROVE" and not body.body:
        raise RestError(422, "Unprocessable Entity", errors=["Body can't be blank"])
    made = call.forge.submit_review(
        call.repository,
        pull,
        author=call.login,
        state=_STATES[body.event],
        body=body.body,
        commit_id=body.commit_id,
    )
    return Answer(_show(call, made))
