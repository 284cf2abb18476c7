"""The repositories that advice is about."""

from collections.abc import Iterator, Sequence

from tide.config.loaded import LoadedConfig
from tide.domain.keys import RepoKey
from tide.policy.wording import enumerated

_NAMED = 3


def tested_repositories(config: LoadedConfig) -> Iterator[RepoKey]:
    """List the repositories all of whose presubmits are known: they have some, and hold none themselves."""
    for name in config.jobs:
        if name.count("/") == 1:
            repo = RepoKey.parse(name)
            if config.presubmits(repo) and not config.in_repo_enabled(repo):
                yield repo


def some_of(repos: Sequence[RepoKey]) -> str:
    """Name the first few of many."""
    names = [str(repo) for repo in repos[:_NAMED]]
    return enumerated([*names, f"{len(repos) - _NAMED} more"] if len(repos) > _NAMED else names)
