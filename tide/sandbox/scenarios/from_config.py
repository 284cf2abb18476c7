"""Make the repositories that a Prow configuration names, so that its real queries and jobs have something to work on.

The jobs' programs stand in the sandbox's `bin` directory (or in the repository, where a job names a path): each of
them checks the parts in the checkout, as the job that it is run for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.rules import Query
from tide.policy.jobs import required_presubmits
from tide.policy.queries import admits_branch
from tide.ports.job_config import JobConfig
from tide.sandbox.scenarios.story import Plot, Story
from tide.sandbox.scenarios.suite import SCRIPT_PATH
from tide.sandbox.scenarios.writing import Branch, base_files, seeded_story

_STAND_IN = f"""#!/bin/sh
# Stands in for a job's program: checks the parts in this checkout.
exec sh {SCRIPT_PATH} "$JOB_NAME"
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a configuration's story needs: the story, and the programs of its jobs by name."""

    story: Story
    programs: frozenset[str]

    def write_programs(self, directory: Path) -> None:
        """Write the programs into a directory that the jobs find through PATH."""
        directory.mkdir(parents=True, exist_ok=True)
        for name in sorted(self.programs):
            program = directory / name
            program.write_text(_STAND_IN)
            program.chmod(0o755)


def stage(config: JobConfig, pulls: int, seed: int, *, seconds: float, spread: float) -> Stage:
    """Write a story for the repositories that the queries of a configuration name.

    Args:
        config: the configuration, as the daemon will load it.
        pulls: how many pull requests are opened.
        seed: decides everything.
        seconds: how long each job takes.
        spread: the seconds over which the pull requests are opened.

    Raises:
        ValueError: no query names a repository.
    """
    repos = sorted({RepoKey.parse(name) for query in config.queries for name in query.repos})
    branches, plots, programs = [], [], set[str]()
    for repo in repos:
        jobs = config.presubmits(repo)
        commands = {_program(job) for job in jobs} - {""}
        programs |= {command for command in commands if "/" not in command}
        inside = {command: _STAND_IN for command in commands if "/" in command and not command.startswith("/")}
        names = sorted({name for query in config.queries if query.covers(repo) for name in _branch_names(query)})
        files = base_files(seconds, inside)
        plots.append(Plot(str(repo), dict.fromkeys(names, files)))
        branches += [_branch(config, repo, name, jobs) for name in names]
    if not branches:
        raise ValueError("no query of the configuration names a repository")
    return Stage(seeded_story(branches, plots, pulls, seed, spread=spread), frozenset(programs))


def _program(job: Presubmit) -> str:
    spec = job.definition.get("spec")
    containers = spec.get("containers") if isinstance(spec, Mapping) else None
    command = containers[0].get("command") if containers else None
    return str(command[0]) if command else ""


def _branch_names(query: Query) -> Iterable[str]:
    return query.included_branches or ("main",)


def _branch(config: JobConfig, repo: RepoKey, name: str, jobs: Iterable[Presubmit]) -> Branch:
    rules = config.rules(PoolKey(repo.org, repo.name, name))
    query = next(one for one in rules.queries if admits_branch(one, name))
    labels = tuple(entry.split(",")[0] for entry in query.labels)
    changed = ("parts/new.part",)
    required = required_presubmits(jobs, name, changed, require_manually_triggered=rules.require_manually_triggered)
    return Branch(str(repo), name, labels, tuple(job.name for job in required) or ("none",))
