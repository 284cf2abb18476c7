"""What the runner on a cluster owes to others who work on the same ProwJobs; runs against any API server."""

import pytest

from tests.builders import POOL
from tests.contract.job_runner.cluster import ClusterLab, ProwJob
from tests.integration.local_runner.lab import job
from tide.domain.errors import NotFound
from tide.domain.runs import Purpose, RunState


async def test_the_cluster_passes_the_checks(cluster_lab: ClusterLab) -> None:
    async with cluster_lab.runner() as runner:
        await runner.check()


async def test_a_namespace_that_is_not_there_is_told(cluster_lab: ClusterLab) -> None:
    async with cluster_lab.runner(namespace=f"{cluster_lab.namespace}-not") as runner:
        with pytest.raises(NotFound, match="has no namespace"):
            await runner.check()


async def test_many_are_listed_in_pages(cluster_lab: ClusterLab) -> None:
    async with cluster_lab.runner() as runner:
        for number in range(1, 8):
            await runner.start(cluster_lab.candidate(cluster_lab.head(number)), [job("true")], Purpose.RETEST, {})
    async with cluster_lab.runner(page_size=2) as runner:
        assert len(await runner.runs(POOL, cluster_lab.base, [])) == 7


async def test_two_who_begin_the_same_begin_it_once(cluster_lab: ClusterLab) -> None:
    candidate = cluster_lab.candidate(cluster_lab.head(7))
    async with cluster_lab.runner() as one, cluster_lab.runner() as other:
        (first,) = await one.start(candidate, [job("true")], Purpose.RETEST, {})
        (second,) = await other.start(candidate, [job("true")], Purpose.RETEST, {})
        assert second == first
    listed = list(cluster_lab.admin.list(ProwJob, namespace=cluster_lab.namespace))
    assert len(listed) == 1


async def test_what_others_do_to_a_run_is_seen(cluster_lab: ClusterLab) -> None:
    async with cluster_lab.runner() as runner:
        (run,) = await runner.start(cluster_lab.candidate(cluster_lab.head(7)), [job("true")], Purpose.RETEST, {})
        cluster_lab.end(run.name, "aborted")
        await cluster_lab.until(lambda: (seen := runner.cache.find(run.name)) and seen.state is RunState.ABORTED)
        cluster_lab.admin.delete(ProwJob, run.name, namespace=cluster_lab.namespace)
        await cluster_lab.until(lambda: runner.cache.find(run.name) is None)
        assert await runner.find([run.name]) == ()


async def test_what_is_written_is_kept_whole(cluster_lab: ClusterLab) -> None:
    unit = job("true", decoration_config={"timeout": "1h0m0s"}, max_concurrency=3, labels={"team": "rocket"})
    async with cluster_lab.runner() as runner:
        (run,) = await runner.start(cluster_lab.candidate(cluster_lab.head(7)), [unit], Purpose.RETEST, {})
    kept = cluster_lab.admin.get(ProwJob, run.name, namespace=cluster_lab.namespace)
    assert kept["spec"]["max_concurrency"] == 3
    assert kept["spec"]["decoration_config"] == {"timeout": "1h0m0s"}
    assert kept["spec"]["pod_spec"]["containers"][0]["args"] == ["true"]
    assert kept["status"]["state"] == "triggered"
