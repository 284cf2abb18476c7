from pathlib import Path

from tests.integration.sandbox.prow import presubmit, prow


async def test_each_state_is_told_once_with_the_base_that_it_holds_for(tmp_path: Path) -> None:
    async with prow(tmp_path, pages="http://localhost/jobs") as here:
        base, pull = here.repository.branches["main"], await here.pull("one")
        await here.until(lambda: here.prowjobs(state="pending"))
        await here.until(lambda: ("unit", "pending") in here.statuses(pull.head_sha))
        here.time.forward(10)
        await here.until(lambda: ("unit", "success") in here.statuses(pull.head_sha))
        (made,) = here.prowjobs()
        posted = here.repository.statuses[pull.head_sha]
        # Triggered and pending are two states of a ProwJob, and one of a commit.
        assert [one.state for one in posted] == ["pending", "pending", "success"]
        assert posted[-1].target_url == f"http://localhost/jobs/{made['metadata']['name']}"
        assert (posted[-1].description or "").startswith("Job succeeded.")
        assert (posted[-1].description or "").endswith(f" BaseSHA:{base}")
        assert posted[-1].creator == "prow-bot"
        assert made["status"]["prev_report_states"] == {"github-reporter": "success"}


async def test_batches_and_jobs_that_skip_reporting_are_not_told(tmp_path: Path) -> None:
    async with prow(tmp_path, (presubmit("silent", skip_report=True),)) as here:
        pull = await here.pull("one")
        here.create("batch", type="batch", pulls=[pull, pull], report=True)
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        here.time.forward(10)
        await here.until(lambda: len(here.prowjobs(state="success")) == 2)
        here.create("told", pulls=[pull], report=True, context="told", job="told")
        await here.until(lambda: here.statuses(pull.head_sha))
        assert {context for context, _ in here.statuses(pull.head_sha)} == {"told"}


async def test_a_status_that_can_never_be_set_is_let_go(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        refs = {"org": "acme", "repo": "gone", "base_ref": "main", "base_sha": "0" * 40}
        here.create("lost", report=True, refs={**refs, "pulls": [{"number": 1, "sha": "1" * 40, "author": "alice"}]})
        await here.until(lambda: here.prowjobs()[0]["status"].get("prev_report_states"))


async def test_old_prowjobs_are_deleted_but_not_those_that_run(tmp_path: Path) -> None:
    async with prow(tmp_path, (), seconds_of={"long": 1e6}) as here:
        here.create("done", type="batch")
        here.create("running", type="batch", job="long")
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        here.time.forward(10)
        await here.until(lambda: here.prowjobs(state="success"))
        assert here.cluster.log_of("done")
        assert here.cluster.sweep() == 0
        here.time.forward(3600 + 1)
        await here.until(lambda: len(here.prowjobs()) == 1)
        assert here.prowjobs()[0]["metadata"]["name"] == "running"
        assert here.cluster.log_of("done") == ""
