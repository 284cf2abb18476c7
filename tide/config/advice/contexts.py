"""Contexts that are required and that no job reports, and pools whose contexts contradict each other."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from tide.config.advice.expressions import literal_of
from tide.config.advice.repositories import some_of, tested_repositories
from tide.config.loaded import LoadedConfig
from tide.config.places import Path
from tide.config.problems import Findings, Sourced
from tide.config.validation.tide_section import levels
from tide.domain.errors import ConfigError, Problem
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.policy.jobs import runs_on_branch

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
                place = Sourced(level, config.file, ("tide", "context_options", *path))
                findings.warn(place, _message(context, silent, config), "required-contexts")


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
        names = [str(step) for step in path[1::2]]
        return cls(*[*names, None, None, None][:3])

    def holds(self, repo: RepoKey) -> bool:
        return self._org in {None, repo.org} and self._repo in {None, repo.name}

    def is_reported(self, config: LoadedConfig, repo: RepoKey, context: str) -> bool:
        return any(
            job.context == context
            and not job.skip_report
            and (self._branch is None or runs_on_branch(job, self._branch))
            for job in config.presubmits(repo)
        )


def contradictions(config: LoadedConfig) -> Iterator[Problem]:
    """Give what breaks single pools: on the branches that queries and jobs name, and on likely ones."""
    told: set[str] = set()
    for repo in config.repositories:
        for branch in _branches(config, repo):
            try:
                config.rules(PoolKey(repo.org, repo.name, branch))
            except ConfigError as error:
                yield from (problem for problem in error.problems if problem.message not in told)
                told.update(problem.message for problem in error.problems)


def _branches(config: LoadedConfig, repo: RepoKey) -> Iterable[str]:
    named = [branch for query in config.queries if query.covers(repo) for branch in query.included_branches]
    named += _literal_branches(config.presubmits(repo))
    return dict.fromkeys((*named, *_LIKELY))


def _literal_branches(jobs: Iterable[Presubmit]) -> list[str]:
    return [branch for job in jobs for text in job.branches if (branch := literal_of(text)) is not None]
