from pathlib import Path

import pytest

from tests.integration.sandbox.prow import Prow, presubmit, prow
from tide.domain.runs import RunState
from tide.sandbox.cluster.verdicts import Outcome
from tide.sandbox.kubernetes.resources import JsonObject


def status(here: Prow, name: str) -> JsonObject:
    told: JsonObject = here.objects.get("default", name)["status"]
    return told


async def test_a_job_is_pending_for_its_time_and_then_has_its_verdict(tmp_path: Path) -> None:
    async with prow(tmp_path, pages="http://localhost/jobs") as here:
        pull = await here.pull("one")
        await here.until(lambda: here.prowjobs(state="pending"))
        (running,) = here.prowjobs()
        told, name = running["status"], running["metadata"]["name"]
        assert told["pendingTime"] == told["startTime"] == "2026-03-01T12:00:00Z"
        assert (told["description"], told["build_id"], told["pod_name"]) == ("Job triggered.", "1", name)
        assert told["url"] == f"http://localhost/jobs/{name}"
        here.time.forward(9)
        assert status(here, name)["state"] == "pending"
        here.time.forward(1)
        await here.until(lambda: ("unit", "success") in here.statuses(pull.head_sha))
        ended = status(here, name)
        assert (ended["state"], ended["description"]) == ("success", "Job succeeded.")
        assert ended["completionTime"] == "2026-03-01T12:00:10Z"
        assert here.cluster.log_of(name) == "unit: all is well\n"


async def test_a_job_that_the_code_breaks_fails_and_says_why(tmp_path: Path) -> None:
    async with prow(tmp_path) as here:
        await here.pull("one", a_part="needs everything\n")
        await here.until(lambda: here.prowjobs(state="pending"))
        here.time.forward(10)
        await here.until(lambda: here.prowjobs(state="failure"))
        (failed,) = here.prowjobs()
        assert failed["status"]["description"] == "Job failed."
        assert "needs everything, which nobody provides" in here.cluster.log_of(failed["metadata"]["name"])


async def test_a_batch_is_judged_by_all_its_pull_requests_merged(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        rename = await here.pull("rename", core_part="provides engine\n")
        use = await here.pull("use", b_part="needs core\n")
        fine = await here.pull("fine", c_part="provides more\n")
        here.create("together", type="batch", pulls=[rename, use])
        here.create("good", type="batch", pulls=[use, fine])
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        here.time.forward(10)
        await here.until(lambda: not here.prowjobs(state="pending"))
        assert (status(here, "together")["state"], status(here, "good")["state"]) == ("failure", "success")
        assert here.repository.statuses == {}


async def test_what_is_tested_are_the_commits_of_the_refs_and_not_the_branches_of_today(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        pull = await here.pull("one", a_part="breaks unit\n")
        here.create("before", pulls=[pull])
        here.create("base", type="postsubmit", job="unit", refs={**here.prowjobs()[0]["spec"]["refs"], "pulls": []})
        await here.push("one", {"parts/a.part": "needs core\n"})
        await here.push("main", {"parts/z.part": "breaks unit\n"})
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        here.time.forward(10)
        await here.until(lambda: not here.prowjobs(state="pending"))
        assert (status(here, "before")["state"], status(here, "base")["state"]) == ("failure", "success")


async def test_merging_is_done_in_a_work_tree_where_attributes_count(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        main, pulls = here.repository.branches["main"], []
        for name in ("two", "three"):
            await here.forge.write_branch(
                here.repository, name, await here.commit(main, {"notes.txt": f"one\n{name}\n"})
            )
            pulls.append(await here.pull(f"{name}-x", base=name))
        # Both change the same line: GitHub's own merge conflicts, and `merge=union` in a work tree takes both.
        here.create("union", type="batch", pulls=pulls)
        await here.until(lambda: here.prowjobs(state="pending"))
        here.time.forward(10)
        await here.until(lambda: here.prowjobs(state="success"))


async def test_pull_requests_that_conflict_fail_the_job(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        one = await here.pull("one", core_part="provides core\nprovides a\n")
        two = await here.pull("two", core_part="provides core\nprovides b\n")
        here.create("conflict", type="batch", pulls=[one, two])
        here.create("after", type="batch", pulls=[one])
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        here.time.forward(10)
        await here.until(lambda: not here.prowjobs(state="pending"))
        assert (status(here, "conflict")["state"], status(here, "after")["state"]) == ("failure", "success")
        assert "merge" in here.cluster.log_of("conflict")


async def test_a_commit_that_is_not_there_fails_the_job(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        refs = {"org": "acme", "repo": "rocket", "base_ref": "main", "base_sha": "0" * 40}
        here.create("lost", refs=refs)
        here.create("elsewhere", refs={**refs, "org": "nobody"}, job="other")
        here.create("hostile", refs={**refs, "base_sha": "--upload-pack=touch"}, job="third")
        await here.until(lambda: len(here.prowjobs(state="pending")) == 3)
        here.time.forward(10)
        await here.until(lambda: len(here.prowjobs(state="failure")) == 3)


async def test_of_the_same_presubmit_only_the_newest_goes_on_and_speaks_for_the_context(tmp_path: Path) -> None:
    async with prow(tmp_path) as here:
        pull = await here.pull("one")
        await here.until(lambda: here.prowjobs(state="pending"))
        (older,) = here.prowjobs()
        here.time.forward(3)
        here.create("newer", pulls=[pull], report=True)
        here.create("batch", type="batch", pulls=[pull])
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        told = status(here, older["metadata"]["name"])
        assert (told["state"], told["prev_report_states"]) == ("aborted", {"github-reporter": "aborted"})
        assert told["completionTime"] == "2026-03-01T12:00:03Z"
        here.time.forward(10)
        await here.until(lambda: ("unit", "success") in here.statuses(pull.head_sha))
        assert ("unit", "failure") not in here.statuses(pull.head_sha)
        assert status(here, "batch")["state"] == "success"


async def test_of_two_from_the_same_second_the_first_by_name_goes_on(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        pull = await here.pull("one")
        here.create("b", pulls=[pull])
        here.create("a", pulls=[pull])
        await here.until(lambda: here.prowjobs(state="aborted"))
        assert (status(here, "a")["state"], status(here, "b")["state"]) == ("pending", "aborted")


async def test_at_most_so_many_jobs_run_at_once_the_oldest_first(tmp_path: Path) -> None:
    async with prow(tmp_path, (), max_concurrency=2) as here:
        for name in ("a", "b", "c"):
            here.create(name, type="batch")
            here.time.forward(1)
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        assert status(here, "c")["state"] == "triggered"
        here.time.forward(10)
        await here.until(lambda: status(here, "c")["state"] == "pending")


async def test_at_most_so_many_of_one_job_run_at_once(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        for name in ("a", "b"):
            here.create(name, type="batch", max_concurrency=1)
        here.create("other", type="batch", job="other")
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        assert (status(here, "b")["state"], status(here, "other")["state"]) == ("triggered", "pending")
        here.time.forward(10)
        await here.until(lambda: status(here, "b")["state"] == "pending")


async def test_what_waits_for_the_scheduler_is_let_through(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        here.create("one", type="batch", state="scheduling")
        await here.until(lambda: here.prowjobs(state="pending"))


async def test_what_somebody_aborts_is_torn_down_and_complete(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        here.create("one", type="batch")
        await here.until(lambda: here.prowjobs(state="pending"))
        prowjob = here.objects.get("default", "one")
        prowjob["status"]["state"] = "aborted"
        here.objects.replace(prowjob)
        await here.until(lambda: status(here, "one").get("completionTime"))
        here.time.forward(60)
        here.create("two", type="batch")
        await here.until(lambda: here.prowjobs(state="pending"))
        assert status(here, "one")["state"] == "aborted"


async def test_what_is_deleted_while_it_runs_is_gone(tmp_path: Path) -> None:
    async with prow(tmp_path, (), max_concurrency=1) as here:
        here.create("one", type="batch")
        await here.until(lambda: here.prowjobs(state="pending"))
        here.create("two", type="batch")
        here.objects.delete("default", "one")
        await here.until(lambda: here.prowjobs(state="pending"))
        here.time.forward(10)
        await here.until(lambda: here.prowjobs(state="success"))
        assert [one["metadata"]["name"] for one in here.prowjobs()] == ["two"]


async def test_a_story_may_say_how_jobs_end(tmp_path: Path) -> None:
    async def verdict(prowjob: JsonObject) -> Outcome:
        if prowjob["metadata"]["name"] == "broken":
            raise RuntimeError("no such node")
        return Outcome(RunState.ERROR, "evicted\n")

    async with prow(tmp_path, (), verdict=verdict) as here:
        here.create("one", type="batch")
        here.create("broken", type="batch")
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        here.time.forward(10)
        await here.until(lambda: len(here.prowjobs(state="error")) == 2)
        assert here.cluster.log_of("broken") == "RuntimeError: no such node\n"


async def test_what_was_running_when_the_cluster_stopped_is_run_again(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        here.create("one", type="batch")
        await here.until(lambda: here.prowjobs(state="pending"))
    async with here.cluster.running():
        here.time.forward(0)
        here.create("two", type="batch")
        await here.until(lambda: len(here.prowjobs(state="pending")) == 2)
        here.time.forward(10)
        await here.until(lambda: len(here.prowjobs(state="success")) == 2)


@pytest.mark.parametrize("seed", range(3))
async def test_a_flake_depends_on_the_seed_and_the_run_and_ends_when_the_file_has_landed(
    tmp_path: Path, seed: int
) -> None:
    async with prow(tmp_path, (), seed=seed) as here:
        pull = await here.pull("one", a_part="flakes unit 50\n")
        for number in range(20):
            here.create(f"before-{number}", type="batch", pulls=[pull])
        await here.until(lambda: len(here.prowjobs(state="pending")) == 20)
        here.time.forward(10)
        await here.until(lambda: not here.prowjobs(state="pending"))
        assert 3 <= len(here.prowjobs(state="failure")) <= 17
        await here.push("main", {"parts/a.part": "flakes unit 50\n"})
        other = await here.pull("two")
        for number in range(20):
            here.create(f"after-{number}", type="batch", pulls=[other])
        await here.until(lambda: len(here.prowjobs(state="pending")) == 20)
        here.time.forward(10)
        await here.until(lambda: not here.prowjobs(state="pending"))
        assert all(status(here, f"after-{number}")["state"] == "success" for number in range(20))


async def test_durations_are_set_by_job_and_differ_a_little_by_run(tmp_path: Path) -> None:
    async with prow(tmp_path, (), seconds_of={"slow": 100.0}, jitter=0.5) as here:
        settings = here.cluster.settings
        assert settings.duration("unit", "a") == settings.duration("unit", "a") != settings.duration("unit", "b")
        assert all(5 <= settings.duration("unit", str(run)) <= 15 for run in range(100))
        assert 50 <= settings.duration("slow", "a") <= 150


async def test_jobs_of_other_agents_are_not_ours(tmp_path: Path) -> None:
    async with prow(tmp_path, (presubmit("unit"),)) as here:
        here.create("theirs", type="batch", agent="jenkins")
        here.create("ours", type="batch")
        await here.until(lambda: here.prowjobs(state="pending"))
        assert status(here, "theirs")["state"] == "triggered"


BROKEN: tuple[JsonObject, ...] = (
    {"spec": None},
    {"status": None},
    {"status": {"state": 7}},
    {"status": {"state": "melted"}},
    {"status": {"state": "triggered", "prev_report_states": "none", "description": []}},
    {"spec": {"job": "unit", "type": "presubmit", "report": True, "refs": "main"}},
    {"spec": {"job": "unit", "type": "presubmit", "report": True, "refs": {"org": "acme", "repo": "rocket"}}},
    {"spec": {"job": "unit", "type": "presubmit", "refs": {"org": "acme", "repo": "rocket", "pulls": [None]}}},
    {"spec": {"job": "unit", "type": "presubmit", "max_concurrency": "many", "extra_refs": [1]}},
    {"spec": {"job": {}, "type": []}},
)


async def test_what_clients_may_write_harms_nobody_else(tmp_path: Path) -> None:
    async with prow(tmp_path, ()) as here:
        good: JsonObject = {"spec": {"job": "unit", "type": "batch"}, "status": {"state": "triggered"}}
        for number, broken in enumerate(BROKEN):
            metadata = {"name": f"broken-{number}", "namespace": "default"}
            here.objects.create({"metadata": metadata, **good, **broken})
        here.create("elsewhere", type="batch", state="success")
        here.create("good", type="batch")
        await here.until(lambda: status(here, "good")["state"] == "pending")
        here.time.forward(10)
        await here.until(lambda: status(here, "good")["state"] == "success")
        here.time.forward(2 * 3600)
        await here.until(lambda: "good" not in [one["metadata"]["name"] for one in here.objects.listed()])
