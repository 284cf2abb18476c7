"""What the daemon knows of itself, gathered for the page and the probes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tide.domain.decisions import Decision
from tide.domain.errors import RemoteError, StoreError
from tide.domain.keys import PoolKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import Standing
from tide.ports.clock import Clock
from tide.web.status import DaemonStatus


@dataclass(slots=True)
class StatusKeeper:
    """Keeps the daemon's status; is told like any observer.

    `errors` gives the errors of the last search, `problems` those of configuration files that could not be taken over
    with the time since when.
    """

    clock: Clock
    status: DaemonStatus
    errors: Callable[[], tuple[str, ...]] = lambda: ()
    problems: Callable[[], tuple[tuple[str, ...], datetime | None]] = lambda: ((), None)
    _last_syncs: dict[str, datetime] = field(default_factory=dict)
    _github_down_since: datetime | None = None
    _github_error: str = ""
    _is_database_ok: bool = True

    def now(self) -> DaemonStatus:
        """Give the status at this moment."""
        problems, since = self.problems()
        return replace(
            self.status,
            last_syncs=dict(self._last_syncs),
            github_error=self._github_error,
            github_down_since=self._github_down_since,
            is_database_ok=self._is_database_ok,
            config_problems=problems,
            config_broken_since=since,
        )

    def sync_failed(self, error: Exception) -> None:
        """Keep what a sync that could not be done at all died of."""
        if isinstance(error, StoreError):
            self._is_database_ok = False

    def decided(self, decision: Decision) -> None:
        """Take a decision as a sign that GitHub and the database answer."""
        del decision
        self._is_database_ok = True

    def standing_seen(self, pool: PoolKey, standing: Standing) -> None:
        """Nothing to keep."""

    def enacted(self, pool: PoolKey, outcome: Outcome) -> None:
        """Nothing to keep."""

    def pool_failed(self, pool: PoolKey, error: BaseException) -> None:
        """Keep whether it was the database."""
        del pool
        if isinstance(error, StoreError):
            self._is_database_ok = False
        if isinstance(error, RemoteError) and not self._github_error:
            self._tell_github(str(error))

    def query_answered(self, query_index: int, org_shard: str, result: str) -> None:
        """Nothing to keep."""

    def pools_vanished(self, remaining: frozenset[PoolKey]) -> None:
        """Take it as a sign that the database answers: the pools were just read from it."""
        del remaining
        self._is_database_ok = True

    def synced(self, controller: str, took: timedelta) -> None:
        """Keep when the round ended, and what GitHub said in it."""
        del took
        self._last_syncs[controller] = self.clock.now()
        self._tell_github("; ".join(self.errors()))

    def _tell_github(self, error: str) -> None:
        self._github_error = error
        if not error:
            self._github_down_since = None
        elif self._github_down_since is None:
            self._github_down_since = self.clock.now()
