"""Statuses, check runs and their sum as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tide.sandbox.branch_rules import classic_rules, ruleset_rules
from tide.sandbox.graphql.accounts import AccountView, account_view
from tide.sandbox.graphql.connections import Connection, Paging, paged
from tide.sandbox.graphql.errors import GithubError, not_found
from tide.sandbox.graphql.rollup import StatusState, worst_state
from tide.sandbox.model import CheckRun, CommitStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Unpack

    from tide.sandbox.graphql.commits import CommitView
    from tide.sandbox.graphql.reading import Reading
    from tide.sandbox.model import PullRequest, Repository


@dataclass(frozen=True)
class ContextView:
    """What a status and a check run have in common: the commit, and whether a pull request requires them."""

    commit: CommitView

    @property
    def reading(self) -> Reading:
        """The request's context."""
        return self.commit.reading

    @property
    def repo(self) -> Repository:
        """Where it is."""
        return self.commit.repo

    def _is_required(self, name: str, node_id: str | None, number: int | None) -> bool:
        """Whether the base branch of that pull request requires a context of this name.

        Raises:
            GithubError: no such pull request, or none named.
        """
        pull = self._pull(node_id, number)
        rules = [
            source(self.reading.forge, self.repo, pull.base_ref, None) for source in (classic_rules, ruleset_rules)
        ]
        checks = [each.required_status_checks.checks for each in rules if each.required_status_checks]
        return any(check.context == name for each in checks for check in each)

    def _pull(self, node_id: str | None, number: int | None) -> PullRequest:
        if node_id is None and number is None:
            raise GithubError("UNPROCESSABLE", "A pull request ID or pull request number is required.")
        for pull in self.repo.pulls.values():
            if pull.node_id == node_id or pull.number == number:
                return pull
        raise not_found(f"Could not resolve to a PullRequest with the number of {number}.")


@dataclass(frozen=True)
class StatusContextView(ContextView):
    """A ``StatusContext``."""

    status: CommitStatus
    typename: ClassVar[str] = "StatusContext"

    @property
    def id(self) -> str:
        """The node id."""
        return self.status.node_id

    @property
    def context(self) -> str:
        """The context."""
        return self.status.context

    def is_required(self, pull_request_id: str | None = None, pull_request_number: int | None = None) -> bool:
        """Whether that pull request needs it."""
        return self._is_required(self.context, pull_request_id, pull_request_number)

    @property
    def state(self) -> str:
        """The state in capitals."""
        return self.status.state.upper()

    @property
    def description(self) -> str | None:
        """What it says."""
        return self.status.description

    @property
    def target_url(self) -> str | None:
        """Where it leads."""
        return self.status.target_url

    @property
    def created_at(self) -> datetime:
        """When it was set."""
        return self.status.created_at

    @property
    def creator(self) -> AccountView | None:
        """Who set it."""
        return account_view(self.reading, self.status.creator)


@dataclass(frozen=True)
class CheckRunView(ContextView):
    """A ``CheckRun``."""

    run: CheckRun
    typename: ClassVar[str] = "CheckRun"

    @property
    def id(self) -> str:
        """The node id."""
        return self.run.node_id

    @property
    def database_id(self) -> int:
        """REST's id."""
        return self.run.id

    @property
    def name(self) -> str:
        """The name."""
        return self.run.name

    def is_required(self, pull_request_id: str | None = None, pull_request_number: int | None = None) -> bool:
        """Whether that pull request needs it."""
        return self._is_required(self.name, pull_request_id, pull_request_number)

    @property
    def status(self) -> str:
        """How far it is, in capitals."""
        return self.run.status.upper()

    @property
    def conclusion(self) -> str | None:
        """How it ended, in capitals."""
        return self.run.conclusion.upper() if self.run.conclusion else None

    @property
    def details_url(self) -> str | None:
        """Where it leads."""
        return self.run.details_url

    @property
    def external_id(self) -> str:
        """The app's own id for it."""
        return self.run.external_id

    @property
    def started_at(self) -> datetime | None:
        """When it began."""
        return self.run.started_at

    @property
    def completed_at(self) -> datetime | None:
        """When it ended."""
        return self.run.completed_at

    @property
    def title(self) -> str | None:
        """The output's title."""
        return self.run.title

    @property
    def summary(self) -> str | None:
        """The output's summary."""
        return self.run.summary

    @property
    def text(self) -> str | None:
        """The output's text."""
        return self.run.text

    @property
    def check_suite(self) -> CheckSuiteView:
        """The suite that it was made in."""
        return CheckSuiteView(self.commit, self.run)


@dataclass(frozen=True)
class CheckSuiteView:
    """A ``CheckSuite``, known by one of its runs."""

    commit: CommitView
    run: CheckRun
    typename: ClassVar[str] = "CheckSuite"

    @property
    def id(self) -> str:
        """The node id."""
        return f"CS_{self.run.suite_id}"

    @property
    def reading(self) -> Reading:
        """The request's context."""
        return self.commit.reading

    @property
    def repo(self) -> Repository:
        """Where it is."""
        return self.commit.repo

    @property
    def app(self) -> AppView:
        """Whose it is."""
        return AppView(self.run.app_id, self.run.app_slug)


@dataclass(frozen=True)
class AppView:
    """An ``App``."""

    database_id: int
    slug: str
    typename: ClassVar[str] = "App"

    @property
    def id(self) -> str:
        """The node id."""
        return f"A_{self.database_id}"

    @property
    def name(self) -> str:
        """The name that people see."""
        return self.slug.replace("-", " ").title()


@dataclass(frozen=True)
class StatusView:
    """A ``Status``: all statuses of a commit, which are never paged."""

    commit: CommitView
    statuses: Sequence[CommitStatus]
    typename: ClassVar[str] = "Status"

    @property
    def id(self) -> str:
        """The node id."""
        return f"S_{self.commit.id}"

    @property
    def state(self) -> StatusState | None:
        """The worst of them."""
        return worst_state(self.statuses, ())

    @property
    def contexts(self) -> list[StatusContextView]:
        """The newest of each context, oldest first."""
        return [StatusContextView(self.commit, status) for status in reversed(self.statuses)]

    def context(self, name: str) -> StatusContextView | None:
        """The one of that name."""
        return next((each for each in self.contexts if each.context == name), None)


@dataclass(frozen=True)
class RollupView:
    """A ``StatusCheckRollup``."""

    commit: CommitView
    check_runs: Sequence[CheckRun]
    statuses: Sequence[CommitStatus]
    typename: ClassVar[str] = "StatusCheckRollup"

    @property
    def id(self) -> str:
        """The node id."""
        return f"SCR_{self.commit.id}"

    @property
    def state(self) -> StatusState | None:
        """The worst of all."""
        return worst_state(self.statuses, self.check_runs)

    def contexts(self, **paging: Unpack[Paging]) -> ContextConnection:
        """Check runs, then statuses, each oldest first: what is new comes behind what a pager has seen."""
        items: list[CheckRun | CommitStatus] = [*reversed(self.check_runs), *reversed(self.statuses)]
        page = paged(items, paging, self._context)
        return ContextConnection(
            page.items, page.start, page.end, page.view, page.cursor, len(self.check_runs), len(self.statuses)
        )

    def _context(self, item: CheckRun | CommitStatus) -> CheckRunView | StatusContextView:
        if isinstance(item, CheckRun):
            return CheckRunView(self.commit, item)
        return StatusContextView(self.commit, item)


@dataclass(frozen=True)
class ContextConnection(Connection):
    """A page of statuses and check runs with the counts of both."""

    check_run_count: int
    status_context_count: int
