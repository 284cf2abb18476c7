"""`tide sandbox`: the simulated GitHub and the simulated cluster alone, with a story to play on them."""

import asyncio
import contextlib
import json
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tide.adapters.clock import SystemClock
from tide.adapters.git.program import GitProgram
from tide.adapters.http_server import bound_socket
from tide.adapters.prowjobs.writing import ProwSettings
from tide.app.demo_config import demo_config
from tide.config.loaded import LoadedConfig
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.domain.errors import TideError
from tide.domain.jobs import Presubmit
from tide.domain.keys import RepoKey
from tide.sandbox.cluster.cluster import Cluster
from tide.sandbox.cluster.pages import PAGES, page_route
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.kubernetes.api import KubernetesApi
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig
from tide.sandbox.model import Hook
from tide.sandbox.scenarios.contributors import Contributors
from tide.sandbox.scenarios.from_config import Stage
from tide.sandbox.scenarios.story import Story
from tide.sandbox.scenarios.truth import Truth
from tide.sandbox.server import LOOPBACK, Settings, running
from tide.sandbox.state import Forge

WEBHOOK_SECRET = "webhook-secret"  # noqa: S105 - the name of a file
SYNC_PERIOD = "2s"
"""How often a daemon looks at the demonstration's repositories, as nobody has to tell it of webhooks."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is on the simulated GitHub and its cluster.

    Args:
        story: what contributors do.
        config: which jobs there are; the demonstration's is written for its story.
        stage: the programs for the jobs of a configuration.
        seed: fixes what happens on the cluster.
        job_seconds: how long its jobs take.
        has_prow: whether anything happens on the cluster.
    """

    story: Story
    config: LoadedConfig | None = None
    stage: Stage | None = None
    seed: int = 0
    job_seconds: float = 1.0
    has_prow: bool = True


@dataclass(frozen=True, slots=True)
class _Place:
    """The sandbox's directory and its address."""

    directory: Path
    url: str

    def secret(self, name: str, secret: str) -> str:
        """Write a secret where only its owner can read it; give it back."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(f"{secret}\n")
        return secret

    def configuration(self, story: Story) -> LoadedConfig | None:
        """Write the configuration of the demonstration, if that is the story; give it as a daemon will load it."""
        if not story.plots:
            return None
        path = self.directory / "config.yaml"
        path.write_text(demo_config(story, self.url, sync_period=SYNC_PERIOD))
        return load(read_sources(ConfigPaths(path)), Parser())

    def gitconfig(self) -> Path:
        """Write a git configuration that sends git to the sandbox wherever a clone_uri names GitHub."""
        path = self.directory / "gitconfig"
        addresses = ("https://github.com/", "ssh://git@github.com/", "git@github.com:")
        lines = "".join(f"\tinsteadOf = {address}\n" for address in addresses)
        path.write_text(f'[url "{self.url}/"]\n{lines}')
        return path


async def run_sandbox(
    scenario: Scenario,
    data_dir: Path,
    port: int,
    stopping: asyncio.Event,
    announce: Callable[[str], None],
    *,
    webhook_url: str | None = None,
) -> None:
    """Serve until `stopping` is set; `announce` gets one line of JSON that says where everything is.

    Every event is sent to `webhook_url`, if there is one.

    Raises:
        TideError: the port is taken, the directory is in use, or there is no git that will do.
    """
    await GitProgram().version()
    port = _usable_port(port)
    github = data_dir / "github"
    if github.exists():
        raise TideError(f"{github} exists already: a sandbox begins empty, so choose another --data-dir")
    unbegun = contextlib.ExitStack()
    unbegun.callback(shutil.rmtree, github, ignore_errors=True)  # it would stand in the way of the next one
    github.mkdir(parents=True)
    forge = Forge(SystemClock().now, github)
    truth = Truth(forge, scenario.story.jobs)
    contributors = Contributors(forge, scenario.story, asyncio.sleep)
    place = _Place(data_dir, f"http://{LOOPBACK}:{port}")
    config = scenario.config or place.configuration(scenario.story)
    api = KubernetesApi(forge.now, namespaces=(_namespace(config),))
    cluster = _cluster(scenario, config, forge, api, place.url)
    secret = place.secret(WEBHOOK_SECRET, secrets.token_hex(20))
    hooks = (Hook(1, webhook_url, secret, ("*",)),) if webhook_url else ()
    routes = (_truth_route(truth, contributors), page_route(cluster), *api.routes())
    prow = cluster.running() if scenario.has_prow else contextlib.nullcontext()
    with unbegun:
        async with running(forge, port, Settings(hooks=hooks, routes=routes)), prow:
            await contributors.prepare()
            announce(json.dumps(_files(place, scenario, config)))
            unbegun.pop_all()
            async with asyncio.TaskGroup() as group:
                playing = group.create_task(contributors.play())
                await stopping.wait()
                playing.cancel()


def _usable_port(wanted: int) -> int:
    """Give the wanted port, a free one for 0; raise TideError when it is taken, before anything is written."""
    with bound_socket(LOOPBACK, wanted, "--port") as probe:
        number: int = probe.getsockname()[1]
        return number


def _namespace(config: LoadedConfig | None) -> str:
    return config.prowjob_namespace if config else "default"


def _cluster(scenario: Scenario, config: LoadedConfig | None, forge: Forge, api: KubernetesApi, url: str) -> Cluster:
    def jobs(repo: RepoKey) -> Sequence[Presubmit]:
        return config.presubmits_in_prow(repo) if config else ()

    prow = ProwSettings(config.prowjob_namespace, config.link_url, config.has_scheduler) if config else ProwSettings()
    settings = ClusterSettings(prow=prow, seed=scenario.seed, job_seconds=scenario.job_seconds, pages=f"{url}{PAGES}")
    return Cluster(forge, api.prowjobs, jobs, settings)


def _truth_route(truth: Truth, contributors: Contributors) -> Route:
    async def answer(_request: Request) -> Response:
        verdict = await truth.verdict()
        pulls = [
            {"pull": one.name, "fate": one.fate, "state": "merged" if one.pull.merged else one.pull.state}
            for one in contributors.pulls.values()
        ]
        return JSONResponse(verdict.as_json() | {"pulls": pulls, "is_over": contributors.is_over})

    return Route("/_sandbox/truth", answer)


def _files(place: _Place, scenario: Scenario, config: LoadedConfig | None) -> dict[str, str]:
    """Write what a daemon needs to reach the sandbox; give the places."""
    token = place.secret("token", f"sandbox-{secrets.token_hex(16)}")
    write_kubeconfig(place.directory / "kubeconfig", place.url, token, _namespace(config))
    names = {"kubeconfig": "kubeconfig", "token_file": "token", "webhook_secret_file": WEBHOOK_SECRET}
    files = {
        "url": place.url,
        "graphql": f"{place.url}/graphql",
        **{key: str(place.directory / name) for key, name in names.items()},
        "gitconfig": str(place.gitconfig()),
    }
    if config:
        files["config"] = config.file.path
    if scenario.stage:
        scenario.stage.write_programs(place.directory / "bin")
        files["programs"] = str(place.directory / "bin")
    return files
