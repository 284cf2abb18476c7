"""The statuses that were written."""

from datetime import datetime

from sqlalchemy import Text, and_, bindparam, cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.documents import document, storable
from tide.adapters.postgres.engine import statements, transaction
from tide.adapters.postgres.schema import pulls, statuses
from tide.domain.keys import HeadKey
from tide.domain.pulls import Context

_HEAD = ("org", "repo", "sha")
_its = {name: bindparam(f"its_{name}", type_=Text) for name in (*_HEAD, "name", "source", "context")}
_WRITTEN = select(statuses.c.written).where(and_(*(statuses.c[name] == _its[name] for name in _HEAD)))

_first = insert(statuses).values(**{name: _its[name] for name in _HEAD}, written=1, written_at=bindparam("at"))
_COUNT = _first.on_conflict_do_update(
    index_elements=list(_HEAD),
    set_={"written": statuses.c.written + 1, "written_at": _first.excluded.written_at},
)

_each = func.jsonb_array_elements(pulls.c.contexts).table_valued("value").alias("each")
_others = (
    select(func.coalesce(func.jsonb_agg(_each.c.value), func.jsonb_build_array()))
    .where((_each.c.value.op("->>")("name") != _its["name"]) | (_each.c.value.op("->>")("source") != _its["source"]))
    .correlate(pulls)
    .scalar_subquery()
)
# No digest, and read_at as it was: the next reading is news, and one that is under way brings what else it has read.
_SHOW = (
    update(pulls)
    .values(contexts=_others.op("||")(cast(_its["context"], JSONB)), digest="")
    .where(pulls.c.is_open, pulls.c.org == _its["org"], pulls.c.repo == _its["repo"])
    .where(pulls.c.head_sha == _its["sha"])
)


class PostgresStatuses:
    """Keeps what was written of our status context (tide.ports.store.statuses.StatusLog)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def statuses_written(self, head: HeadKey) -> int:
        """Give how many of our statuses a commit has got."""
        async with statements(self.engine) as connection:
            return (await connection.execute(_WRITTEN, _row(head))).scalar_one_or_none() or 0

    async def status_written(self, head: HeadKey, status: Context, at: datetime) -> None:
        """Count a status that was written, and show it on the open pull requests with this head."""
        shown = {"its_name": status.name, "its_source": status.source.value, "its_context": document([status]).decode()}
        async with transaction(self.engine) as connection:
            await connection.execute(_COUNT, _row(head) | {"at": at})
            await connection.execute(_SHOW, _row(head) | storable(shown))


def _row(head: HeadKey) -> dict[str, object]:
    return {f"its_{name}": getattr(head, name) for name in _HEAD}
