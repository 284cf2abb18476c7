"""The local runner's ProwJobs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import Text

from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import in_its_pool, its_pool
from tide.adapters.postgres.schema import prowjobs
from tide.adapters.postgres.statements import given, insert_given, rows
from tide.domain.keys import PoolKey

_COLUMNS = (
    "name",
    "object",
    "org",
    "repo",
    "base_ref",
    "base_sha",
    "type",
    "state",
    "head_shas",
    "created_at",
    "completed_at",
)
_INSERT = insert_given(prowjobs, _COLUMNS).on_conflict_do_nothing().returning(prowjobs.c.name)
_new = given(prowjobs, _COLUMNS)
_UPDATE = (
    update(prowjobs)
    .where(prowjobs.c.name == _new.c.name)
    .where(prowjobs.c.completed_at.is_(None) | _new.c.completed_at.is_not(None))
    .values({prowjobs.c[name]: _new.c[name] for name in _COLUMNS if name not in {"name", "created_at"}})
)
_OLDEST_FIRST: Select[tuple[Any]] = select(prowjobs.c.object).order_by(prowjobs.c.created_at, prowjobs.c.name)
_OF_BRANCH = _OLDEST_FIRST.where(
    in_its_pool(prowjobs, ("org", "repo", "base_ref")),
    (prowjobs.c.base_sha == bindparam("its_base")) & (prowjobs.c.base_sha != "")
    | prowjobs.c.head_shas.op("&&")(bindparam("its_heads", type_=ARRAY(Text))),
)


class ProwJobTable:
    """Keeps ProwJob objects in Postgres (tide.adapters.prowjobs.storage.ProwJobStorage)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def insert(self, name: str, prowjob: Mapping[str, Any]) -> bool:
        """Keep a new object; give False, and change nothing, when the name is taken."""
        async with statements(self.engine) as connection:
            kept = await connection.execute(_INSERT, rows([_row(name, prowjob)]))
            return kept.scalar_one_or_none() is not None

    async def get(self, name: str) -> dict[str, Any] | None:
        """Give the object of that name."""
        found = await self._objects(_OLDEST_FIRST.where(prowjobs.c.name == name))
        return found[0] if found else None

    async def update(self, name: str, prowjob: Mapping[str, Any]) -> bool:
        """Replace an object; give False when there is none of that name, or a finished one would live again."""
        async with statements(self.engine) as connection:
            return (await connection.execute(_UPDATE, rows([_row(name, prowjob)]))).rowcount > 0

    async def select(
        self,
        org: str,
        repo: str,
        base_ref: str,
        *,
        base_sha: str = "",
        heads: Collection[str] = (),
    ) -> Sequence[dict[str, Any]]:
        """Give those of one branch that run on `base_sha`, or on any of the head SHAs `heads`; oldest first."""
        branch = its_pool(PoolKey(org, repo, base_ref))
        return await self._objects(_OF_BRANCH, branch | {"its_base": base_sha, "its_heads": list(heads)})

    async def unfinished(self) -> Sequence[dict[str, Any]]:
        """Give those without a completion time, oldest first."""
        return await self._objects(_OLDEST_FIRST.where(prowjobs.c.completed_at.is_(None)))

    async def prune(self, before: datetime) -> int:
        """Delete those that were completed before this moment; give how many."""
        async with statements(self.engine) as connection:
            return (await connection.execute(delete(prowjobs).where(prowjobs.c.completed_at < before))).rowcount

    async def _objects(
        self, query: Select[tuple[Any]], parameters: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        async with statements(self.engine) as connection:
            return list((await connection.execute(query, parameters)).scalars())


def _row(name: str, prowjob: Mapping[str, Any]) -> dict[str, object]:
    metadata, spec, status = (prowjob.get(part) or {} for part in ("metadata", "spec", "status"))
    refs = spec.get("refs") or {}
    return {
        "name": name,
        "object": prowjob,
        **{column: refs.get(column) or "" for column in ("org", "repo", "base_ref", "base_sha")},
        "type": spec.get("type") or "",
        "state": status.get("state") or "",
        "head_shas": [pull["sha"] for pull in refs.get("pulls") or ()],
        "created_at": metadata.get("creationTimestamp") or "now",  # a word that Postgres understands
        "completed_at": status.get("completionTime"),
    }
