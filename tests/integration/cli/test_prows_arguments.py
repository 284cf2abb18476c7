import sys
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Tide
from tests.integration.history.bucket_server import emulated_gcs

BUCKET = "--history-uri=gs://acme-prow/tide-history.json"


def test_the_arguments_of_prows_own_deployment_fit_unchanged(
    run_once: Tide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with emulated_gcs() as gcs:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
        told = run_once(
            "-dry-run=T",
            "-run-once",
            BUCKET,
            "--status-path=gs://acme-prow/tide-status",
            "--github-client.request-timeout=1m30s",
            f"--supplemental-prow-config-dir={tmp_path / 'one'}",
            f"--supplemental-prow-config-dir={tmp_path / 'two'}",
            "--profile-memory-usage",
            "-sync-hourly-tokens=1200",
        )
    assert told.code == 0, told.err
    warned = [line.split()[2] for line in told.err.splitlines() if line.startswith("tide: warning: ")]
    assert warned == [
        "--status-path",
        "--profile-memory-usage",
    ]


def test_a_bucket_without_the_extra_does_not_stop_the_start(run_once: Tide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    told = run_once(BUCKET)
    assert told.code == 0, told.err
    assert sum("install the extra `buckets`" in line for line in told.err.splitlines()) == 1


def test_supplemental_directories_are_read(run_once: Tide, tmp_path: Path) -> None:
    (tmp_path / "acme_prowconfig.yaml").write_text("tide: {queries: [{repos: [acme/rocket], labels: [lgtm, lgtm]}]}\n")
    told = run_once(f"--supplemental-prow-config-dir={tmp_path}")
    (error,) = told.errors
    assert (told.code, "acme_prowconfig.yaml:1" in error) == (1, True)
