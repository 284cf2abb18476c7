import asyncio
import os
from pathlib import Path

from tests.integration.sandbox.play import Play
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.sandbox.git_program import run_git
from tide.sandbox.scenarios.from_config import stage
from tide.sandbox.scenarios.story import Fate

CONFIG = """
tide:
  queries:
    - {repos: [acme/rocket], labels: [lgtm], missingLabels: [wait], includedBranches: [main, release-1.0]}
presubmits:
  acme/rocket:
    - name: unit
      always_run: true
      spec: {containers: [{image: none, command: [hack/unit.sh]}]}
"""


async def test_a_configuration_s_story_is_played_and_its_jobs_run_in_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    made = stage(load(read_sources(ConfigPaths(tmp_path / "config.yaml")), Parser()), 24, 2, seconds=0, spread=10)
    play = await Play(made.story, tmp_path).end()
    rocket = play.forge.repository("acme/rocket")
    await rocket.git.flush()
    checkout = tmp_path / "checkout"
    await run_git(["clone", "-q", str(rocket.git.path), str(checkout)], cwd=tmp_path)
    await run_git(["config", "remote.origin.fetch", "+refs/pull/*:refs/pull/*"], cwd=checkout)
    await run_git(["fetch", "-q"], cwd=checkout)
    told: set[tuple[Fate, int]] = set()
    for event in made.story.opened:
        pull = play.opened(event.name).pull
        await run_git(["checkout", "-q", pull.head_sha], cwd=checkout)
        code = await _run_job(checkout)
        told.add((event.fate, code))
    assert {(Fate.MERGED, 0), (Fate.REJECTED, 1)} <= told
    assert (Fate.MERGED, 1) not in told


async def _run_job(checkout: Path) -> int:
    environment = {"PATH": os.environ["PATH"], "JOB_NAME": "unit"}
    job = await asyncio.create_subprocess_exec(
        "hack/unit.sh", cwd=checkout, env=environment, stdout=asyncio.subprocess.PIPE
    )
    await job.communicate()
    return job.returncode or 0
