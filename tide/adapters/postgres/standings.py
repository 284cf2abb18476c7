"""How far the branches may be trusted."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, in_its_pool, its_pool, pool_row
from tide.adapters.postgres.schema import standings
from tide.adapters.postgres.statements import rows, upsert
from tide.domain.keys import PoolKey
from tide.domain.snapshot import PROVEN, Standing, StandingKind

_SET_STANDING = upsert(standings, (*POOL, "kind", "reason", "contexts", "since"), POOL)
_STANDING = select(standings).where(in_its_pool(standings))


class PostgresStandings:
    """Keeps the standing of each pool's branch (tide.ports.store.standings.Standings)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def standing(self, pool: PoolKey) -> Standing:
        """Give the standing of a pool's branch; PROVEN when nothing is known against it."""
        async with statements(self.engine) as connection:
            row = (await connection.execute(_STANDING, its_pool(pool))).mappings().one_or_none()
        return standing_from(dict(row)) if row else PROVEN

    async def set_standing(self, pool: PoolKey, standing: Standing) -> None:
        """Change the standing of a pool's branch."""
        row = pool_row(pool) | {
            "kind": standing.kind,
            "reason": standing.reason,
            "contexts": standing.contexts,
            "since": standing.since,
        }
        async with statements(self.engine) as connection:
            await connection.execute(_SET_STANDING, rows([row]))


def standing_from(row: Mapping[str, Any]) -> Standing:
    """Build a standing from its row."""
    return Standing(StandingKind(row["kind"]), row["reason"], tuple(row["contexts"]), row["since"])
