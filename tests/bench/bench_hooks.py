"""What a small busy world asks of GitHub while webhooks tell what happens, beside what Tide would ask.

Two repositories with three branches, in which people open pull requests all the time and jobs take seconds: the whole
daemon, with a cluster of its own, in real time. Points are those that the simulated GitHub has counted. What Tide would
ask in its rounds is counted for the same world at the same moments; it has no webhooks to follow, so it reacts later.
"""

import asyncio
import logging
import tempfile
from collections import Counter
from pathlib import Path

import structlog

from tests.bench.tables import Row, show
from tests.bench.tide_cost import Term, TideCost
from tests.programs import free_port
from tide.adapters.clock import SystemClock
from tide.adapters.http_server import bound_socket, serving_on
from tide.adapters.postgres.embedded import embedded
from tide.app.assembly import opened
from tide.app.demo_config import demo_config
from tide.app.options import RunOptions
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.domain.jobs import Presubmit
from tide.domain.keys import RepoKey
from tide.sandbox.cluster.cluster import Cluster
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.kubernetes.api import KubernetesApi
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig
from tide.sandbox.model import Hook
from tide.sandbox.rate_limits import Limits
from tide.sandbox.scenarios.contributors import Contributors
from tide.sandbox.scenarios.story import Story
from tide.sandbox.scenarios.writing import demo_story
from tide.sandbox.server import LOOPBACK, Sandbox, Settings, build
from tide.sandbox.state import Forge

PULLS, SEED = 60, 1
MINUTES = 4
PERIODS = (10, 60)  # seconds: one for those in a hurry, and Tide's usual one
JOB_SECONDS = 8.0
TOKEN, SECRET = "sandbox-token", "webhook-secret"
_SEARCHES = ('is:pr state:open archived:false label:lgtm label:approved -label:"do-not-merge/hold" org:acme',)


def main() -> None:
    """Print both costs."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for period in PERIODS:
        with tempfile.TemporaryDirectory(prefix="tide-bench-") as name:
            directory = Path(name)
            directory.chmod(0o711)  # as root, the database's user has to get through
            counted = asyncio.run(_measure(directory, period))
        show(
            f"{MINUTES} minutes with webhooks, sync_period {period}s, {PULLS} pull requests",
            [
                Row("merges", str(counted["merges"])),
                Row("points of GraphQL", str(counted["ours"]), f"<= {counted['tides']} (Tide)"),
            ],
        )


async def _measure(directory: Path, period: int) -> Counter[str]:
    listening = bound_socket(LOOPBACK, 0)
    url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
    (directory / "forge").mkdir()
    forge = Forge(SystemClock().now, directory / "forge")
    story = demo_story(PULLS, SEED, seconds=0.0, spread=MINUTES * 60.0)
    (directory / "config.yaml").write_text(demo_config(story, url, sync_period=f"{period}s"))
    config = load(read_sources(ConfigPaths(directory / "config.yaml")), Parser())
    api = KubernetesApi(forge.now)

    def jobs(repo: RepoKey) -> tuple[Presubmit, ...]:
        return config.presubmits(repo)

    cluster = Cluster(forge, api.prowjobs, jobs, ClusterSettings(job_seconds=JOB_SECONDS, jitter=0.2))
    port = free_port()
    hook = Hook(1, f"http://{LOOPBACK}:{port}/hook", SECRET, ("*",))
    sandbox = build(forge, url, Settings(limits=Limits.none(), hooks=(hook,), routes=api.routes()))
    async with (
        embedded(directory / "postgres", durable=False) as database,
        serving_on(listening, sandbox.app, tells_date=True),
        sandbox.webhooks.running(),
        cluster.running(),
        opened(_options(directory, url, database, port)) as daemon,
        asyncio.TaskGroup() as group,
    ):
        stopping = asyncio.Event()
        contributors = Contributors(forge, story, asyncio.sleep)
        await contributors.prepare()
        group.create_task(daemon.run(stopping))
        group.create_task(contributors.play())
        model = TideCost(sandbox.index, _SEARCHES, "org:acme")
        for _ in range(MINUTES * 60 // period):
            model.round(forge.now())
            await asyncio.sleep(period)
        stopping.set()
        api.drop_watches()
        return _counted(sandbox, story, contributors, model)


def _counted(sandbox: Sandbox, story: Story, contributors: Contributors, model: TideCost) -> Counter[str]:
    merged = [contributors.pulls[one.name] for one in story.opened if contributors.pulls[one.name].pull.merged]
    return Counter({
        "merges": len(merged),
        "ours": sandbox.limits.standing(TOKEN, "graphql").used,
        "tides": sum(spent for term, spent in model.spent.items() if Term(term).is_points),
    })  # fmt: skip


def _options(directory: Path, url: str, database: str, port: int) -> RunOptions:
    write_kubeconfig(directory / "kubeconfig", url, TOKEN)
    (directory / "token").write_text(f"{TOKEN}\n")
    (directory / "webhook-secret").write_text(f"{SECRET}\n")
    return RunOptions(
        config_path=directory / "config.yaml",
        kubeconfig=directory / "kubeconfig",
        data_dir=directory / "data",
        database_url=database,
        dry_run=False,
        github_endpoint=(url,),
        github_graphql_endpoint=f"{url}/graphql",
        github_host=url,
        github_token_path=directory / "token",
        webhook_secret_file=directory / "webhook-secret",
        port=port,
        metrics_port=None,
        health_port=None,
        bind=LOOPBACK,
        log_level="error",
    )


if __name__ == "__main__":
    main()
