"""Configurations as they are found in the wild: one merges end to end, and all of them load and decide."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.e2e.town import daemon
from tests.programs import ROOT, TIDE, Sandbox, open_directory, sandbox, started
from tide.cli import main

pytestmark = pytest.mark.timeout(400)

REAL = ROOT.parent / "shared" / "data" / "configs"
LIVELY = "kcp-dev+infra"
PULLS = 16
SMALL = """\
tide: {queries: [{repos: [acme/rocket], labels: [lgtm]}]}
presubmits: {acme/rocket: [{name: unit, always_run: true, spec: {containers: [{image: none, command: [make]}]}}]}
"""
WRITES = (("PUT", ""), ("PATCH", ""), ("DELETE", "^/repos"), ("POST", "^/repos"), ("POST", "^/apis/prow"))
DEEDS = ("prowjobs", "intents", "runs", "batches", "landings", "history")

needs_real = pytest.mark.skipif(not (REAL / LIVELY).is_dir(), reason="the real configurations are not here")
names = ["small", *sorted(path.name for path in REAL.iterdir() if path.is_dir())] if REAL.is_dir() else ["small"]


@needs_real
def test_a_real_configuration_merges_what_is_good_and_nothing_else() -> None:
    flags = flags_of(REAL / LIVELY)
    with open_directory("real") as place:
        story = ("--scenario=config", "--no-prow", *flags, f"--pulls={PULLS}", "--seed=1", "--spread=3")
        with sandbox(place, *story) as github:
            # Its rounds are a minute apart; one that begins when all is said needs no second.
            github.program.wait_for(lambda: github.get("/_sandbox/truth")["is_over"], "end of the story")
            with daemon(place, github, flags) as running:
                truth = running.program.wait_for(lambda: settled(github), "all merges", patience=150)
                assert truth["red"] == []
                assert running.metric("tidepoolerrors") == 0
                assert {one["fate"] for one in truth["pulls"] if one["state"] == "merged"} <= {"merged", "either"}
                assert running.program.end() == 0, running.program.told


def settled(github: Sandbox) -> dict[str, Any] | None:
    truth: dict[str, Any] = github.get("/_sandbox/truth")
    return None if any(one["fate"] == "merged" and one["state"] != "merged" for one in truth["pulls"]) else truth


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with open_directory("real") as directory:
        (directory / "small").mkdir()
        (directory / "small" / "config.yaml").write_text(SMALL)
        yield directory


def flags_of(config: Path) -> list[str]:
    jobs = [f"--job-config-path={config / 'jobs'}"] if (config / "jobs").is_dir() else []
    return [f"--config-path={config / 'config.yaml'}", *jobs]


@pytest.mark.parametrize("name", names)
def test_a_dry_run_decides_and_does_nothing(
    name: str, place: Path, bare_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = flags_of((place if name == "small" else REAL) / name)
    here = place / f"dry-{name}"
    here.mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["check-config", *flags, "--format=json"])
    counts = json.loads(capsys.readouterr().out)
    assert ended.value.code == (0 if counts["queries"] else 1)
    assert counts.keys() == {"presubmits", "postsubmits", "periodics", "queries", "errors", "warnings"}
    scenario = ["--scenario=config", *flags, "--pulls=12", "--spread=0"] if counts["queries"] else ["--scenario=empty"]
    url = make_url(bare_database_url).set(drivername="postgresql").render_as_string()
    with sandbox(here, *scenario) as github:
        for method, path in WRITES:
            github.post("/_sandbox/faults", {"kind": "status", "status": 500, "method": method, "path": path})
        kubeconfig = f"--kubeconfig={github.places['kubeconfig']}"
        command = [*TIDE, "run", "--run-once", "--dry-run", kubeconfig, *flags, *github.flags]
        with started([*command, f"--database-url={url}", f"--data-dir={here / 'data'}"], here, "run") as run:
            assert run.ended(patience=120) == 0, run.told
        assert [fault["seen"] for fault in github.get("/_sandbox/faults")["items"]] == [0] * len(WRITES)
    with psycopg.connect(url) as database:
        assert bool(rows(database, "decisions")) == bool(counts["queries"])
        assert [rows(database, table) for table in DEEDS] == [0] * len(DEEDS)


def rows(database: psycopg.Connection[Any], table: str) -> int:
    row = database.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return int(row[0]) if row else 0
