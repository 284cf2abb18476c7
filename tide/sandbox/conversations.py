"""Deeds on issues and on the conversation that issues and pull requests share: labels, comments, milestones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tide.sandbox.changes import CommentChanged, IssueChanged, PullChanged
from tide.sandbox.model import Comment, Issue, PullRequest
from tide.sandbox.registry import DEFAULT_LOGIN, Registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tide.sandbox.changes import Action
    from tide.sandbox.model import IssueState, Repository


class Conversations(Registry):
    """Issues, labels, comments. Every deed moves ``updated_at``, as at GitHub."""

    def open_issue(
        self,
        repository: Repository,
        *,
        title: str,
        body: str | None = None,
        author: str = DEFAULT_LOGIN,
        labels: Iterable[str] = (),
    ) -> Issue:
        """Open an issue."""
        number = self.next_id()
        issue = Issue(
            id=number,
            node_id=self.node_id("I", number),
            number=self.take_number(repository),
            title=title,
            body=body,
            author=self.account(author).login,
            created_at=self.now(),
            updated_at=self.now(),
        )
        repository.issues[issue.number] = issue
        self.nodes[issue.node_id] = issue
        self.touch(repository, issue, "opened", author)
        for label in labels:
            self.add_label(repository, issue, label, author)
        return issue

    def take_number(self, repository: Repository) -> int:
        """Return the next number that issues and pulls of a repository share."""
        number = repository.next_number
        repository.next_number += 1
        return number

    def touch(
        self,
        repository: Repository,
        issue: Issue,
        action: Action,
        actor: str,
        *,
        label: str | None = None,
        before: dict[str, Any] | None = None,
    ) -> None:
        """Move ``updated_at`` and publish the change as that of an issue or of a pull, whichever it is."""
        issue.updated_at = self.now()
        sequence = self.log.next_sequence()
        kept = before or {}
        if isinstance(issue, PullRequest):
            self.log.publish(
                PullChanged(
                    sequence=sequence,
                    at=issue.updated_at,
                    actor=actor,
                    repository=repository,
                    action=action,
                    pull=issue,
                    label=label,
                    before=kept,
                )
            )
        else:
            self.log.publish(
                IssueChanged(
                    sequence=sequence,
                    at=issue.updated_at,
                    actor=actor,
                    repository=repository,
                    action=action,
                    issue=issue,
                    label=label,
                    before=kept,
                )
            )

    def add_label(self, repository: Repository, issue: Issue, name: str, actor: str = DEFAULT_LOGIN) -> None:
        """Put a label on, made when the repository has none of that name; nothing happens if it is on."""
        label = self.ensure_label(repository, name)
        if label.name not in issue.labels:
            issue.labels.append(label.name)
            self.touch(repository, issue, "labeled", actor, label=label.name)

    def remove_label(self, repository: Repository, issue: Issue, name: str, actor: str = DEFAULT_LOGIN) -> bool:
        """Take a label off; returns whether it was on."""
        for label in issue.labels:
            if label.lower() == name.lower():
                issue.labels.remove(label)
                self.touch(repository, issue, "unlabeled", actor, label=label)
                return True
        return False

    def edit_issue(
        self,
        repository: Repository,
        issue: Issue,
        *,
        title: str | None = None,
        body: str | None = None,
        actor: str = DEFAULT_LOGIN,
    ) -> None:
        """Change title or body; None leaves a field as it is."""
        before: dict[str, Any] = {}
        if title is not None and title != issue.title:
            before["title"], issue.title = issue.title, title
        if body is not None and body != issue.body:
            before["body"], issue.body = issue.body, body
        if before:
            self.touch(repository, issue, "edited", actor, before=before)

    def set_issue_state(
        self,
        repository: Repository,
        issue: Issue,
        state: IssueState,
        *,
        reason: str | None = None,
        actor: str = DEFAULT_LOGIN,
    ) -> None:
        """Close or reopen an issue (pulls: ``close_pull``, ``reopen_pull``)."""
        if issue.state == state:
            return
        issue.state = state
        issue.state_reason = (reason or "completed") if state == "closed" else "reopened"
        issue.closed_at = self.now() if state == "closed" else None
        issue.closed_by = actor if state == "closed" else None
        self.touch(repository, issue, "closed" if state == "closed" else "reopened", actor)

    def set_milestone(
        self, repository: Repository, issue: Issue, number: int | None, actor: str = DEFAULT_LOGIN
    ) -> None:
        """Put the issue or pull on a milestone, or off with None.

        Raises:
            KeyError: the repository has no milestone of that number.
        """
        if number is not None and number not in repository.milestones:
            raise KeyError(number)
        if issue.milestone != number:
            issue.milestone = number
            self.touch(repository, issue, "demilestoned" if number is None else "milestoned", actor)

    def comment(self, repository: Repository, issue: Issue, body: str, author: str = DEFAULT_LOGIN) -> Comment:
        """Write a comment on an issue or pull."""
        number = self.next_id()
        comment = Comment(number, self.node_id("IC", number), self.account(author).login, body, self.now(), self.now())
        issue.comments.append(comment)
        self._publish_comment(repository, issue, comment, "created", author)
        return comment

    def edit_comment(
        self, repository: Repository, issue: Issue, comment: Comment, body: str, actor: str = DEFAULT_LOGIN
    ) -> None:
        """Replace a comment's text."""
        comment.body = body
        comment.updated_at = self.now()
        self._publish_comment(repository, issue, comment, "edited", actor)

    def delete_comment(
        self, repository: Repository, issue: Issue, comment: Comment, actor: str = DEFAULT_LOGIN
    ) -> None:
        """Remove a comment."""
        issue.comments.remove(comment)
        self._publish_comment(repository, issue, comment, "deleted", actor)

    def _publish_comment(self, repository: Repository, issue: Issue, comment: Comment, action: Any, actor: str) -> None:
        issue.updated_at = self.now()
        self.log.publish(
            CommentChanged(
                sequence=self.log.next_sequence(),
                at=self.now(),
                actor=actor,
                repository=repository,
                action=action,
                issue=issue,
                comment=comment,
            )
        )
