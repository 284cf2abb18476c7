"""Deeds of reviewers on pull requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tide.sandbox.changes import ReviewChanged
from tide.sandbox.conversations import Conversations
from tide.sandbox.model import Review
from tide.sandbox.registry import DEFAULT_LOGIN

if TYPE_CHECKING:
    from tide.sandbox.model import PullRequest, Repository, ReviewState


Action = Literal["submitted", "dismissed"]


class Reviews(Conversations):
    """Reviews asked for, submitted and dismissed."""

    def submit_review(
        self,
        repository: Repository,
        pull: PullRequest,
        *,
        author: str,
        state: ReviewState,
        body: str = "",
        commit_id: str | None = None,
    ) -> Review:
        """Submit a review of the head (or of ``commit_id``)."""
        number = self.next_id()
        review = Review(
            id=number,
            node_id=self.node_id("PRR", number),
            author=self.account(author).login,
            state=state,
            body=body,
            commit_id=commit_id or pull.head_sha,
            submitted_at=self.now(),
        )
        pull.reviews.append(review)
        self._publish_review(repository, pull, review, "submitted", author)
        return review

    def dismiss_review(
        self, repository: Repository, pull: PullRequest, review: Review, actor: str = DEFAULT_LOGIN
    ) -> None:
        """Dismiss a review: it no longer counts."""
        review.state = "DISMISSED"
        self._publish_review(repository, pull, review, "dismissed", actor)

    def _publish_review(
        self,
        repository: Repository,
        pull: PullRequest,
        review: Review,
        action: Literal["submitted", "dismissed"],
        actor: str,
    ) -> None:
        pull.updated_at = self.now()
        self.log.publish(
            ReviewChanged(
                sequence=self.log.next_sequence(),
                at=self.now(),
                actor=actor,
                repository=repository,
                action=action,
                pull=pull,
                review=review,
            )
        )
