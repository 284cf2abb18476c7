"""How far the branches may be trusted."""

from typing import Protocol

from tide.domain.keys import PoolKey
from tide.domain.snapshot import Standing


class Standings(Protocol):
    """The standing of each pool's branch."""

    async def standing(self, pool: PoolKey) -> Standing:
        """Give the standing of a pool's branch; PROVEN when nothing is known against it."""
        ...

    async def set_standing(self, pool: PoolKey, standing: Standing) -> None:
        """Change the standing of a pool's branch."""
        ...
