"""Statements that take any number of rows as one JSON parameter.

One `jsonb_to_recordset` is several times faster than a statement per row, and the types come from the table. An
update happens only where a value differs: an unchanged row is not written again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Table,
    Text,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.sql.expression import ColumnCollection

from tide.adapters.documents import document


def names_of(table: Table) -> tuple[str, ...]:
    """Name the columns of a table.

    As plain texts, not SQLAlchemy's: its kind of them makes rows take several times as long to be written as JSON.
    """
    return tuple(str(column.name) for column in table.columns)


def rows(values: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Write rows as the parameter of a statement made here."""
    return {"rows": document(list(values)).decode()}


def as_json(value: object) -> ColumnElement[Any]:
    """Give a value as a parameter of the type jsonb."""
    return cast(literal(document(value).decode()), JSONB)


def given(table: Table, names: Sequence[str]) -> FromClause:
    """Give the parameter as a table `given` with these columns of `table`."""
    columns = [column(name, table.c[name].type) for name in names]
    sent = cast(bindparam("rows", type_=Text), JSONB)
    return func.jsonb_to_recordset(sent).table_valued(*columns, name="given").render_derived(with_types=True)


def writer(table: Table) -> ColumnElement[str]:
    """Give what Postgres itself tells the versions of a row apart by: one that is back as it was has another one."""
    return cast(literal_column(f"{table.name}.xmin"), Text)


def insert_given(table: Table, names: Sequence[str], keys: Sequence[str] = ()) -> Insert:
    """Insert rows, in the order of `keys`, so that two writers lock what they share in the same order."""
    source = given(table, names)
    return insert(table).from_select(names, select(*source.c).order_by(*(source.c[key] for key in keys)))


def insert_missing(table: Table, names: Sequence[str], name_of: Sequence[str], order: Sequence[str]) -> Insert:
    """Insert the rows that no row of the same `name_of` is there for, in an order; nobody else may insert meanwhile."""
    source = given(table, names)
    is_there = exists(select(table).where(*(table.c[name] == source.c[name] for name in name_of)))
    news = select(*source.c).where(~is_there).order_by(*(source.c[name] for name in order))
    return insert(table).from_select(names, news)


def upsert(
    table: Table,
    names: Sequence[str],
    keys: Sequence[str],
    *,
    kept: Sequence[str] = (),
    unguarded: Sequence[str] = (),
    when: ColumnElement[bool] | None = None,
) -> Insert:
    """Insert rows, or update those whose keys are there.

    Rows that would change nothing are left out first, since ON CONFLICT DO UPDATE locks (so, writes) every row that
    it meets; what is left is compared once more under that lock.

    Args:
        table: the table.
        names: the columns that are given.
        keys: the columns that name a row.
        kept: columns that stay as they were first given.
        unguarded: columns that are updated with the others, but are no reason for an update.
        when: what else must hold for an update.
    """
    source, changes = given(table, names), [name for name in names if name not in {*keys, *kept}]
    guarded = [name for name in changes if name not in unguarded]
    same = exists(
        select(table).where(*(table.c[name] == source.c[name] for name in keys), ~_differ(table, source.c, guarded))
    )
    news = select(*source.c).where(~same).order_by(*(source.c[key] for key in keys))
    statement = insert(table).from_select(names, news)
    differs = _differ(table, statement.excluded, guarded)
    return statement.on_conflict_do_update(
        index_elements=list(keys),
        set_={name: statement.excluded[name] for name in changes},
        where=differs if when is None else differs & when,
    )


def _differ(table: Table, new: ColumnCollection[Any, Any], names: Sequence[str]) -> ColumnElement[bool]:
    """Tell whether any of these columns of `table` would be changed by those of `new`."""
    old: ColumnElement[Any] = tuple_(*(table.c[name] for name in names))
    return old.is_distinct_from(tuple_(*(new[name] for name in names)))
