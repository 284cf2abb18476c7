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
    # Since when the first of those that are still waited for has been pending, as the last look at a pool found it.
    _awaited: dict[PoolKey, float] = field(default_factory=dict)

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
        self._awaited.pop(pool, None)
        if len(late) < len(since):
            self._awaited[pool] = min(at for one, at in since.items() if one not in late)
        return late

    def awaited_for(self, pool: PoolKey, steady: float) -> timedelta | None:
        """Tell for how long a report of a pool is still waited for that the last look has not given up, None for none.

        It may be less than nothing: then the next look gives it up.
        """
        since = self._awaited.get(pool)
        return None if since is None else REPORT_COMES_WITHIN - timedelta(seconds=steady - since)

    def keep(self, pools: Collection[PoolKey]) -> None:
        """Forget all pools but these."""
        self._since = {pool: since for pool, since in self._since.items() if pool in pools}
        self._awaited = {pool: since for pool, since in self._awaited.items() if pool in pools}
