"""The mirror of the open pull requests."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    Interval,
    Select,
    Text,
    and_,
    cast,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tide.adapters.documents import digest, document, parsed
from tide.adapters.postgres.engine import statements, transaction
from tide.adapters.postgres.keys import PULL, in_its_pool, its_pool, pull_keys, pull_row
from tide.adapters.postgres.schema import pull_reads, pulls, reading_clock, watermarks
from tide.adapters.postgres.statements import given, insert_given, names_of, rows, upsert
from tide.domain.keys import HeadKey, PoolKey, PullKey, RepoKey
from tide.domain.pulls import Context, Mergeable, MergeState, Pull, ReviewDecision

_ROWS_AT_ONCE = 500  # bounds the memory of one statement: a row may hold a long description and hundreds of contexts
_COLUMNS = names_of(pulls)
_PLAIN = tuple(name for name in _COLUMNS if name not in {*PULL, "labels", "contexts", "digest"})

# A reading is refused when a later one is known. The row lock that this takes makes two writers of one pull request
# go one after the other, and what is compared below is then compared in a new statement, so after the other's commit.
_stamp = insert_given(pull_reads, (*PULL, "read_at"), PULL)
_STAMP = _stamp.on_conflict_do_update(
    index_elements=list(PULL),
    set_={"read_at": _stamp.excluded.read_at},
    where=pull_reads.c.read_at <= _stamp.excluded.read_at,
).returning(*(pull_reads.c[name] for name in PULL))

# The server's clock may be set back too, and another server may take over: hence what was given last.
_NEXT: ColumnElement[timedelta] = literal_column("interval '1 microsecond'", Interval)
_now = insert(reading_clock).values(name="pulls", latest=func.clock_timestamp())
_BEGIN_READING = _now.on_conflict_do_update(
    index_elements=["name"],
    set_={"latest": func.greatest(_now.excluded.latest, reading_clock.c.latest + _NEXT)},
).returning(reading_clock.c.latest)

_offered = given(pulls, (*PULL, "digest"))
_DIFFERENT = (
    select(_offered.c.org, _offered.c.repo, _offered.c.number)
    .select_from(_offered.outerjoin(pulls, and_(*(pulls.c[name] == _offered.c[name] for name in PULL))))
    .where(pulls.c.digest.is_distinct_from(_offered.c.digest))
)

# A search index may lag behind: what is older by the code host's own account is no news, whenever it was read.
_REPLACE = upsert(
    pulls, _COLUMNS, PULL, when=pulls.c.updated_at <= literal_column("excluded.updated_at", pulls.c.updated_at.type)
)

_dropped = given(pulls, PULL)
_DROP = (
    update(pulls)
    .values(is_open=False, digest="")  # no digest: should it come back as it was, it is news
    .where(pulls.c.is_open, *(pulls.c[name] == _dropped.c[name] for name in PULL))
)

_WATERMARK = upsert(watermarks, ("name", "query", "until"), ("name",))


class PostgresMirror:
    """Keeps the pull requests as last read (tide.ports.store.mirror.Mirror)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def reading_begins(self) -> datetime:
        """Give the moment that a reading is to be kept under, by the server's clock, which never goes back here."""
        async with statements(self.engine) as connection:
            moment: datetime = (await connection.execute(_BEGIN_READING)).scalar_one()
        return moment

    async def save_pulls(self, pulls: Sequence[Pull], read_at: datetime) -> None:
        """Keep these as read at `read_at`; an older reading never overwrites a newer one."""
        if not pulls:
            return
        by_key = {pull.key: pull for pull in sorted(pulls, key=lambda pull: pull.updated_at)}
        digests = {key: digest(document(pull)) for key, pull in by_key.items()}
        async with transaction(self.engine) as connection:
            accepted = await _stamped(connection, by_key, read_at)
            offers = [pull_row(key) | {"digest": digests[key]} for key in accepted]
            wanted = pull_keys(await connection.execute(_DIFFERENT, rows(offers)))
            for some in _chunks(wanted):
                await connection.execute(_REPLACE, rows(_row(by_key[key]) | {"digest": digests[key]} for key in some))

    async def open_pulls(self, repos: Collection[RepoKey] | None = None) -> tuple[Pull, ...]:
        """Give the open ones, sorted by key; None means of every repository."""
        query = SELECT_PULLS.where(pulls.c.is_open)
        if repos is not None:
            query = query.where(tuple_(pulls.c.org, pulls.c.repo).in_([(repo.org, repo.name) for repo in repos]))
        return await self._pulls(query)

    async def pool_pulls(self, pool: PoolKey) -> tuple[Pull, ...]:
        """Give the open ones of one pool, sorted by number."""
        return await self._pulls(_POOL_PULLS, its_pool(pool))

    async def pulls_named(self, keys: Collection[PullKey]) -> tuple[Pull, ...]:
        """Give those of these that are open, sorted by key."""
        named = tuple_(pulls.c.org, pulls.c.repo, pulls.c.number).in_([(key.org, key.repo, key.number) for key in keys])
        return await self._pulls(SELECT_PULLS.where(pulls.c.is_open, named))

    async def pulls_of_head(self, head: HeadKey) -> tuple[Pull, ...]:
        """Give the open ones with this head, sorted by number."""
        key = tuple_(pulls.c.org, pulls.c.repo, pulls.c.head_sha) == (head.org, head.repo, head.sha)
        return await self._pulls(SELECT_PULLS.where(pulls.c.is_open, key))

    async def drop_pulls(self, keys: Collection[PullKey], at: datetime) -> None:
        """Mark these as no longer open (closed, deleted, or no longer covered)."""
        if not keys:
            return
        async with transaction(self.engine) as connection:
            accepted = await _stamped(connection, keys, at)
            await connection.execute(_DROP, rows(map(pull_row, accepted)))

    async def watermark(self, name: str) -> tuple[str, datetime] | None:
        """Give what `set_watermark` kept under a name: the search that it is for, and how far it got."""
        query = select(watermarks.c.query, watermarks.c.until).where(watermarks.c.name == name)
        async with statements(self.engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return (row.query, row.until) if row else None

    async def set_watermark(self, name: str, query: str, until: datetime) -> None:
        """Keep how far a search got."""
        async with statements(self.engine) as connection:
            await connection.execute(_WATERMARK, rows([{"name": name, "query": query, "until": until}]))

    async def _pulls(
        self, query: Select[tuple[object, ...]], parameters: Mapping[str, object] | None = None
    ) -> tuple[Pull, ...]:
        async with statements(self.engine) as connection:
            found = (await connection.execute(query, parameters)).mappings().all()
        return tuple(sorted(map(pull_from, found), key=lambda pull: pull.key))


SELECT_PULLS: Select[tuple[object, ...]] = select(
    *(pulls.c[name] for name in _COLUMNS if name not in {"contexts", "digest"}),
    cast(pulls.c.contexts, Text).label("contexts"),  # as text: it is parsed straight into domain values
)
_POOL_PULLS = SELECT_PULLS.where(pulls.c.is_open, in_its_pool(pulls, ("org", "repo", "base_branch")))


def pull_from(row: RowMapping) -> Pull:
    """Build a pull request from a row of SELECT_PULLS."""
    plain = {name: row[name] for name in _PLAIN}
    return Pull(
        **plain
        | {
            "key": PullKey(row["org"], row["repo"], row["number"]),
            "mergeable": Mergeable(row["mergeable"]),
            "merge_state": MergeState(row["merge_state"]),
            "review_decision": ReviewDecision(row["review_decision"]),
            "labels": tuple(row["labels"]),
            "contexts": parsed(tuple[Context, ...], row["contexts"]),
        }
    )


def _row(pull: Pull) -> dict[str, object]:
    return pull_row(pull.key) | {
        **{name: getattr(pull, name) for name in _PLAIN},
        "labels": pull.labels,
        "contexts": pull.contexts,
    }


def _chunks(keys: Sequence[PullKey]) -> Iterable[list[PullKey]]:
    rest = iter(keys)
    return iter(lambda: list(islice(rest, _ROWS_AT_ONCE)), [])


async def _stamped(connection: AsyncConnection, keys: Iterable[PullKey], read_at: datetime) -> list[PullKey]:
    """Note when these were read; give those of which no later reading is known."""
    stamps = rows(pull_row(key) | {"read_at": read_at} for key in keys)
    return pull_keys(await connection.execute(_STAMP, stamps))
