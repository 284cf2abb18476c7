"""`tide sandbox` as a process: what its first line names is there, and its Prow is at work."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import BROWSER, TIDE, Sandbox, open_directory, sandbox, started

CONFIG = """\
prowjob_namespace: prow
tide: {queries: [{repos: [acme/rocket], labels: [lgtm]}]}
presubmits:
  acme/rocket:
    - {name: unit, always_run: true, spec: {containers: [{image: none, command: [make]}]}}
    - {name: docs, run_if_changed: '[.]md$', spec: {containers: [{image: none, command: [make]}]}}
"""


@pytest.fixture
def place() -> Iterator[Path]:
    with open_directory("sandbox") as directory:
        (directory / "config.yaml").write_text(CONFIG)
        yield directory


def prowjobs(github: Sandbox, state: str = "", namespace: str = "prow") -> list[dict[str, Any]]:
    items = github.get(f"/apis/prow.k8s.io/v1/namespaces/{namespace}/prowjobs")["items"]
    return [one for one in items if state in one["status"]["state"]]


def test_the_jobs_of_a_configuration_run_in_its_namespace(place: Path) -> None:
    config = place / "config.yaml"
    flags = (f"--config-path={config}", "--pulls=3", "--spread=0", "--job-seconds=0")
    with sandbox(place, "--scenario=config", *flags) as github:
        done = github.program.wait_for(lambda: prowjobs(github, "success"), "success")[0]
        assert (done["spec"]["job"], done["spec"]["refs"]["repo"]) == ("unit", "rocket")
        assert github.places["config"] == str(config)
        (context,) = yaml.safe_load(Path(github.places["kubeconfig"]).read_text())["contexts"]
        assert context["context"]["namespace"] == "prow"
        page = BROWSER.get(done["status"]["url"])
        assert (page.status_code, "unit: all is well" in page.text) == (200, True)
        assert BROWSER.get(f"{github.url}/_sandbox/jobs/nobody").status_code == 404


def test_repositories_to_come_have_the_jobs_of_a_configuration(place: Path) -> None:
    with sandbox(place, "--scenario=empty", f"--config-path={place / 'config.yaml'}", "--job-seconds=0") as github:
        github.post("/orgs/acme/repos", {"name": "rocket"})
        push_branches(place / "clone", f"{github.url.replace('//', '//alice:token@')}/acme/rocket")
        pull = github.post("/repos/acme/rocket/pulls", {"title": "Change", "head": "change", "base": "main"})
        github.program.wait_for(lambda: prowjobs(github, "success"), "success")
        assert [one["spec"]["job"] for one in prowjobs(github)] == ["unit"]
        github.post("/repos/acme/rocket/issues/1/comments", {"body": "/test docs"})
        github.program.wait_for(lambda: len(prowjobs(github, "success")) == 2, "second success")
        statuses = github.get(f"/repos/acme/rocket/commits/{pull['head']['sha']}/status")["statuses"]
        assert {one["context"]: one["state"] for one in statuses} == {"unit": "success", "docs": "success"}


def push_branches(clone: Path, url: str) -> None:
    """Push `main`, and `change` with one commit more."""
    commit = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com", "commit", "-q", "--allow-empty", "-m", "x")
    steps = (("init", "-q", "-b", "main"), commit, ("checkout", "-q", "-b", "change"), commit)
    clone.mkdir()
    for step in (*steps, ("push", "-q", url, "main", "change")):
        subprocess.run(["git", *step], cwd=clone, check=True, capture_output=True)


def test_without_prow_nothing_runs(place: Path) -> None:
    with sandbox(place, "--pulls=7", "--spread=0", "--no-prow") as github:
        github.program.wait_for(lambda: github.get("/_sandbox/truth")["is_over"], "end of the story")
        assert len(github.get("/_sandbox/truth")["pulls"]) == 7
        assert prowjobs(github, namespace="default") == []


def test_the_directory_that_it_made_goes_with_it(place: Path) -> None:
    with started([*TIDE, "sandbox", "--scenario=empty"], place, "sandbox") as program:
        line: dict[str, str] = yaml.safe_load(program.first_line(program.stdout))
        directory = Path(line["kubeconfig"]).parent
        assert (directory / "token").read_text()
        assert program.end() == 0
        assert not directory.exists()
