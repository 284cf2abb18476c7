"""What the operators configured, as values that policy can work with."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from tide.domain.keys import RepoKey
from tide.domain.names import folded, folded_all
from tide.domain.pulls import MergeMethod


@dataclass(frozen=True, slots=True)
class Query:
    """A Tide query (Prow: TideQuery): which pull requests opt in.

    All of `labels` must be present, where one entry may hold alternatives separated by commas; none of
    `missing_labels` may be. No `included_branches` means every branch. `index` is its place after fusion.
    """

    index: int
    orgs: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    excluded_repos: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    missing_labels: tuple[str, ...] = ()
    included_branches: tuple[str, ...] = ()
    excluded_branches: tuple[str, ...] = ()
    author: str = ""
    milestone: str = ""
    review_approved_required: bool = False

    def covers(self, repo: RepoKey) -> bool:
        """Tell whether the query applies to `repo` (Prow: TideQuery.ForRepo, which minds the case of names)."""
        name = folded(str(repo))
        if folded(repo.org) in folded_all(self.orgs):
            return name not in folded_all(self.excluded_repos)
        return name in folded_all(self.repos)


@dataclass(frozen=True, slots=True)
class ContextPolicy:
    """Which contexts count on one branch (Prow: TideContextPolicy); the lists are sorted."""

    required: tuple[str, ...] = ()
    required_if_present: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    optional_patterns: tuple[str, ...] = ()
    skip_unknown: bool = False


class BlocksPolicy(StrEnum):
    """What to make of a pull request that GitHub itself calls BLOCKED."""

    IGNORE = "ignore"
    PERMIT = "permit"
    BLOCK = "block"


class Strategy(StrEnum):
    """Which rules decide."""

    TIDE = "tide"
    GATE = "gate"


class LandingMode(StrEnum):
    """How a tested batch lands."""

    REST = "rest"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Our own settings for one pool (the file of --merge-queue-config-path)."""

    strategy: Strategy = Strategy.TIDE
    trigger: bool = False
    paused: bool = False
    max_runs: int = 8
    max_batch: int = 0
    optimistic: bool = True
    landing: LandingMode = LandingMode.REST
    flake_retries: int = 1
    freshness: timedelta = timedelta(seconds=60)
    update_branch: bool = False


@dataclass(frozen=True, slots=True)
class CommitTemplates:
    """Go templates for the commit that a merge makes (Prow: TideMergeCommitTemplate); "" leaves it to the code host."""

    title: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class PoolRules:
    """Everything configured that a decision about one pool depends on.

    `queries` are those that cover the repository. `batch_size_limit` is Prow's: 0 no limit, below 0 no batches.
    `priority` holds label sets, most urgent first. `target_url`, else `pr_status_base_url`, is where a status context
    links to; `display_all_queries` makes it tell every query, not the nearest one. `overwrite_pending` lets a batch
    that passed put its success over contexts that are pending on the heads it lands.
    """

    queries: tuple[Query, ...] = ()
    context_policy: ContextPolicy = ContextPolicy()
    require_manually_triggered: bool = False
    merge_method: MergeMethod = MergeMethod.MERGE
    squash_label: str = ""
    rebase_label: str = ""
    merge_label: str = ""
    commit_templates: CommitTemplates = CommitTemplates()
    batch_size_limit: int = 0
    prioritize_existing_batches: bool = True
    blocks_policy: BlocksPolicy = BlocksPolicy.PERMIT
    priority: tuple[tuple[str, ...], ...] = ()
    in_repo_config: bool = False
    overwrite_pending: bool = False
    target_url: str = ""
    pr_status_base_url: str = ""
    display_all_queries: bool = False
    settings: QueueSettings = QueueSettings()

    @property
    def largest_batch(self) -> int:
        """The most pull requests that one batch may hold: 0 no limit, below 0 no batches."""
        limits = [limit for limit in (self.batch_size_limit, self.settings.max_batch) if limit]
        return min(limits, default=0)
