"""How long the reports of jobs that have ended are waited for."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from tide.domain.keys import PoolKey

# Longer than it takes to report in a quiet hour, and than what is known of runs may lag. Our own reporter goes on
# trying for twice as long; one that comes late changes nothing.
REPORT_COMES_WITHIN = timedelta(minutes=10)


@dataclass(slots=True)
class Reports:
    """Remembers since when contexts have been pending without a run: a projection, gathered anew after a restart.

    It is measured by our own steady clock: when a run has ended is told by another machine, and it may be gone.
    """

    _since: dict[PoolKey, dict[tuple[str, str], float]] = field(default_factory=dict)

    def missing(
        self, pool: PoolKey, unattended: Collection[tuple[str, str]], steady: float
    ) -> tuple[tuple[str, str], ...]:
        """Give those (head SHA, context) of a pool whose report does not come any more, sorted.

        Args:
            pool: the pool.
            unattended: all that are pending in it without a run that works on them.
            steady: the present, in seconds of a clock that never jumps.
        """
        known = self._since.get(pool, {})
        self._since[pool] = since = {one: known.get(one, steady) for one in unattended}
        return tuple(sorted(one for one, at in since.items() if _is_late(at, steady)))

    def awaited_for(self, pool: PoolKey, steady: float) -> timedelta | None:
        """Tell for how long the next report of a pool that does not come is still waited for, None without any."""
        awaited = [at for at in self._since.get(pool, {}).values() if not _is_late(at, steady)]
        return REPORT_COMES_WITHIN - timedelta(seconds=steady - min(awaited)) if awaited else None

    def keep(self, pools: Collection[PoolKey]) -> None:
        """Forget all pools but these."""
        self._since = {pool: since for pool, since in self._since.items() if pool in pools}


def _is_late(since: float, steady: float) -> bool:
    return steady - since >= REPORT_COMES_WITHIN.total_seconds()
