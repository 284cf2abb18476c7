"""What is wrong with the cluster, or with where it is looked for, is told in one clear line, and the exit code is 1."""

from pathlib import Path

import pytest

from tests.integration.cli.conftest import Tide, Told

OUT_OF_REACH = """\
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: me, user: {token: open-sesame}}]
contexts: [{name: here, context: {cluster: here, user: me}}]
current-context: here
"""


@pytest.fixture
def on_cluster(run_once: Tide, monkeypatch: pytest.MonkeyPatch) -> Tide:
    """Run the daemon once, with ProwJobs on Kubernetes; nothing in the environment leads to a cluster."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)

    def run(*flags: str | Path) -> Told:
        return run_once("--prowjob-backend=kubernetes", "--dry-run=false", *flags)

    return run


@pytest.mark.parametrize("flag", ["--kubeconfig", "--kubeconfig-dir"])
def test_a_missing_kubeconfig_is_named(on_cluster: Tide, tmp_path: Path, flag: str) -> None:
    told = on_cluster(f"{flag}={tmp_path / 'missing'}")
    assert (told.code, len(told.errors)) == (1, 1), told.err
    assert str(tmp_path / "missing") in told.errors[0]


def test_a_missing_kubeconfig_of_the_environment_is_named(
    on_cluster: Tide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    told = on_cluster()
    assert (told.code, len(told.errors)) == (1, 1), told.err
    assert str(tmp_path / "missing") in told.errors[0]


def test_without_any_cluster_the_ways_to_name_one_are_told(on_cluster: Tide) -> None:
    told = on_cluster()
    assert (told.code, len(told.errors)) == (1, 1), told.err
    for way in ("--kubeconfig", "$KUBECONFIG", "--prowjob-backend=local"):
        assert way in told.errors[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]\n",
        "clusters: [\n",
        "\x00\x01",
        OUT_OF_REACH.replace("current-context: here", "current-context: there"),
        OUT_OF_REACH.replace("current-context: here\n", ""),
        OUT_OF_REACH.replace("token: open-sesame", "client-certificate: missing.pem, client-key: missing.pem"),
    ],
)
def test_a_kubeconfig_that_makes_no_sense_is_named(on_cluster: Tide, tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    told = on_cluster(f"--kubeconfig={path}")
    assert (told.code, len(told.errors)) == (1, 1), told.err
    assert str(path) in told.errors[0]


def test_an_api_server_out_of_reach_is_told(on_cluster: Tide, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(OUT_OF_REACH)
    told = on_cluster(f"--kubeconfig={path}")
    assert (told.code, len(told.errors)) == (1, 1), told.err
    assert "127.0.0.1:9" in told.errors[0]
    assert "open-sesame" not in told.err
