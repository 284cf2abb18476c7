"""Prow's own tide Deployment with our image in it: its args, its mounts, its Role, no volume, no database."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.box import Box, needs_namespaces
from tests.integration.cli.prow_pod import SERVICE_ACCOUNT, ProwPod, project
from tests.integration.history.bucket_server import emulated_gcs
from tests.manifests import PROW
from tests.networks import https, in_a_network_of_its_own, make_certificate
from tests.programs import ROOT, Sandbox, open_directory, sandbox, started

CONFIG = b"""\
prowjob_namespace: default
tide:
  sync_period: 1s
  queries:
    - repos: [acme/rocket]
      labels: [lgtm, approved]
      missingLabels: [do-not-merge/hold, needs-rebase]
"""
JOBS = b"""\
presubmits:
  acme/rocket:
    - name: unit
      always_run: true
      spec: {containers: [{image: none, command: [make], args: [test]}]}
"""
HOSTS = "127.0.0.1 localhost ghproxy api.github.com github.com\n"
NAMES = ("api.github.com", "github.com", "127.0.0.1")
GHPROXY = 80
HISTORY = "http://127.0.0.1:8888/history"
PROBES = ("http://127.0.0.1:8081/healthz", "http://127.0.0.1:8081/healthz/ready", "http://127.0.0.1:9090/metrics")
ACCOUNT_TOKEN = "token-of-the-service-account"
WITHOUT_MEANING = ["--status-path"]
HISTORY_FILE = "acme-prow/tide-history.json"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may enter."""
    with open_directory("pod") as directory:
        yield directory


def test_a_mounted_config_map_looks_as_in_a_pod(tmp_path: Path) -> None:
    project(tmp_path / "config", {"config.yaml": b"tide: {}\n"})
    assert (tmp_path / "config" / "config.yaml").read_bytes() == b"tide: {}\n"
    assert (tmp_path / "config" / "config.yaml").readlink() == Path("..data/config.yaml")
    assert (tmp_path / "config" / "..data").resolve().name.startswith("..2026")


@needs_namespaces
@in_a_network_of_its_own
def test_prows_deployment_starts_us_unchanged_and_we_merge(place: Path) -> None:
    certificate, key = make_certificate(place, NAMES)
    story = (
        f"--config-path={write(place, 'config.yaml', CONFIG)}",
        f"--job-config-path={write(place, 'jobs.yaml', JOBS)}",
    )
    with (
        sandbox(place, "--scenario=config", *story, "--pulls=5", "--spread=1", f"--port={GHPROXY}") as world,
        https(certificate, key, GHPROXY),
        emulated_gcs() as gcs,
    ):
        pod = ProwPod.read()
        box = box_of(place, certificate, {"STORAGE_EMULATOR_HOST": gcs.url})
        give_prows_role(world)
        token = Path(world.places["token_file"]).read_bytes()
        config = {"config": {"config.yaml": CONFIG}, "job-config": {"jobs.yaml": gzip.compress(JOBS)}}
        pod.fill(box, {**config, "oauth-token": {"oauth": token}})
        with started(box.command("tide", "run", *pod.args), place, "run") as program:
            truth = program.wait_for(lambda: end_of_the_story(world), "end of the story", patience=120)
            assert (truth["red"], "merged" in {one["state"] for one in truth["pulls"]}) == ([], True)
            assert [answer.status_code for answer in map(httpx.get, PROBES)] == [200, 200, 200]
            history = httpx.get(HISTORY).json()
            actions = {record["action"] for record in history["acme/rocket:main"]}
            assert {"TRIGGER", "TRIGGER_BATCH"} & actions
            assert {"MERGE", "MERGE_BATCH"} & actions
            assert program.end() == 0, program.told
            told = program.stderr.read_text()
        assert json.loads(gcs.objects[HISTORY_FILE]) == history
    assert [line.split()[2] for line in told.splitlines() if line.startswith("tide: warning: ")] == WITHOUT_MEANING
    assert token.decode().strip() not in told
    assert ACCOUNT_TOKEN not in told


def give_prows_role(world: Sandbox) -> None:
    """Let our service account do what Prow's Role grants, and nothing else."""
    documents = yaml.safe_load_all((PROW / "tide_rbac.yaml").read_text())
    (rule,) = next(document["rules"] for document in documents if document["kind"] == "Role")
    pairs = [(verb, resource) for verb in rule["verbs"] for resource in rule["resources"]]
    grants = [{"verb": verb, "resource": resource, "namespace": "default"} for verb, resource in pairs]
    body = {"grants": grants, "token": ACCOUNT_TOKEN}
    httpx.put(f"{world.url}/_sandbox/access/system:serviceaccount:default:tide", json=body).raise_for_status()


def box_of(place: Path, certificate: Path, environment: dict[str, str]) -> Box:
    """Give a container in a cluster: the service account's files, the API server's address, and who vouches for all."""
    account = place / "account"
    files = {"ca.crt": certificate.read_bytes(), "namespace": b"default", "token": ACCOUNT_TOKEN.encode()}
    project(account, files)
    environment = environment | {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "GIT_SSL_CAINFO": "/etc/ca.pem",
    }
    mounts = {ROOT: ROOT, SERVICE_ACCOUNT: account}
    box = Box(place, Path(sys.executable).parent, mounts, environment=environment).prepared(hosts=HOSTS)
    write(box.etc, "ca.pem", certificate.read_bytes())
    return box


def end_of_the_story(world: Sandbox) -> dict[str, Any] | None:
    """Give what really happened, as soon as all that is good is merged."""
    truth: dict[str, Any] = world.get("/_sandbox/truth")
    open_yet = [one for one in truth["pulls"] if one["fate"] == "merged" and one["state"] != "merged"]
    return truth if truth["is_over"] and not open_yet else None


def write(place: Path, name: str, content: bytes) -> Path:
    """Write a file; give its path."""
    path = place / name
    path.write_bytes(content)
    return path
