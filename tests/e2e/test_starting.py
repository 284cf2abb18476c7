"""How the daemon begins: a signal reaches it before it is ready, and a dry run finds what others have begun."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.e2e.in_process import Rounds, place
from tests.programs import TIDE, Sandbox, open_directory, sandbox, started
from tide.app.assembly import assembled
from tide.sandbox.changes import StatusCreated


@pytest.fixture(scope="module")
def silent() -> Iterator[Sandbox]:
    """A GitHub that takes requests and never answers."""
    with open_directory("silent") as directory, sandbox(directory, "--scenario=empty") as github:
        github.post("/_sandbox/faults", {"kind": "timeout", "path": "rate_limit"})
        yield github


@pytest.mark.parametrize(("number", "flags", "code", "said"), [
    (signal.SIGTERM, ["--port=0", "--metrics-port=0", "--health-port=0", "--bind=127.0.0.1"], 0, []),
    (signal.SIGINT, ["--run-once"], 1, ["tide: error: stopped by a signal before the round was done"]),
])  # fmt: skip
def test_a_signal_ends_it_while_it_waits_for_github(
    silent: Sandbox, tmp_path: Path, number: signal.Signals, flags: list[str], code: int, said: list[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("tide: {queries: [{repos: [acme/rocket], labels: [lgtm]}]}\n")
    command = [*TIDE, "run", f"--config-path={config}", "--prowjob-backend=local", *silent.flags, *flags]
    struck = silent.get("/_sandbox/faults")["items"][0]["struck"]
    with open_directory("run") as data, started([*command, f"--data-dir={data}"], tmp_path, "run") as program:
        program.wait_for(lambda: silent.get("/_sandbox/faults")["items"][0]["struck"] > struck, "question to GitHub")
        program.process.send_signal(number)
        assert program.ended(patience=30) == code, program.told
        lines = program.stderr.read_text().splitlines()
        assert [line for line in lines if "error" in line or "Traceback" in line] == said


async def test_a_dry_run_leaves_jobs_alone_that_an_earlier_run_has_queued(
    database_url: str, engine: AsyncEngine
) -> None:
    unfinished = text("SELECT count(*) FROM prowjobs WHERE state = 'triggered'")
    async with place(database_url) as here:
        async with assembled(replace(here.options, dry_run=False)) as earlier:
            await earlier.once()
        async with engine.connect() as connection:
            queued = (await connection.execute(unfinished)).scalar_one()
        assert queued > 0
        before = here.forge.log.recent[-1].sequence
        async with here.daemon(dry_run=True) as (daemon, _):
            await Rounds(daemon).make(3)
        async with engine.connect() as connection:
            assert (await connection.execute(unfinished)).scalar_one() == queued
        statuses = [change for change in here.forge.log.recent if isinstance(change, StatusCreated)]
        assert [status for status in statuses if status.sequence > before] == []
