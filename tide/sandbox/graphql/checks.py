"""Statuses, check runs and their sum as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tide.sandbox.graphql.connections import Connection, Paging, paged
from tide.sandbox.graphql.rollup import StatusState, worst_state
from tide.sandbox.model import CheckRun, CommitStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Unpack


@dataclass(frozen=True)
class StatusContextView:
    """A ``StatusContext``."""

    status: CommitStatus
    typename: ClassVar[str] = "StatusContext"

    @property
    def context(self) -> str:
        """The context."""
        return self.status.context

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


@dataclass(frozen=True)
class CheckRunView:
    """A ``CheckRun``."""

    run: CheckRun
    typename: ClassVar[str] = "CheckRun"

    @property
    def database_id(self) -> int:
        """REST's id."""
        return self.run.id

    @property
    def name(self) -> str:
        """The name."""
        return self.run.name

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
    def started_at(self) -> datetime | None:
        """When it began."""
        return self.run.started_at

    @property
    def completed_at(self) -> datetime | None:
        """When it ended."""
        return self.run.completed_at

    @property
    def check_suite(self) -> CheckSuiteView:
        """The suite that it was made in."""
        return CheckSuiteView(self.run)


@dataclass(frozen=True)
class CheckSuiteView:
    """A ``CheckSuite``, known by one of its runs."""

    run: CheckRun

    @property
    def id(self) -> str:
        """The node id."""
        return f"CS_{self.run.suite_id}"

    @property
    def app(self) -> AppView:
        """Whose it is."""
        return AppView(self.run.app_id, self.run.app_slug)


@dataclass(frozen=True)
class AppView:
    """An ``App``."""

    database_id: int
    slug: str

    @property
    def name(self) -> str:
        """The name that people see."""
        return self.slug.replace("-", " ").title()


@dataclass(frozen=True)
class StatusView:
    """A ``Status``: all statuses of a commit, which are never paged."""

    statuses: Sequence[CommitStatus]

    @property
    def contexts(self) -> list[StatusContextView]:
        """The newest of each context, oldest first."""
        return [StatusContextView(status) for status in reversed(self.statuses)]


@dataclass(frozen=True)
class RollupView:
    """A ``StatusCheckRollup``; ``commit`` is the view of the commit that it is of."""

    commit: object
    check_runs: Sequence[CheckRun]
    statuses: Sequence[CommitStatus]

    @property
    def state(self) -> StatusState | None:
        """The worst of all."""
        return worst_state(self.statuses, self.check_runs)

    def contexts(self, **paging: Unpack[Paging]) -> Connection:
        """Check runs, then statuses, each oldest first: what is new comes behind what a pager has seen."""
        items: list[CheckRun | CommitStatus] = [*reversed(self.check_runs), *reversed(self.statuses)]
        return paged(items, paging, _context)


def _context(item: CheckRun | CommitStatus) -> CheckRunView | StatusContextView:
    return CheckRunView(item) if isinstance(item, CheckRun) else StatusContextView(item)
