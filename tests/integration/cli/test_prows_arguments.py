from pathlib import Path

from tests.integration.cli.conftest import Tide


def test_the_arguments_of_prows_own_deployment_fit_unchanged(run_once: Tide, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    told = run_once(
        "-dry-run=T",
        "-run-once",
        "--history-uri=gs://acme-prow/tide-history.json",
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
        "--history-uri",
        "--profile-memory-usage",
        "--sync-hourly-tokens",
    ]


def test_supplemental_directories_are_read(run_once: Tide, tmp_path: Path) -> None:
    (tmp_path / "acme_prowconfig.yaml").write_text("tide: {queries: [{repos: [acme/rocket], labels: [lgtm, lgtm]}]}\n")
    told = run_once(f"--supplemental-prow-config-dir={tmp_path}")
    (error,) = told.errors
    assert (told.code, "acme_prowconfig.yaml:1" in error) == (1, True)
