"""Numbers by which it is seen whether any run of a pool has changed."""

from collections.abc import Collection
from dataclasses import dataclass, field

from tide.domain.keys import PoolKey


@dataclass(slots=True)
class Versions:
    """Gives each pool a number, another one after each change and never one that it had before."""

    _latest: int = 0
    _others: int = 0
    _pools: dict[PoolKey, int] = field(default_factory=dict)

    def of(self, pool: PoolKey) -> int:
        """Give the number of a pool as it is now."""
        return self._pools.get(pool, self._others)

    def changed(self, pool: PoolKey) -> None:
        """Hear that a run of a pool has appeared, changed or gone."""
        self._latest += 1
        self._pools[pool] = self._latest

    def keep(self, pools: Collection[PoolKey] = ()) -> None:
        """Forget all but these, as if each of the others had changed."""
        self._latest += 1
        self._others = self._latest
        self._pools = {pool: number for pool, number in self._pools.items() if pool in pools}
