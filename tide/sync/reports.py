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
    _awaited: set[PoolKey] = field(default_factory=set)

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
        late = tuple(sorted(one for one, at in since.items() if steady - at >= REPORT_COMES_WITHIN.total_seconds()))
        if len(late) < len(since):
            self._awaited.add(pool)
        else:
            self._awaited.discard(pool)
        return late

    def are_awaited(self, pool: PoolKey) -> bool:
        """Tell whether any report was still waited for when a pool was last looked at."""
        return pool in self._awaited

    def keep(self, pools: Collection[PoolKey]) -> None:
        """Forget all pools but these."""
        self._since = {pool: since for pool, since in self._since.items() if pool in pools}
        self._awaited &= set(pools)
