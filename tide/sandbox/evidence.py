"""Deeds on commits: statuses and check runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tide.sandbox.changes import CheckRunChanged, StatusCreated
from tide.sandbox.model import CheckRun, CommitStatus
from tide.sandbox.registry import DEFAULT_LOGIN, Registry

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Literal

    from tide.sandbox.model import CheckConclusion, CheckStatus, Repository, StatusState

STATUSES_PER_CONTEXT = 1000
"""GitHub: "there is a limit of 1000 statuses per sha and context" (REST, create a commit status)."""

DESCRIPTION_LIMIT = 140
"""Longest description of a commit status, in characters."""

DEFAULT_APP = (15368, "github-actions")
"""Id and slug of the app that check runs belong to unless told otherwise."""


class TooManyStatusesError(ValueError):
    """This SHA and context already has as many statuses as GitHub keeps."""


@dataclass(frozen=True, kw_only=True)
class NewStatus:
    """A commit status to set."""

    context: str
    state: StatusState
    description: str | None = None
    target_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class CheckOutput:
    """What a check run shows."""

    title: str | None = None
    summary: str | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewCheckRun:
    """A check run to start; with a conclusion it is completed at once.

    An app has one suite on a commit, but for one of each workflow that GitHub Actions runs there.
    """

    name: str
    status: CheckStatus = "queued"
    conclusion: CheckConclusion | None = None
    app: tuple[int, str] = DEFAULT_APP
    workflow: str = ""
    details_url: str | None = None
    external_id: str = ""
    started_at: datetime | None = None
    output: CheckOutput | None = None


class Evidence(Registry):
    """Commit statuses and check runs; neither moves a pull's ``updated_at``, as at GitHub."""

    def create_status(
        self, repository: Repository, sha: str, new: NewStatus, creator: str = DEFAULT_LOGIN
    ) -> CommitStatus:
        """Set a status on a commit.

        Raises:
            TooManyStatusesError: there are ``STATUSES_PER_CONTEXT`` already.
        """
        kept = repository.statuses.setdefault(sha, [])
        if sum(status.context == new.context for status in kept) >= STATUSES_PER_CONTEXT:
            raise TooManyStatusesError(new.context)
        number = self.next_id()
        status = CommitStatus(
            id=number,
            node_id=self.node_id("SC", number),
            sha=sha,
            context=new.context,
            state=new.state,
            description=new.description,
            target_url=new.target_url,
            creator=self.account(creator).login,
            created_at=self.now(),
        )
        kept.append(status)
        self.log.publish(
            StatusCreated(
                sequence=self.log.next_sequence(), at=self.now(), actor=creator, repository=repository, status=status
            )
        )
        return status

    def create_check_run(self, repository: Repository, sha: str, new: NewCheckRun) -> CheckRun:
        """Start a check run on a commit."""
        number = self.next_id()
        run = CheckRun(
            id=number,
            node_id=self.node_id("CR", number),
            head_sha=sha,
            name=new.name,
            status="queued",
            conclusion=None,
            started_at=new.started_at or self.now(),
            completed_at=None,
            app_id=new.app[0],
            app_slug=new.app[1],
            suite_id=self._suite(repository, sha, new),
            details_url=new.details_url,
            external_id=new.external_id,
        )
        _show(run, new.output)
        repository.check_runs.setdefault(sha, []).append(run)
        self._set_progress(run, new.status, new.conclusion)
        self._publish_run(repository, run, "created")
        if run.status == "completed":
            self._publish_run(repository, run, "completed")
        return run

    def _suite(self, repository: Repository, sha: str, new: NewCheckRun) -> int:
        key = (sha, new.app[0], new.workflow)
        if key not in repository.check_suites:
            repository.check_suites[key] = self.next_id()
        return repository.check_suites[key]

    def update_check_run(
        self,
        repository: Repository,
        run: CheckRun,
        *,
        status: CheckStatus | None = None,
        conclusion: CheckConclusion | None = None,
        output: CheckOutput | None = None,
    ) -> None:
        """Move a check run on."""
        was_completed = run.status == "completed"
        _show(run, output)
        self._set_progress(run, status or run.status, conclusion or run.conclusion)
        if run.status == "completed" and not was_completed:
            self._publish_run(repository, run, "completed")

    def _set_progress(self, run: CheckRun, status: CheckStatus, conclusion: CheckConclusion | None) -> None:
        run.status = "completed" if conclusion else status
        run.conclusion = conclusion if run.status == "completed" else None
        run.completed_at = (run.completed_at or self.now()) if run.status == "completed" else None

    def _publish_run(
        self, repository: Repository, run: CheckRun, action: Literal["created", "completed", "rerequested"]
    ) -> None:
        self.log.publish(
            CheckRunChanged(
                sequence=self.log.next_sequence(),
                at=self.now(),
                actor=f"{run.app_slug}[bot]",
                repository=repository,
                action=action,
                check_run=run,
            )
        )


def _show(run: CheckRun, output: CheckOutput | None) -> None:
    if output is not None:
        run.title, run.summary, run.text = output.title, output.summary, output.text
