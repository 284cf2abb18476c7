"""What the operators configured, as a sync sees it."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from tide.domain.in_repo import InRepoFile
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.rules import ContextPolicy, PoolRules, Query


class JobConfig(Protocol):
    """One configuration, taken whole; it does not change while it is held."""

    @property
    def digest(self) -> str:
        """A hex digest of everything that was loaded."""
        ...

    @property
    def queries(self) -> tuple[Query, ...]:
        """All Tide queries, in the order of their index."""
        ...

    @property
    def blocker_label(self) -> str:
        """The label of issues that block merging; "" when the feature is off."""
        ...

    @property
    def link_url(self) -> str:
        """Where people see the code host, without a slash at the end (Prow: github.link_url)."""
        ...

    @property
    def search_per_repository(self) -> bool:
        """Whether one search is sent per repository instead of one per query."""
        ...

    @property
    def search_per_org(self) -> bool:
        """Whether each search is limited to one organisation, as each has a token of its own."""
        ...

    def rules(self, pool: PoolKey) -> PoolRules:
        """Give what applies to one pool; raise ConfigError when the parts contradict each other."""
        ...

    def presubmits(self, repo: RepoKey) -> tuple[Presubmit, ...]:
        """Give the configured presubmits of a repository, in the order of the files."""
        ...

    def presubmits_with(self, repo: RepoKey, files: Iterable[InRepoFile]) -> tuple[Presubmit, ...]:
        """Give the configured presubmits of a repository, followed by those that files in itself bring.

        The order of the files does not matter. Raise ConfigError, by file and line in the repository, when they break
        a rule, among themselves or beside the configured jobs. Takes a while for large files.
        """
        ...

    def context_policy(self, pool: PoolKey, presubmits: Sequence[Presubmit]) -> ContextPolicy:
        """Tell which contexts count on a branch where these are the jobs of the repository.

        Raise ConfigError when what is configured about the contexts contradicts itself or the jobs.
        """
        ...
