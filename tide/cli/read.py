"""The commands that tell what the daemon has recorded, and the two by which a human helps it on."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from tide.adapters.clock import SystemClock
from tide.app.reading import Archive, open_archive
from tide.cli.database import database_flags, log_to_stderr
from tide.domain.keys import PoolKey, PullKey
from tide.domain.records import HISTORY_ACTIONS, HistoryFilter, HistoryRecord
from tide.golang.durations import parse_duration
from tide.policy.replay import Replayed
from tide.web import api_models, text
from tide.web.links import LARGEST_NUMBER, pool_named, pull_named
from tide.web.run_book import newest_of_head, run_book_of

F = TypeVar("F", bound=Callable[..., Any])
_PAGE = 1000

_json_too = click.option(
    "--format", "output", type=click.Choice(("text", "json")), default="text", show_default=True, help="How to print."
)


class _Pull(click.ParamType[PullKey]):
    name = "ORG/REPO#N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> PullKey:
        try:
            return pull_named(str(value).strip())
        except ValueError as error:
            return self.fail(str(error), param, ctx)


class _Pool(click.ParamType[PoolKey]):
    name = "ORG/REPO:BRANCH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> PoolKey:
        try:
            return pool_named(str(value).strip())
        except ValueError as error:
            return self.fail(str(error), param, ctx)


class _Name(click.ParamType[str]):
    name = "TEXT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        return text if text.isprintable() else self.fail("it holds what no name does", param, ctx)


def _with_archive(work: Callable[[Archive], Awaitable[None]], where: dict[str, Any]) -> None:
    async def run() -> None:
        url, password_file = where["database_url"], where["database_password_file"]
        async with open_archive(url, password_file, where["data_dir"]) as archive:
            await work(archive)

    log_to_stderr()
    asyncio.run(run())


@click.command()
@click.argument("pull", type=_Pull())
@_json_too
@database_flags
def explain(pull: PullKey, output: str, **where: Path | str | None) -> None:
    """Say why PULL (ORG/REPO#N, or its address) is or is not merging, and what would help."""

    async def work(archive: Archive) -> None:
        record = await archive.known(pull)
        runs = await newest_of_head(archive.views, record.pull)
        told = json.dumps(api_models.explain_json(record, runs), indent=2) if output == "json" else None
        click.echo(told or text.explain_text(record, runs))

    _with_archive(work, where)


@click.command()
@_json_too
@database_flags
def pools(output: str, **where: Path | str | None) -> None:
    """List the pools with what they do and why."""

    async def work(archive: Archive) -> None:
        views = await archive.views.pools()
        click.echo(_dump(api_models.pools_document(views)) if output == "json" else text.pools_table(views))

    _with_archive(work, where)


@click.command()
@click.argument("pool", type=_Pool(), required=False)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@click.option("--pull", type=click.IntRange(1, LARGEST_NUMBER), help="Only what was done for this number.")
@click.option("--author", type=_Name(), help="Only what was done for pull requests of theirs.")
@click.option("--action", type=click.Choice(sorted(HISTORY_ACTIONS)), help="Only what was done so.")
@click.option("--state", type=click.Choice(("success", "failure")), help="Only what went so.")
@_json_too
@database_flags
def history(pool: PoolKey | None, limit: int, state: str | None, output: str, **options: Any) -> None:
    """List what was done, newest first; in one POOL (ORG/REPO:BRANCH) or in all."""
    wanted = HistoryFilter(
        has_failed=state == "failure" if state else None,
        **{name: options.pop(name) for name in ("pull", "author", "action")},
    )

    async def work(archive: Archive) -> None:
        about = await archive.spelled(pool) if pool else None
        within = replace(wanted, repo=about.repository, branch=about.branch) if about else wanted
        records = await _pages_of_history(archive, within, limit)
        if about and not records:
            await archive.check_known(about)
        tests = await run_book_of(archive.views, records)
        document = api_models.history_document(records, tests, limit)
        click.echo(_dump(document) if output == "json" else text.history_table(records, tests))

    _with_archive(work, options)


async def _pages_of_history(archive: Archive, wanted: HistoryFilter, limit: int) -> list[HistoryRecord]:
    """Read page after page, so that no answer of the database is large."""
    records: list[HistoryRecord] = []
    while len(records) < limit:
        size = min(_PAGE, limit - len(records))
        page = await archive.views.history_page(wanted, size, records[-1].mark if records else None)
        records += page
        if len(page) < size:
            break
    return records


@click.command()
@click.argument("pool", type=_Pool(), required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@_json_too
@database_flags
def decisions(pool: PoolKey | None, limit: int, output: str, **where: Path | str | None) -> None:
    """List what was decided and why, newest first; in one POOL (ORG/REPO:BRANCH) or in all."""

    async def work(archive: Archive) -> None:
        about = await archive.spelled(pool) if pool else None
        records = await archive.views.decisions(about, limit, None)
        if about and not records:
            await archive.check_known(about)
        click.echo(
            _dump(api_models.decisions_document(records, limit)) if output == "json" else text.decisions_table(records)
        )

    _with_archive(work, where)


class _Since(click.ParamType[datetime]):
    name = "TIME|DURATION"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        told = str(value)
        try:
            return SystemClock().now() - parse_duration(told)
        except (ValueError, OverflowError):
            pass
        try:
            moment = datetime.fromisoformat(told)
        except ValueError:
            return self.fail(f"{told!r} is neither a duration (24h) nor a time (2026-03-01T12:00:00Z)", param, ctx)
        return moment if moment.tzinfo else self.fail(f"{told!r} names no time zone; Z is UTC", param, ctx)


@click.command()
@click.option("--pool", type=_Pool(), help="Only what was decided in this pool.")
@click.option("--since", type=_Since(), help="Only what held at this time, or so long ago, or later.")
@_json_too
@database_flags
def replay(pool: PoolKey | None, since: datetime | None, output: str, **where: Path | str | None) -> None:
    """Decide again what was decided, from the snapshots that are kept, and tell each field that comes out otherwise.

    Nothing is changed, and nothing but the database is asked. Ends with 1 when anything comes out otherwise; the
    version of the rules beside it tells whether they have changed since.
    """
    otherwise = list[Replayed]()

    async def work(archive: Archive) -> None:
        count = 0
        async for one in archive.replayed(pool, since):
            count += 1
            if not one.is_alike:
                otherwise.append(one)
            if count % _PAGE == 0:
                click.echo(f"{count} decisions so far, {len(otherwise)} come out otherwise", err=True)
        document = api_models.ReplayDocument.of(count, otherwise)
        click.echo(_dump(document) if output == "json" else text.replay_text(count, otherwise))

    _with_archive(work, where)
    sys.exit(1 if otherwise else 0)


@click.command()
@click.argument("pull", type=_Pull())
@database_flags
def retest(pull: PullKey, **where: Path | str | None) -> None:
    """Ask for what has failed on PULL's head to be run again, and say what is under way."""

    async def work(archive: Archive) -> None:
        asked = await archive.retest(pull)
        for line in text.retest_lines(asked.record, asked.jobs, asked.new, asked.retests):
            click.echo(f"{asked.record.pull.key}: {line}")

    _with_archive(work, where)


@click.command()
@click.argument("pool", type=_Pool())
@database_flags
def unfreeze(pool: PoolKey, **where: Path | str | None) -> None:
    """Look at a frozen POOL (ORG/REPO:BRANCH) again: its jobs must pass on the branch as it is, then it goes on."""

    async def work(archive: Archive) -> None:
        click.echo(await archive.unfreeze(pool))

    _with_archive(work, where)


def _dump(document: BaseModel) -> str:
    return document.model_dump_json(indent=2, by_alias=True)
