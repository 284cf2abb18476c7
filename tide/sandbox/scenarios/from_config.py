"""Make the repositories that a Prow configuration names, so that its real queries and jobs have something to work on.

The jobs' programs stand in the sandbox's `bin` directory (or in the repository, where a job names a path): each of
them checks the parts in the checkout, as the job that it is run for.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tide.config.loaded import LoadedConfig
from tide.domain.errors import ConfigError, Problem
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.rules import Query
from tide.policy.jobs import required_presubmits
from tide.policy.queries import admits_branch
from tide.sandbox.scenarios.seeded import Branch, seeded_story
from tide.sandbox.scenarios.story import Plot, Story
from tide.sandbox.scenarios.suite import SCRIPT_PATH
from tide.sandbox.scenarios.writing import base_files

_USUAL_BRANCHES = ("main", "master")
_USUAL_HOLD = "do-not-merge/hold"
_CHANGED = ("parts/new.part",)
_OUR_FILES = frozenset(base_files(0))
# Its own programs come from the system, since PATH begins with stand-ins, which may be called `sh` or `make`.
_STAND_IN = f"""#!/bin/sh
# Stands in for a job's program: checks the parts in this checkout.
PATH=/usr/local/bin:/usr/bin:/bin
exec /bin/sh {SCRIPT_PATH} "$JOB_NAME"
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


def stage(config: LoadedConfig, pulls: int, seed: int, *, seconds: float, spread: float) -> Stage:
    """Write a story for the repositories that a configuration names, by queries or by jobs, and that queries cover.

    Every such repository is there. Pull requests are opened for the branches where contributors can bring one to its
    end: a query asks for labels only, and each required context is that of a job whose program can be stood in for.

    Args:
        config: the configuration, as the daemon will load it.
        pulls: how many pull requests are opened.
        seed: decides everything.
        seconds: how long each job takes.
        spread: the seconds over which the pull requests are opened.

    Raises:
        ConfigError: no repository is named, or no branch is one that a story could be about.
    """
    repos = [repo for repo in config.repositories if any(query.covers(repo) for query in config.queries)]
    plots = [_plot(config, repo, seconds) for repo in repos]
    pools = [PoolKey.parse(f"{plot.full_name}:{branch}") for plot in plots for branch in plot.branches]
    branches = [branch for pool in pools if (branch := _branch(config, pool))]
    if not branches:
        message = (
            "no query can be met by labels and stand-in jobs alone" if repos else "no query covers a named repository"
        )
        raise ConfigError(Problem(config.file.path, 0, "tide.queries", message))
    programs = {name for repo in repos for job in config.presubmits(repo) if "/" not in (name := _program(job))}
    story = seeded_story(branches, plots, pulls, seed, spread=spread)
    return Stage(story, frozenset(programs - {""}))


def _plot(config: LoadedConfig, repo: RepoKey, seconds: float) -> Plot:
    """Give a repository with the branches that queries let merge, and the programs that its jobs run by a path."""
    paths = {posixpath.normpath(name) for job in config.presubmits(repo) if "/" in (name := _program(job))}
    inside = {path: _STAND_IN for path in paths if _is_inside(path)}
    queries = [query for query in config.queries if query.covers(repo)]
    names = sorted({name for query in queries for name in _branch_names(query)})
    return Plot(str(repo), dict.fromkeys(names or _USUAL_BRANCHES[:1], base_files(seconds, inside)))


def _branch_names(query: Query) -> list[str]:
    admitted = [name for name in query.included_branches or _USUAL_BRANCHES if admits_branch(query, name)]
    return admitted if query.included_branches else admitted[:1]


def _is_inside(path: str) -> bool:
    return not path.startswith(("/", "../")) and path not in _OUR_FILES


def _program(job: Presubmit) -> str:
    """Give the program of a job, "" where only an image would know."""
    spec = job.definition.get("spec")
    containers = spec.get("containers") if isinstance(spec, Mapping) else None
    command = containers[0].get("command") if containers else None
    return str(command[0]) if command else ""


def _can_stand_in(job: Presubmit) -> bool:
    name = _program(job)
    return bool(name) and _is_inside(posixpath.normpath(name))


def _branch(config: LoadedConfig, pool: PoolKey) -> Branch | None:
    """Say how pull requests merge into a branch, None where no story could be told about it."""
    rules = config.rules(pool)
    queries = [query for query in rules.queries if admits_branch(query, pool.branch)]
    simple = [query for query in queries if not (query.author or query.milestone or query.review_approved_required)]
    presubmits = config.presubmits(pool.repository)
    required = required_presubmits(
        presubmits, pool.branch, _CHANGED, require_manually_triggered=rules.require_manually_triggered
    )
    unknown = set(rules.context_policy.required) - {job.context for job in required}
    if not simple or unknown or not all(map(_can_stand_in, required)):
        return None
    holding = set[str].intersection(*(set(query.missing_labels) for query in queries))
    return Branch(
        repo=str(pool.repository),
        name=pool.branch,
        labels=tuple(entry.split(",")[0] for entry in simple[0].labels),
        jobs=tuple(job.name for job in required),
        hold=_USUAL_HOLD if _USUAL_HOLD in holding else min(holding, default=""),
    )
