"""What is wrong with the cluster, or with where it is looked for, is told in one clear line, and the exit code is 1."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.integration.cli.conftest import CONFIG, Tide, Told
from tests.programs import Sandbox
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig

PROWS_VERBS = ("create", "get", "list", "watch")
Limited = Callable[[Iterable[str]], Path]

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
    assert told.errors[0].endswith(f" (the context here of the kubeconfig {path})")
    assert "open-sesame" not in told.err


@pytest.fixture
def limited(github: Sandbox, tmp_path: Path) -> Limited:
    """Give a kubeconfig of somebody who may do only so much with ProwJobs of the namespace `default`."""

    def limit(verbs: Iterable[str]) -> Path:
        grants = [{"verb": verb, "resource": "prowjobs", "namespace": "default"} for verb in verbs]
        name = "-".join(["may", *verbs])
        body = {"grants": grants, "token": name}
        httpx.put(f"{github.url}/_sandbox/access/{name}", json=body).raise_for_status()
        path = tmp_path / "kubeconfig"
        write_kubeconfig(path, github.url, name)
        return path

    return limit


def test_the_verbs_of_prows_role_are_enough(on_cluster: Tide, limited: Limited) -> None:
    told = on_cluster(f"--kubeconfig={limited(PROWS_VERBS)}")
    assert told.code == 0, told.err


@pytest.mark.parametrize("verb", PROWS_VERBS)
def test_a_role_that_forbids_what_is_needed_is_told(on_cluster: Tide, limited: Limited, verb: str) -> None:
    told = on_cluster(f"--kubeconfig={limited([one for one in PROWS_VERBS if one != verb])}")
    assert (told.code, len(told.errors)) == (1, 1), told.err
    assert f"does not allow to {verb} prowjobs" in told.errors[0]
    assert "Traceback" not in told.err


def test_a_dry_run_needs_no_leave_to_create(on_cluster: Tide, limited: Limited) -> None:
    told = on_cluster(f"--kubeconfig={limited(('get', 'list', 'watch'))}", "--dry-run")
    assert told.code == 0, told.err


def test_a_single_round_waits_until_all_prowjobs_are_listed(on_cluster: Tide, github: Sandbox) -> None:
    look_and_two_lists = (2, 3)
    with github.faulty(kind="truncate", path="/prowjobs$", nth=look_and_two_lists):
        told = on_cluster(f"--kubeconfig={github.places['kubeconfig']}")
        (lists,) = github.get("/_sandbox/faults")["items"]
    assert told.code == 0, told.err
    assert lists["seen"] > max(look_and_two_lists)


def test_a_cluster_without_prows_definition_is_told(on_cluster: Tide, github: Sandbox) -> None:
    with undefined_prowjobs(github):
        told = on_cluster(f"--kubeconfig={github.places['kubeconfig']}")
    assert (told.code, len(told.errors)) == (1, 1), told.err
    assert "does not serve ProwJobs" in told.errors[0]
    assert "CustomResourceDefinition" in told.errors[0]


@contextmanager
def undefined_prowjobs(github: Sandbox) -> Iterator[None]:
    """Take the definition of ProwJobs away while the block runs."""
    url = f"{github.url}/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    headers = {"Authorization": f"Bearer {token_of(github)}"}
    definition: dict[str, Any] = httpx.get(f"{url}/prowjobs.prow.k8s.io", headers=headers).raise_for_status().json()
    httpx.delete(f"{url}/prowjobs.prow.k8s.io", headers=headers).raise_for_status()
    try:
        yield
    finally:
        again = {**definition, "metadata": {"name": definition["metadata"]["name"]}}
        httpx.post(url, headers=headers, json=again).raise_for_status()


def token_of(github: Sandbox) -> str:
    """Give the token by which the cluster's owner is known."""
    (user,) = yaml.safe_load(Path(github.places["kubeconfig"]).read_text())["users"]
    token: str = user["user"]["token"]
    return token


def test_a_namespace_that_is_not_there_is_named(on_cluster: Tide, github: Sandbox, config: Path) -> None:
    config.write_text(f"prowjob_namespace: nowhere\n{CONFIG}")
    told = on_cluster(f"--kubeconfig={github.places['kubeconfig']}")
    assert (told.code, len(told.errors)) == (1, 1), told.err
    assert "no namespace 'nowhere'" in told.errors[0]


def test_a_namespace_that_may_not_be_looked_at_is_named(on_cluster: Tide, limited: Limited, config: Path) -> None:
    config.write_text(f"prowjob_namespace: nowhere\n{CONFIG}")
    told = on_cluster(f"--kubeconfig={limited(PROWS_VERBS)}")
    assert (told.code, len(told.errors)) == (1, 1), told.err
    assert "in the namespace 'nowhere'" in told.errors[0]
