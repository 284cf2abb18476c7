import uuid
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import BASE, NOW, POOL, make_job, sha
from tide.adapters.prowjobs.writing import ProwSettings, build, one_per_context, run_name
from tide.domain.runs import Candidate, Head, Purpose

ONE = Head(7, sha(7), author="alice", title="Fix it", branch="fix")
TWO = Head(9, sha(9), author="bob", title="Add it", branch="add")
ALONE = Candidate(POOL, BASE, (ONE,), run_tree=sha("tree"))
TOGETHER = Candidate(POOL, BASE, (ONE, TWO))
BARE = Candidate(POOL, BASE)
DEFINITION = {
    "name": "unit",
    "agent": "kubernetes",
    "cluster": "default",
    "namespace": "jobs",
    "max_concurrency": 3,
    "error_on_eviction": False,
    "labels": {"team": "core"},
    "annotations": {"testgrid-dashboards": "core"},
    "spec": {"containers": [{"image": "golang", "command": ["make"], "args": ["test"]}]},
    "decoration_config": {"timeout": "1h", "blobless_fetch": True},
    "extra_refs": [{"org": "acme", "repo": "tools", "base_ref": "main"}],
    "reporter_config": {"slack": {"channel": "ci", "job_states_to_report": []}},
    "path_alias": "rocket.example/rocket",
    "clone_depth": 5,
    "run_if_changed": "^src/",
}


def make_object(candidate: Candidate = ALONE, purpose: Purpose = Purpose.RETEST, **definition: Any) -> dict[str, Any]:
    job = make_job("unit", rerun_command="/test unit", definition=DEFINITION | definition)
    return build(candidate, job, purpose, 1, NOW, ProwSettings(namespace="prow"))


def test_one_pull_request_makes_a_presubmit_that_reports() -> None:
    spec = make_object()["spec"]
    assert (spec["type"], spec["report"], spec["rerun_command"]) == ("presubmit", True, "/test unit")


@pytest.mark.parametrize(("candidate", "kind"), [(TOGETHER, "batch"), (BARE, "postsubmit")])
def test_batches_and_proofs_do_not_report(candidate: Candidate, kind: str) -> None:
    spec = make_object(candidate)["spec"]
    assert spec["type"] == kind
    assert "report" not in spec
    assert "rerun_command" not in spec


def test_a_job_that_skips_its_report_does_not_report() -> None:
    job = make_job("unit", skip_report=True)
    assert "report" not in build(ALONE, job, Purpose.RETEST, 1, NOW, ProwSettings())["spec"]


def test_refs_are_those_that_tide_writes() -> None:
    assert make_object()["spec"]["refs"] == {
        "org": "acme",
        "repo": "rocket",
        "repo_link": "https://github.com/acme/rocket",
        "base_ref": "main",
        "base_sha": BASE,
        "base_link": f"https://github.com/acme/rocket/tree/{BASE}",
        "pulls": [
            {
                "number": 7,
                "author": "alice",
                "sha": sha(7),
                "title": "Fix it",
                "head_ref": "fix",
                "link": "https://github.com/acme/rocket/pull/7",
                "commit_link": f"https://github.com/acme/rocket/commit/{sha(7)}",
                "author_link": "https://github.com/alice",
            }
        ],
        "path_alias": "rocket.example/rocket",
        "clone_depth": 5,
        "blobless_fetch": True,
    }


def test_what_the_job_says_of_its_execution_is_copied_and_nothing_else() -> None:
    spec = make_object()["spec"]
    assert spec["pod_spec"] == DEFINITION["spec"]
    assert spec["extra_refs"] == [{"org": "acme", "repo": "tools", "base_ref": "main", "blobless_fetch": True}]
    assert (spec["agent"], spec["cluster"], spec["namespace"], spec["max_concurrency"]) == (
        "kubernetes",
        "default",
        "jobs",
        3,
    )
    assert not {"run_if_changed", "labels", "error_on_eviction", "path_alias"} & spec.keys()


def test_the_object_shares_nothing_with_the_configuration() -> None:
    made = make_object()
    made["spec"]["pod_spec"]["containers"].clear()
    made["spec"]["extra_refs"][0]["base_ref"] = "other"
    assert make_object()["spec"]["pod_spec"]["containers"]
    assert make_object()["spec"]["extra_refs"][0]["base_ref"] == "main"


def test_an_empty_list_of_states_silences_slack() -> None:
    assert make_object()["spec"]["reporter_config"]["slack"]["report"] is False
    assert (
        make_object(reporter_config={"slack": {"channel": "ci"}})["spec"]["reporter_config"]["slack"]["report"] is True
    )


def test_labels_and_annotations_are_those_of_tide_with_our_own() -> None:
    metadata = make_object()["metadata"]
    assert metadata["namespace"] == "prow"
    assert metadata["labels"] == {
        "created-by-prow": "true",
        "created-by-tide": "true",
        "prow.k8s.io/type": "presubmit",
        "prow.k8s.io/job": "unit",
        "prow.k8s.io/context": "unit",
        "prow.k8s.io/refs.org": "acme",
        "prow.k8s.io/refs.repo": "rocket",
        "prow.k8s.io/refs.base_ref": "main",
        "prow.k8s.io/refs.pull": "7",
        "team": "core",
        "merge-queue.tide/purpose": "retest",
    }
    assert metadata["annotations"] == {
        "prow.k8s.io/job": "unit",
        "prow.k8s.io/context": "unit",
        "testgrid-dashboards": "core",
        "merge-queue.tide/job-digest": "digest-unit",
        "merge-queue.tide/run-tree": sha("tree"),
        "merge-queue.tide/attempt": "1",
    }


def test_a_first_run_is_not_taken_for_a_retest_of_tide() -> None:
    assert "created-by-tide" not in make_object(purpose=Purpose.FIRST)["metadata"]["labels"]


def test_labels_that_kubernetes_refuses_are_shortened_replaced_or_dropped() -> None:
    job = make_job("a" * 60 + "-._bcd", definition={"labels": {"path": "x/y", "bad": "a b", "slash": "/"}})
    job = replace(job, context="ci/x/unit")
    labels = build(ALONE, job, Purpose.RETEST, 1, NOW, ProwSettings())["metadata"]["labels"]
    assert labels["prow.k8s.io/job"] == "a" * 60
    assert labels["prow.k8s.io/context"] == "unit"
    assert labels["path"] == "y"
    assert "bad" not in labels
    assert "slash" not in labels


def test_a_job_cannot_change_why_it_was_started() -> None:
    labels = make_object(labels={"merge-queue.tide/purpose": "batch"})["metadata"]["labels"]
    assert labels["merge-queue.tide/purpose"] == "retest"


def test_a_new_object_waits_for_the_scheduler_only_where_there_is_one() -> None:
    assert make_object()["status"] == {"startTime": "2026-01-02T03:04:05Z", "state": "triggered"}
    scheduled = build(ALONE, make_job(), Purpose.RETEST, 1, NOW, ProwSettings(has_scheduler=True))
    assert scheduled["status"]["state"] == "scheduling"


def test_the_name_depends_on_what_is_run_and_on_nothing_else() -> None:
    name = run_name(ALONE, "unit", 1)
    assert str(uuid.UUID(name)) == name
    assert name == run_name(Candidate(POOL, BASE, (Head(7, sha(7)),)), "unit", 1)


@pytest.mark.parametrize(
    "other",
    [
        (ALONE, "lint", 1),
        (ALONE, "unit", 2),
        (TOGETHER, "unit", 1),
        (BARE, "unit", 1),
        (replace(ALONE, base_sha=sha("other")), "unit", 1),
        (replace(ALONE, heads=(replace(ONE, sha=sha("pushed")),)), "unit", 1),
        (replace(ALONE, pool=replace(POOL, branch="release")), "unit", 1),
        (replace(ALONE, pool=replace(POOL, repo="fork")), "unit", 1),
    ],
)
def test_whatever_else_is_run_has_another_name(other: tuple[Candidate, str, int]) -> None:
    assert run_name(*other) != run_name(ALONE, "unit", 1)


def test_jobs_with_one_context_are_started_once() -> None:
    first, second, third = make_job("a"), replace(make_job("b"), context="a"), make_job("c")
    assert one_per_context([first, second, third]) == (first, third)
