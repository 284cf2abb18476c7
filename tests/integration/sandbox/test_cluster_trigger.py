from pathlib import Path

import pytest

from tests.integration.sandbox.prow import Prow, presubmit, prow
from tide.adapters.prowjobs.reading import run_of
from tide.domain.runs import Purpose, RunKind

JOBS = (
    presubmit("unit"),
    presubmit("parts", always_run=False, run_if_changed=r"\.part$"),
    presubmit("docs", always_run=False, run_if_changed=r"\.md$"),
    presubmit("slow", always_run=False, optional=True),
    presubmit("old", branches=("release-.*",)),
)


def jobs_of(here: Prow, **wanted: str) -> list[str]:
    return sorted(one["spec"]["job"] for one in here.prowjobs(**wanted))


async def test_an_opened_pull_request_gets_the_jobs_that_run_by_themselves_as_prow_writes_them(tmp_path: Path) -> None:
    async with prow(tmp_path, JOBS) as here:
        pull = await here.pull("one")
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        assert jobs_of(here) == ["parts", "unit"]
        (made,) = here.prowjobs(job="unit")
        metadata, spec = made["metadata"], made["spec"]
        assert (
            metadata["labels"].items()
            >= {
                "created-by-prow": "true",
                "prow.k8s.io/type": "presubmit",
                "prow.k8s.io/refs.pull": "1",
                "prow.k8s.io/is-optional": "false",
            }.items()
        )
        assert "created-by-tide" not in metadata["labels"]
        assert not [key for key in (*metadata["labels"], *metadata["annotations"]) if key.startswith("merge-queue")]
        assert (spec["report"], spec["rerun_command"], spec["context"]) == (True, "/test unit", "unit")
        refs = spec["refs"]
        assert (refs["base_sha"], refs["pulls"][0]["sha"]) == (here.repository.branches["main"], pull.head_sha)
        run = run_of(made)
        assert (run.kind, run.purpose, run.heads) == (RunKind.PRESUBMIT, Purpose.FOREIGN, ((1, pull.head_sha),))


async def test_a_push_aborts_what_runs_for_the_old_head_and_starts_it_for_the_new_one(tmp_path: Path) -> None:
    async with prow(tmp_path) as here:
        pull = await here.pull("one")
        old = pull.head_sha
        await here.until(lambda: here.prowjobs(state="pending"))
        new = await here.push("one", {"parts/one.part": "needs core\n# again\n"})
        await here.until(lambda: ("unit", "failure") in here.statuses(old) and here.prowjobs(state="pending"))
        (aborted,), (running,) = here.prowjobs(state="aborted"), here.prowjobs(state="pending")
        assert aborted["status"]["completionTime"]
        assert aborted["status"]["description"] == "Aborted by trigger plugin."
        assert running["spec"]["refs"]["pulls"][0]["sha"] == new


@pytest.mark.parametrize("deed", ["close", "draft"])
async def test_what_is_closed_or_made_a_draft_runs_no_longer_whoever_started_it(tmp_path: Path, deed: str) -> None:
    async with prow(tmp_path) as here:
        pull = await here.pull("one")
        labels = {"prow.k8s.io/refs.org": "acme", "prow.k8s.io/refs.repo": "rocket", "prow.k8s.io/refs.pull": "1"}
        made = here.create("retest", job="other", pulls=[pull])
        made["metadata"]["labels"] = {**labels, "prow.k8s.io/type": "presubmit", "created-by-tide": "true"}
        here.objects.replace(made)
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        if deed == "close":
            here.forge.close_pull(here.repository, pull)
        else:
            here.forge.set_draft(here.repository, pull, draft=True)
        await here.until(lambda: all(one["status"].get("completionTime") for one in here.prowjobs(state="aborted")))
        await here.until(lambda: jobs_of(here, state="aborted") == ["other", "unit"])


async def test_a_draft_is_not_tested_until_it_is_ready(tmp_path: Path) -> None:
    async with prow(tmp_path) as here:
        draft = await here.pull("one", draft=True)
        await here.pull("two")
        await here.until(here.prowjobs)
        assert [one["spec"]["refs"]["pulls"][0]["number"] for one in here.prowjobs()] == [2]
        here.forge.set_draft(here.repository, draft, draft=False)
        await here.until(lambda: len(here.prowjobs()) == 2)


async def test_a_new_base_is_a_reason_to_test_again(tmp_path: Path) -> None:
    async with prow(tmp_path) as here:
        pull = await here.pull("one")
        await here.until(lambda: here.prowjobs(state="pending"))
        here.forge.retarget_pull(here.repository, pull, "next")
        await here.until(lambda: len(here.prowjobs()) == 2)
        assert {one["spec"]["refs"]["base_ref"] for one in here.prowjobs()} == {"main", "next"}


async def test_what_conflicts_is_not_tested(tmp_path: Path) -> None:
    async with prow(tmp_path) as here:
        base = here.repository.branches["main"]
        await here.push("main", {"parts/core.part": "provides core\nprovides more\n"})
        await here.forge.write_branch(
            here.repository, "late", await here.commit(base, {"parts/core.part": "provides less\n"})
        )
        await here.push("next", {"README": "next\n"})
        conflicting = await here.pull("late2", core_part="provides core\n# fine\n")
        await here.until(here.prowjobs)
        await here.forge.write_branch(here.repository, "late2", here.repository.branches["late"])
        await here.pull("after")
        await here.until(lambda: len(here.prowjobs()) == 2)
        assert not (await here.forge.mergeability(here.repository, conflicting)).mergeable
        heads = {one["spec"]["refs"]["pulls"][0]["sha"] for one in here.prowjobs()}
        assert here.repository.branches["late"] not in heads


async def test_a_stranger_is_tested_when_somebody_says_that_it_is_all_right(tmp_path: Path) -> None:
    async with prow(tmp_path, untrusted=frozenset({"mallory"})) as here:
        pull = await here.pull("one", author="mallory")
        here.forge.comment(here.repository, pull, "/test all", "mallory")
        await here.pull("two")
        await here.until(here.prowjobs)
        assert [one["spec"]["refs"]["pulls"][0]["number"] for one in here.prowjobs()] == [2]
        here.forge.add_label(here.repository, pull, "ok-to-test")
        await here.until(lambda: len(here.prowjobs()) == 2)


async def test_comments_start_jobs(tmp_path: Path) -> None:
    async with prow(tmp_path, JOBS) as here:
        pull = await here.pull("one", a_part="breaks unit\n")
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        here.time.forward(10)
        await here.until(lambda: {("unit", "failure"), ("parts", "success")} <= set(here.statuses(pull.head_sha)))

        here.forge.comment(here.repository, pull, "I am not sure.\r\n/test slow\r\n", "bob")
        await here.until(lambda: jobs_of(here, state="pending") == ["slow"])
        here.forge.comment(here.repository, pull, "/retest", "bob")
        await here.until(lambda: jobs_of(here, state="pending") == ["slow", "unit"])
        (again,) = here.prowjobs(job="unit", state="pending")
        assert again["metadata"]["labels"]["prow.k8s.io/retest"] == "true"
        here.forge.comment(here.repository, pull, "/test all", "bob")
        await here.until(lambda: jobs_of(here, state="pending") == ["parts", "slow", "unit"])
        assert "docs" not in jobs_of(here)


async def test_what_is_quoted_as_code_is_no_command(tmp_path: Path) -> None:
    async with prow(tmp_path, JOBS) as here:
        pull = await here.pull("one")
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        here.forge.comment(here.repository, pull, "Say\n```\n/test slow\n```\n", "bob")
        here.forge.comment(here.repository, pull, "/test docs", "bob")
        await here.until(lambda: "docs" in jobs_of(here))
        assert "slow" not in jobs_of(here)


async def test_a_seed_fixes_the_names(tmp_path: Path) -> None:
    names: list[str] = []
    for seed in (1, 1, 2):
        root = tmp_path / str(len(names))
        root.mkdir()
        async with prow(root, seed=seed) as here:
            await here.pull("one")
            await here.until(here.prowjobs)
            names.append(here.prowjobs()[0]["metadata"]["name"])
    assert names[0] == names[1] != names[2]


async def test_what_cannot_be_answered_keeps_nobody_waiting(tmp_path: Path) -> None:
    broken = presubmit("broken", branches=("next",), always_run=False, run_if_changed="(")
    async with prow(tmp_path, (presubmit("unit"), broken)) as here:
        await here.pull("one", base="next")
        await here.pull("two")
        await here.until(here.prowjobs)
        assert [one["spec"]["refs"]["pulls"][0]["number"] for one in here.prowjobs()] == [2]
