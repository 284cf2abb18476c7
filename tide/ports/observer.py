"""Who is told what happened: metrics, logs."""

from datetime import timedelta
from typing import Protocol

from tide.domain.decisions import Decision
from tide.domain.keys import PoolKey, PullKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import Standing


class Observer(Protocol):
    """Is told; never answers, never raises."""

    def decided(self, decision: Decision) -> None:
        """A pool was decided."""
        ...

    def standing_seen(self, pool: PoolKey, standing: Standing) -> None:
        """How far a pool's branch may be trusted was read, for a decision."""
        ...

    def enacted(self, pool: PoolKey, outcome: Outcome) -> None:
        """An action was done, or was tried."""
        ...

    def pool_failed(self, pool: PoolKey, error: BaseException) -> None:
        """A pool could not be decided, or its action failed in a way that operators must look at."""
        ...

    def status_withheld(self, pull: PullKey, reason: str) -> None:
        """The status of a pull request should be another one and was not written."""
        ...

    def status_written(self, pull: PullKey) -> None:
        """The status of a pull request was written."""
        ...

    def template_failed(self, pull: PullKey, reason: str) -> None:
        """A template for the text of a merge gave none, so that the code host writes it."""
        ...

    def query_answered(self, query_index: int, org_shard: str, result: str) -> None:
        """A query was sent; `result` is `success` or `error` (Prow: tidequeryresults)."""
        ...

    def pools_vanished(self, remaining: frozenset[PoolKey]) -> None:
        """Only these pools are left."""
        ...

    def synced(self, controller: str, took: timedelta) -> None:
        """A round ended, well or not (Prow: tidesyncheartbeat, syncdur)."""
        ...
