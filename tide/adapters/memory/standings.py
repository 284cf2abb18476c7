"""How far the branches may be trusted."""

from tide.adapters.documents import storable
from tide.adapters.memory.tables import Tables
from tide.domain.keys import PoolKey
from tide.domain.snapshot import PROVEN, Standing


class MemoryStandings:
    """Keeps the standing of each pool's branch (tide.ports.store.standings.Standings)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def standing(self, pool: PoolKey) -> Standing:
        """Give the standing of a pool's branch; PROVEN when nothing is known against it."""
        return self.tables.standings.get(pool, PROVEN)

    async def set_standing(self, pool: PoolKey, standing: Standing) -> None:
        """Change the standing of a pool's branch."""
        self.tables.standings.keep(pool, storable(standing))
