"""Contexts that are required and that no job reports, and pools whose contexts contradict each other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches

from tide.config.advice.expressions import literal_of
from tide.config.advice.repositories import some_of, tested_repositories
from tide.config.loaded import LoadedConfig
from tide.config.places import Path
from tide.config.problems import Finding, Findings, Sourced
from tide.config.validation.tide_section import levels
from tide.domain.errors import ConfigError, Problem
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.names import folded
from tide.policy.jobs import runs_on_branch

_SECTION = ("tide", "context_options")
_LIKELY = ("main", "master")
_SIMILARITY = 0.8


def advise_on_contexts(config: LoadedConfig, findings: Findings) -> None:
    """Warn of required contexts that no job of a repository reports, where all of its jobs are known."""
    repos = [repo for repo in tested_repositories(config) if any(query.covers(repo) for query in config.queries)]
    for path, level in levels(config.prow.tide.context_options):
        scope = _Scope.of(path)
        for context in level.required:
            silent = [repo for repo in repos if scope.holds(repo) and not scope.is_reported(config, repo, context)]
            if silent:
                place = Sourced(level, config.file, (*_SECTION, *path))
                message, other = _message(context, silent, config), f"{context!r} of {some_of(silent)}"
                findings.warn(place, message, "required-contexts", kind="reported by no job", other=other)


def _message(context: str, silent: list[RepoKey], config: LoadedConfig) -> str:
    reported = {job.context for repo in silent for job in config.presubmits(repo)}
    similar = get_close_matches(context, sorted(reported - {context}), 1, _SIMILARITY)
    meant = f" (is {similar[0]!r} meant?)" if similar else ""
    return (
        f"no job of {some_of(silent)} reports {context!r}{meant}; nothing merges there unless something else reports it"
    )


class _Scope:
    """The repositories and the branch that a level of the context options is for; None is any."""

    def __init__(self, org: str | None, repo: str | None, branch: str | None) -> None:
        self._org, self._repo, self._branch = org, repo, branch

    @classmethod
    def of(cls, path: Path) -> "_Scope":
        org, repo, branch = [*(str(step) for step in path[1::2]), None, None, None][:3]
        return cls(org and folded(org), repo and folded(repo), branch)

    def holds(self, repo: RepoKey) -> bool:
        return self._org in {None, folded(repo.org)} and self._repo in {None, folded(repo.name)}

    def holds_pool(self, pool: PoolKey) -> bool:
        return self.holds(pool.repository) and self._branch in {None, pool.branch}

    def is_reported(self, config: LoadedConfig, repo: RepoKey, context: str) -> bool:
        return any(
            job.context == context
            and not job.skip_report
            and (self._branch is None or runs_on_branch(job, self._branch))
            for job in config.presubmits(repo)
        )


def contradictions(config: LoadedConfig, faults: Iterable[Finding]) -> Iterator[Problem]:
    """Give what breaks single pools: on the branches that queries and jobs name, and on likely ones.

    Each contradiction is told once, with the pools that it breaks. Pools that one of `faults` breaks anyway, as what is
    written for them contradicts itself, are left out.
    """
    places = [fault.path for fault in faults if fault.path[: len(_SECTION)] == _SECTION]
    broken = [_Scope.of(path[len(_SECTION) : -1]) for path in places]
    found: dict[str, list[tuple[PoolKey, Problem]]] = defaultdict(list)
    for pool in pools_named(config):
        if any(scope.holds_pool(pool) for scope in broken):
            continue
        try:
            config.rules(pool)
        except ConfigError as error:
            for problem in error.problems:
                found[problem.message.removeprefix(f"for {pool}: ")].append((pool, problem))
    for reason, (first, *others) in found.items():
        pools = [first[0], *(pool for pool, _ in others)]
        yield replace(first[1], message=f"for {some_of(pools)}: {reason}")


def pools_named(config: LoadedConfig) -> Iterator[PoolKey]:
    """List the branches that queries and jobs name, and likely ones, of the repositories that they name."""
    for repo in config.repositories:
        named = [branch for query in config.queries if query.covers(repo) for branch in query.included_branches]
        named += _literal_branches(config.presubmits(repo))
        yield from (PoolKey(repo.org, repo.name, branch) for branch in dict.fromkeys((*named, *_LIKELY)))


def _literal_branches(jobs: Iterable[Presubmit]) -> list[str]:
    return [branch for job in jobs for text in job.branches if (branch := literal_of(text)) is not None]
