"""`tide run` and `tide sandbox` as separate processes, with the jobs on a cluster that Prow runs."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.town import Town, daemon
from tests.programs import open_directory, sandbox

pytestmark = pytest.mark.timeout(400)

PULLS = 24
PROWJOBS = "/apis/prow.k8s.io/v1/namespaces/default/prowjobs"


@pytest.fixture(scope="module")
def here() -> Iterator[Town]:
    with (
        open_directory("cluster") as place,
        sandbox(place, "--scenario=demo", f"--pulls={PULLS}", "--spread=5", "--job-seconds=1") as github,
    ):
        config = Path(github.places["config"])
        backend = ("--prowjob-backend=kubernetes", f"--kubeconfig={github.places['kubeconfig']}")
        with daemon(place, github, [f"--config-path={config}"], backend=backend) as running:
            yield Town(place, github, running)


@pytest.fixture(scope="module")
def settled(here: Town) -> Town:
    here.wait_until_merged(patience=150)
    return here


def test_everything_good_is_merged_and_no_branch_was_red(settled: Town) -> None:
    truth = settled.truth()
    assert truth["red"] == []
    assert len(truth["pulls"]) == PULLS
    assert "merged" not in settled.pulls("waiting").values()
    assert "merged" not in settled.pulls("rejected").values()


def test_of_two_that_fail_together_one_is_merged(settled: Town) -> None:
    assert Counter(settled.pulls("either").values()) == {"merged": 1, "open": 1}


def test_the_jobs_ran_on_the_cluster_started_by_prow_and_by_the_queue(settled: Town) -> None:
    prowjobs: list[dict[str, Any]] = settled.github.get(PROWJOBS)["items"]
    started = Counter(
        (one["spec"]["type"], one["metadata"]["labels"].get("created-by-tide", "false")) for one in prowjobs
    )
    # Nothing conflicts but one pull request, and each other one is tested once when it is opened.
    assert started["presubmit", "false"] >= PULLS - 1
    assert started["batch", "true"] >= 1
    names = [one["metadata"]["name"] for one in prowjobs]
    assert len(set(names)) == len(names)


def test_what_merged_had_passed_a_job(settled: Town) -> None:
    prowjobs: list[dict[str, Any]] = settled.github.get(PROWJOBS)["items"]
    tested = {
        pull["sha"]
        for one in prowjobs
        if one["status"]["state"] == "success"
        for pull in one["spec"]["refs"].get("pulls", [])
    }
    for name, state in settled.pulls("merged").items():
        assert state == "merged"
        head = settled.github.get(f"/repos/{name.replace('#', '/pulls/')}")["head"]["sha"]
        assert head in tested, name


def test_a_signal_stops_it_and_leaves_the_cluster_as_it_is(settled: Town) -> None:
    before = len(settled.github.get(PROWJOBS)["items"])
    assert settled.daemon.program.end() == 0, settled.daemon.program.told
    assert len(settled.github.get(PROWJOBS)["items"]) == before
