import os
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from tests.unit.sandbox.scenarios.shell import write_tree
from tide.config.loaded import LoadedConfig
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.domain.errors import ConfigError
from tide.domain.keys import RepoKey
from tide.sandbox.scenarios.from_config import Stage, stage
from tide.sandbox.scenarios.story import Fate
from tide.sandbox.scenarios.suite import SCRIPT_PATH

REAL = Path(__file__).parents[5] / "shared/data/configs/kcp-dev+infra"
CONFIG = """
tide:
  queries:
    - repos: [acme/rocket]
      labels: ["lgtm,approved-by-bot", approved]
      missingLabels: [do-not-merge/hold, needs-rebase]
      includedBranches: [main, release-1.0]
    - orgs: [umbrella]
      excludedBranches: [main]
      labels: [ship-it]
      missingLabels: [wait]
presubmits:
  acme/rocket:
    - name: unit
      always_run: true
      spec: {containers: [{image: none, command: [make, unit]}]}
    - name: scripts
      always_run: true
      branches: [main]
      spec: {containers: [{image: none, command: [./hack/run.sh, --all]}]}
    - name: docs
      run_if_changed: ^docs/
      spec: {containers: [{image: none, command: [sh, -c, "true"]}]}
    - name: by-image
      optional: true
      always_run: true
      spec: {containers: [{image: none}]}
  umbrella/corp:
    - name: unit
      always_run: true
      spec: {containers: [{image: none, command: [go, test]}]}
  elsewhere/else:
    - name: unit
      always_run: true
      spec: {containers: [{image: none, command: [never]}]}
"""


def read(tmp_path: Path, text: str) -> LoadedConfig:
    path = tmp_path / "config.yaml"
    path.write_text(dedent(text))
    return load(read_sources(ConfigPaths(path)), Parser())


def staged(tmp_path: Path, text: str, pulls: int = 120) -> Stage:
    return stage(read(tmp_path, text), pulls, 1, seconds=0, spread=10)


def one_job(settings: str, job: str) -> str:
    """Write a configuration with one query and one required job."""
    return f"""
tide:
  queries:
    - {{repos: [acme/rocket], labels: [lgtm], {settings}}}
presubmits:
  acme/rocket:
    - {{name: unit, always_run: true, spec: {{containers: [{{image: none, {job}}}]}}}}
"""


def run_program(directory: Path, program: Path | str, job: str, path: str = "") -> int:
    environment = {"PATH": path or os.environ["PATH"], "JOB_NAME": job}
    return subprocess.run([program], cwd=directory, env=environment, capture_output=True, check=False).returncode


def test_the_repositories_have_the_branches_that_queries_let_merge(tmp_path: Path) -> None:
    plots = {plot.full_name: list(plot.branches) for plot in staged(tmp_path, CONFIG).story.plots}
    assert plots == {"acme/rocket": ["main", "release-1.0"], "umbrella/corp": ["master"]}


def test_pull_requests_get_the_labels_that_their_query_asks_for(tmp_path: Path) -> None:
    opened = staged(tmp_path, CONFIG).story.opened
    good = {(event.repo, event.labels) for event in opened if event.fate is Fate.MERGED and event.labels}
    assert good == {("acme/rocket", ("approved", "lgtm")), ("umbrella/corp", ("ship-it",))}
    waiting = {(event.repo, event.labels) for event in opened if event.fate is Fate.WAITING and event.labels}
    assert waiting == {
        ("acme/rocket", ("approved", "lgtm", "do-not-merge/hold")),
        ("umbrella/corp", ("ship-it", "wait")),
    }


def test_the_required_jobs_are_those_that_run_for_a_new_part(tmp_path: Path) -> None:
    assert staged(tmp_path, CONFIG).story.jobs == {
        "acme/rocket": frozenset({"unit", "scripts"}),
        "umbrella/corp": frozenset({"unit"}),
    }


def test_programs_are_found_by_path_or_stand_in_the_repository(tmp_path: Path) -> None:
    made = staged(tmp_path, CONFIG)
    assert made.programs == {"make", "sh", "go"}
    rocket = next(plot for plot in made.story.plots if plot.full_name == "acme/rocket")
    assert rocket.branches["main"]["hack/run.sh"].startswith("#!/bin/sh\n")
    assert rocket.branches["main"].keys() == rocket.branches["release-1.0"].keys()


def test_the_seed_decides(tmp_path: Path) -> None:
    config = read(tmp_path, CONFIG)
    assert stage(config, 30, 4, seconds=0, spread=10) == stage(config, 30, 4, seconds=0, spread=10)
    assert stage(config, 30, 4, seconds=0, spread=10) != stage(config, 30, 5, seconds=0, spread=10)


def test_stand_ins_check_the_parts_as_the_job_they_run_for(tmp_path: Path) -> None:
    made = staged(tmp_path, CONFIG)
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    made.write_programs(programs)
    write_tree(checkout, made.story.plots[0].branches["main"])
    assert run_program(checkout, programs / "make", "unit") == 0
    write_tree(checkout, {"parts/bad.part": "breaks unit\n"})
    assert run_program(checkout, programs / "make", "unit") == 1
    assert run_program(checkout, programs / "make", "lint") == 0


def test_a_stand_in_for_the_shell_does_not_run_itself(tmp_path: Path) -> None:
    made = staged(tmp_path, CONFIG)
    made.write_programs(tmp_path / "bin")
    write_tree(tmp_path, made.story.plots[0].branches["main"])
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    assert run_program(tmp_path, tmp_path / "bin/sh", "unit", path) == 0


@pytest.mark.parametrize(
    "settings", ["author: robot", "milestone: v1", "reviewApprovedRequired: true", "excludedBranches: [main, master]"]
)
def test_what_contributors_cannot_bring_about_is_no_story(settings: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no query can be met by labels and stand-in jobs alone"):
        staged(tmp_path, one_job(settings, "command: [make]"))


@pytest.mark.parametrize(
    "job", ["args: [make]", "command: [/usr/bin/make]", "command: [../make]", f"command: [{SCRIPT_PATH}]"]
)
def test_a_job_that_nothing_can_stand_in_for_is_no_story(job: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no query can be met by labels and stand-in jobs alone"):
        staged(tmp_path, one_job("missingLabels: [wait]", job))


def test_a_required_context_that_no_job_reports_is_no_story(tmp_path: Path) -> None:
    text = one_job("missingLabels: [wait]", "command: [make]").replace(
        "tide:\n", "tide:\n  context_options: {required-contexts: [cla/signed]}\n"
    )
    with pytest.raises(ConfigError, match="no query can be met by labels and stand-in jobs alone"):
        staged(tmp_path, text)


def test_a_configuration_that_names_no_repository_says_so_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        staged(tmp_path, "tide: {queries: [{orgs: [acme], labels: [lgtm]}]}\n")
    assert str(caught.value) == f"{tmp_path / 'config.yaml'}: tide.queries: no query covers a named repository"


def test_a_query_without_labels_that_hold_writes_nothing_that_is_held(tmp_path: Path) -> None:
    opened = staged(tmp_path, one_job("", "command: [make]").replace(", }", "}")).story.opened
    assert {event.labels for event in opened} == {("lgtm",), ()}


@pytest.mark.skipif(not REAL.exists(), reason="there is no real configuration beside the project")
def test_a_real_configuration_becomes_a_story(tmp_path: Path) -> None:
    config = load(read_sources(ConfigPaths(REAL / "config.yaml", REAL / "jobs")), Parser())
    made = stage(config, 200, 1, seconds=0, spread=10)
    named = {repo for query in config.queries for repo in query.repos}
    assert {plot.full_name for plot in made.story.plots} == named
    assert {event.repo for event in made.story.opened} == named
    assert {event.labels for event in made.story.opened if event.fate is Fate.REJECTED} == {("approved", "lgtm")}
    for repo, names in made.story.jobs.items():
        assert names <= {job.name for job in config.presubmits(RepoKey.parse(repo))}
    made.write_programs(tmp_path / "bin")
    (plot,) = [plot for plot in made.story.plots if plot.full_name == "kcp-dev/infra"]
    write_tree(tmp_path, plot.branches["main"])
    assert [run_program(tmp_path, tmp_path / "bin" / name, "any") for name in sorted(made.programs)] == [0, 0]
