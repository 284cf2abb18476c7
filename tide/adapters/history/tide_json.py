"""Tide's history as JSON: written byte by byte as Go writes it, and read.

One record of Tide is {time, action, baseSHA, target, err, tenantids}; the whole maps `org/repo:branch` to the records
of that pool, newest first (Prow: history.go Record, writeHistory, readHistory). It has nanoseconds, we microseconds.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from tide.domain.errors import BadAnswer
from tide.domain.keys import PoolKey
from tide.domain.records import TIDE_ACTIONS, HistoryRecord, HistoryTarget
from tide.golang.json_writer import go_json, go_time

_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)  # Go's zero


def history_json(records: Iterable[HistoryRecord]) -> bytes:
    """Write a history; an action that Tide does not record is left out."""
    by_pool: dict[str, list[bytes]] = {}
    for record in sorted(records, key=lambda record: record.time, reverse=True):
        if written := written_record(record):
            by_pool.setdefault(str(record.pool), []).append(written)
    pools = (go_json(name) + b":[" + b",".join(written) + b"]" for name, written in sorted(by_pool.items()))
    return b"{" + b",".join(pools) + b"}"


def written_record(record: HistoryRecord) -> bytes:
    """Write one record; b"" where its action is none that Tide records.

    One by one: writing thousands of them in one call would hold up all else for as long as it takes.
    """
    return go_json(_written(record)) if record.action in TIDE_ACTIONS else b""


def history_from(raw: bytes, limit: int) -> tuple[HistoryRecord, ...]:
    """Read a history: the newest `limit` records of each pool, oldest first.

    Raises:
        BadAnswer: this is none; the text tells where and why.
    """
    try:
        return tuple(sorted(_records(_HISTORY.validate_json(raw) or {}, limit), key=lambda record: record.time))
    except ValidationError as error:
        raise BadAnswer(f"this is no history of Tide: {_first_of(error)}") from None
    except ValueError as error:  # a name that is no pool's
        raise BadAnswer(f"this is no history of Tide: {error}") from None


def _written(record: HistoryRecord) -> dict[str, object]:
    fields: dict[str, object] = {
        "time": go_time(record.time),
        "action": record.action,
        "baseSHA": record.base_sha,
        "target": [_written_target(target) for target in sorted(record.targets, key=lambda target: target.number)],
        "err": record.error,
    }
    if_any = ("baseSHA", "target", "err")
    kept = {name: value for name, value in fields.items() if value or name not in if_any}
    return kept | {"tenantids": list(record.tenant_ids)}


def _written_target(target: HistoryTarget) -> dict[str, object]:
    always: dict[str, object] = {"number": target.number, "author": target.author, "sha": target.sha}
    if_any = {"title": target.title, "head_ref": target.head_branch}
    return always | {name: value for name, value in if_any.items() if value}


def _without_nulls(value: Any) -> Any:
    """Leave out what is null, which Go takes for nothing at all."""
    return {name: part for name, part in value.items() if part is not None} if isinstance(value, dict) else value


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError("this is no time of RFC 3339 between the years 1 and 9999")


class _Target(BaseModel):
    """A pull request in a record (Prow: prowapi.Pull)."""

    model_config = ConfigDict(strict=True)

    number: int = 0
    author: str = ""
    sha: str = ""
    title: str = ""
    head_ref: str = ""


class _Record(BaseModel):
    """A record as Tide writes it."""

    model_config = ConfigDict(strict=True)

    time: Annotated[datetime, BeforeValidator(_moment)] = _NO_TIME
    action: str = ""
    baseSHA: str = ""  # noqa: N815 - the name is Tide's
    target: list[Annotated[_Target, BeforeValidator(_without_nulls)]] = []
    err: str = ""
    tenantids: list[str] = []


_ByPool: TypeAlias = dict[str, list[Annotated[_Record, BeforeValidator(_without_nulls)]] | None]
_HISTORY: TypeAdapter[_ByPool | None] = TypeAdapter(_ByPool | None)


def _records(by_pool: _ByPool, limit: int) -> Iterator[HistoryRecord]:
    for name, records in by_pool.items():
        pool = PoolKey.parse(name)
        # Newest first in the file: in the other direction, records of the same moment keep their order.
        yield from (_read(pool, record) for record in reversed((records or [])[:limit]))


def _read(pool: PoolKey, record: _Record) -> HistoryRecord:
    return HistoryRecord(
        pool=pool,
        time=record.time,
        action=record.action,
        base_sha=record.baseSHA,
        targets=tuple(
            HistoryTarget(target.number, target.author, target.sha, target.title, target.head_ref)
            for target in record.target
        ),
        error=record.err,
        tenant_ids=tuple(record.tenantids),
    )


def _first_of(error: ValidationError) -> str:
    """Tell the first thing that is wrong, without the value that is there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]
