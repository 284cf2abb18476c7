from tests.integration.cli.conftest import Tide


def test_the_arguments_of_prows_own_deployment_fit_unchanged(run_once: Tide) -> None:
    told = run_once(
        "-dry-run=T",
        "-run-once",
        "--history-uri=gs://acme-prow/tide-history.json",
        "--status-path=gs://acme-prow/tide-status",
        "--github-client.request-timeout=1m30s",
        "--supplemental-prow-config-dir=/etc/one",
        "--supplemental-prow-config-dir=/etc/two",
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
        "--supplemental-prow-config-dir",
    ]
