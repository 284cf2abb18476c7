"""The repositories that advice is about."""

from collections.abc import Iterator, Sequence

from tide.config.loaded import LoadedConfig
from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import JobSections
from tide.config.validation.queries import is_repo
from tide.domain.keys import RepoKey
from tide.policy.search import covers
from tide.policy.wording import enumerated

_NAMED = 3
_GERRIT = ("http://", "https://")


def tested_repositories(config: LoadedConfig) -> Iterator[RepoKey]:
    """List the repositories all of whose presubmits are known: they have some, and hold none themselves."""
    for name in config.jobs:
        if name.count("/") == 1:
            repo = RepoKey.parse(name)
            if config.presubmits(repo) and not config.in_repo_enabled(repo):
                yield repo


def advise_on_repositories(sections: Sourced[JobSections], config: LoadedConfig, findings: Findings) -> None:
    """Warn of jobs that belong to no repository there can be, and of those that no query covers."""
    for kind in ("presubmits", "postsubmits"):
        for repo in getattr(sections.value, kind):
            if not is_repo(repo) and not repo.startswith(_GERRIT):
                message = f"{repo!r} is not of the form org/repo, so these jobs never run"
                findings.warn(sections, message, kind, repo, kind="jobs of no repository", other=repr(repo))
    for repo, jobs in sections.value.presubmits.items():
        if jobs and config.queries and is_repo(repo) and not covers(config.queries, RepoKey.parse(repo)):
            message = f"no query covers {repo}: whatever its jobs say, this queue merges nothing there"
            findings.warn(sections, message, "presubmits", repo, kind="jobs that no query covers", other=repo)


def some_of(things: Sequence[object]) -> str:
    """Name the first few of many."""
    names = [str(thing) for thing in things[:_NAMED]]
    return enumerated([*names, f"{len(things) - _NAMED} more"] if len(things) > _NAMED else names)
