import pytest

from tests.builders import make_job
from tide.domain.jobs import Presubmit
from tide.policy.jobs import needs_changed_files, required_presubmits, runs_on_branch, should_run

GO = make_job("go", run_if_changed=r"\.go$")
DOCS = make_job("docs", skip_if_only_changed=r"\.md$")
MANUAL = make_job("manual", always_run=False)


@pytest.mark.parametrize(
    ("branches", "skipped", "branch", "runs"),
    [
        ((), (), "main", True),
        (("main",), (), "main-2", True),
        (("^main$",), (), "main-2", False),
        (("^a$", "^b$"), (), "b", True),
        ((), ("rel",), "release-1", False),
        (("release",), ("release-1",), "release-1", False),
    ],
)
def test_branch_expressions_are_joined_and_skipping_wins(
    branches: tuple[str, ...],
    skipped: tuple[str, ...],
    branch: str,
    runs: bool,  # noqa: FBT001 - a table
) -> None:
    assert runs_on_branch(make_job(branches=branches, skip_branches=skipped), branch) is runs


@pytest.mark.parametrize(
    ("job", "files", "runs"),
    [
        (GO, ("a.md", "b.go"), True),
        (GO, ("a.md",), False),
        (GO, (), False),
        (DOCS, ("a.md",), False),
        (DOCS, ("a.md", "b.go"), True),
        (DOCS, (), False),
        (MANUAL, ("b.go",), False),
        (make_job(), (), True),
    ],
)
def test_a_job_runs_for_the_files_that_it_asks_for(job: Presubmit, files: tuple[str, ...], runs: bool) -> None:  # noqa: FBT001 - a table
    assert should_run(job, "main", files) is runs


def test_force_helps_on_the_right_branch_only() -> None:
    assert should_run(MANUAL, "main", (), forced=True)
    assert not should_run(make_job(branches=("^dev$",)), "main", (), forced=True)


def test_required_are_reporting_jobs_and_those_to_run_before_a_merge() -> None:
    jobs = [
        make_job("unit"),
        make_job("optional", optional=True),
        make_job("silent", skip_report=True),
        make_job("before", optional=True, always_run=False, run_before_merge=True),
        make_job("elsewhere", run_before_merge=True, branches=("^dev$",)),
        GO,
        MANUAL,
    ]
    assert [job.name for job in required_presubmits(jobs, "main", ("x.go",))] == ["unit", "before", "go"]
    assert [job.name for job in required_presubmits(jobs, "main", ("x.md",))] == ["unit", "before"]


def test_manual_jobs_are_required_where_branch_protection_asks_for_them() -> None:
    jobs = [MANUAL, make_job("quiet", always_run=False, optional=True), GO]
    required = required_presubmits(jobs, "main", (), require_manually_triggered=True)
    assert [job.name for job in required] == ["manual"]


def test_files_are_needed_only_where_they_decide() -> None:
    assert needs_changed_files([make_job(), GO], "main")
    assert not needs_changed_files([make_job(), MANUAL], "main")
    assert not needs_changed_files([make_job("x", run_if_changed="a", optional=True)], "main")
    assert not needs_changed_files([make_job("x", run_if_changed="a", branches=("^dev$",))], "main")
    assert not needs_changed_files([make_job("x", run_if_changed="a", run_before_merge=True)], "main")
