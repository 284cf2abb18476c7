"""A configuration that was loaded: what the port `job_config` promises, and what the daemon asks beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from tide.config.cloning import clone_grants
from tide.config.files import ConfigFile
from tide.config.in_repo import InRepoJobs
from tide.config.own import QueueFields, jobs_may_read, settings_for
from tide.config.places import Places, path_text
from tide.config.problems import gathered
from tide.config.protection import Protection, protection_of, requires_manually_triggered
from tide.config.prow.config import ProwConfig
from tide.config.prow.tide import CommitTemplate, ContextOptionsLevel
from tide.config.spelling import NO_NAMES, Spelling
from tide.domain.errors import ConfigError, Problem
from tide.domain.grants import CloneGrants
from tide.domain.in_repo import InRepoFile
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.names import ByName, folded
from tide.domain.rules import BlocksPolicy, CommitTemplates, ContextPolicy, PoolRules, Query
from tide.policy.contexts import ContextOptions, build_context_policy
from tide.policy.merge_method import MethodTable, configured_method

_V = TypeVar("_V")
_DEFAULT_LINK_URL = "https://github.com"
_DEFAULT_GOROUTINES = 20
_DEFAULT_CLUSTER = "default"
NO_QUERY = "no query: nothing will ever merge"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is: static jobs over all repositories, queries before fusion."""

    presubmits: int = 0
    postsubmits: int = 0
    periodics: int = 0
    queries: int = 0


NO_COUNTS = Counts()


@dataclass(frozen=True, eq=False)
class LoadedConfig:
    """One configuration, taken whole and never changed (port: JobConfig).

    Tables by names of GitHub's are asked for names as GitHub spells them, in whatever case they are written here.
    `faults` are problems that break only the pools they concern; `warnings` are for people.
    """

    prow: ProwConfig
    file: ConfigFile
    digest: str
    queries: tuple[Query, ...]
    jobs: Mapping[str, tuple[Presubmit, ...]]
    in_repo: InRepoJobs
    methods: MethodTable
    queue_fields: Mapping[str, QueueFields] = field(default_factory=dict)
    spelling: Spelling = NO_NAMES
    counts: Counts = NO_COUNTS
    warnings: tuple[Problem, ...] = ()
    faults: tuple[Problem, ...] = ()
    search_per_repository: bool = False
    search_per_org: bool = False
    trigger_by_default: bool = False
    _rules: dict[PoolKey, PoolRules] = field(default_factory=dict, init=False, repr=False)

    @property
    def blocker_label(self) -> str:
        """The label of issues that block merging; "" when the feature is off."""
        return self.prow.tide.blocker_label

    @property
    def link_url(self) -> str:
        """Where people see the code host, without a slash at the end (Prow: github.link_url)."""
        return self.prow.github.link_url.rstrip("/") or _DEFAULT_LINK_URL

    @property
    def sync_period(self) -> timedelta:
        """How often everything is looked at."""
        return self.prow.tide.sync_period

    @property
    def status_update_period(self) -> timedelta:
        """How far apart two rounds of the status contexts are at least."""
        period = self.prow.tide.status_update_period
        return self.sync_period if period is None else period

    @property
    def max_goroutines(self) -> int:
        """How many pools are worked on at once."""
        return self.prow.tide.max_goroutines or _DEFAULT_GOROUTINES

    @property
    def prowjob_namespace(self) -> str:
        """Where ProwJobs are."""
        return self.prow.prowjob_namespace or "default"

    @property
    def has_scheduler(self) -> bool:
        """Whether ProwJobs start in the state `scheduling` (Prow: scheduler.enabled)."""
        return self.prow.scheduler.enabled

    @property
    def repositories(self) -> tuple[RepoKey, ...]:
        """The repositories that queries or jobs name, sorted, each once, as the jobs spell it."""
        named = (*(repo for query in self.queries for repo in query.repos), *self.jobs)
        each = {folded(name): name for name in named if name.count("/") == 1}
        return tuple(sorted(map(RepoKey.parse, each.values())))

    def misspelled(self, known: Iterable[RepoKey]) -> tuple[Problem, ...]:
        """Tell names that are not written as in `known`, which are GitHub's; takes a while for large files."""
        return gathered(self.spelling.unlike(known))

    def in_repo_enabled(self, repo: RepoKey) -> bool:
        """Tell whether jobs are also read from the repository itself; the narrowest key decides."""
        return _by_repo(self.prow.in_repo_config.enabled, repo, default=False)

    def allowed_clusters(self, repo: RepoKey) -> frozenset[str]:
        """Name the clusters that jobs which a repository holds itself may run in (Prow: InRepoConfigAllowsCluster).

        They are those of all keys that apply; without a key `*` the cluster `default` is one of them.
        """
        table = ByName({"*": (_DEFAULT_CLUSTER,)} | self.prow.in_repo_config.allowed_clusters)
        return frozenset(cluster for key in ("*", repo.org, str(repo)) for cluster in table.get(key, ()))

    def target_url(self, repo: RepoKey) -> str:
        """Give the address that status contexts of a repository link to, "" if none is configured."""
        tide = self.prow.tide
        return _by_repo(tide.target_urls or {"*": tide.target_url}, repo, default="")

    def pr_status_base_url(self, repo: RepoKey) -> str:
        """Give the address of Prow's page of pull requests, "" if none is configured."""
        tide = self.prow.tide
        return _by_repo(tide.pr_status_base_urls or {"*": tide.pr_status_base_url}, repo, default="")

    def presubmits(self, repo: RepoKey) -> tuple[Presubmit, ...]:
        """Give the configured presubmits of a repository, in the order of the files."""
        return self.jobs.get(str(repo), ())

    def presubmits_in_prow(self, repo: RepoKey) -> tuple[Presubmit, ...]:
        """Give the presubmits that Prow's trigger finds for a repository: it minds the case of names."""
        return self.presubmits(repo) if str(repo) in list(self.jobs) else ()

    def presubmits_with(self, repo: RepoKey, files: Iterable[InRepoFile]) -> tuple[Presubmit, ...]:
        """Give the configured presubmits of a repository, followed by those that files in itself bring.

        Raises:
            ConfigError: the files break a rule, among themselves or beside the configured jobs.
        """
        return (*self.presubmits(repo), *self.in_repo.evaluate(repo, files, self.allowed_clusters(repo)))

    def clone_grants(self, pool: PoolKey) -> CloneGrants:
        """Tell what the jobs of a pool may clone beside their own repository; jobs in the repository grant nothing."""
        repo = pool.repository
        return clone_grants(repo, self.presubmits(repo), jobs_may_read(self.queue_fields, pool))

    def rules(self, pool: PoolKey) -> PoolRules:
        """Give what applies to one pool.

        Raises:
            ConfigError: what is configured about its contexts contradicts itself.
        """
        if pool not in self._rules:
            self._rules[pool] = self._make_rules(pool)
        return self._rules[pool]

    def _make_rules(self, pool: PoolKey) -> PoolRules:
        tide, repo = self.prow.tide, pool.repository
        options = self._context_options(pool)
        asks_protection = bool(options.from_branch_protection)
        section = self.prow.branch_protection
        return PoolRules(
            queries=tuple(query for query in self.queries if query.covers(repo)),
            context_policy=self.context_policy(pool, self.presubmits(repo)),
            require_manually_triggered=asks_protection and requires_manually_triggered(section, pool),
            merge_method=configured_method(self.methods, pool),
            squash_label=tide.squash_label,
            rebase_label=tide.rebase_label,
            merge_label=tide.merge_label,
            commit_templates=self._commit_templates(repo),
            batch_size_limit=_by_repo(tide.batch_size_limit, repo, default=0),
            prioritize_existing_batches=_by_repo(tide.prioritize_existing_batches, repo, default=True),
            blocks_policy=BlocksPolicy(_by_repo(tide.github_merge_blocks_policy, repo, default=BlocksPolicy.PERMIT)),
            priority=tuple(entry.labels for entry in tide.priority),
            in_repo_config=self.in_repo_enabled(repo),
            overwrite_pending=bool(options.overwrite_pending),
            target_url=self.target_url(repo),
            pr_status_base_url=self.pr_status_base_url(repo),
            display_all_queries=tide.display_all_tide_queries_in_status,
            settings=settings_for(self.queue_fields, pool, trigger_by_default=self.trigger_by_default),
        )

    def _commit_templates(self, repo: RepoKey) -> CommitTemplates:
        """Take those of the repository, else those of its organisation; `*` has no meaning here (Prow: tide.go)."""
        table = self.prow.tide.merge_commit_template
        found = table.get(str(repo)) or table.get(repo.org) or CommitTemplate()
        return CommitTemplates(found.title, found.body)

    def context_policy(self, pool: PoolKey, presubmits: Sequence[Presubmit]) -> ContextPolicy:
        """Tell which contexts count on a branch where these are the jobs of the repository.

        Raises:
            ConfigError: what is configured about the contexts contradicts itself or the jobs.
        """
        options = self._context_options(pool)
        protection = self._protection(pool, presubmits) if options.from_branch_protection else Protection()
        try:
            return build_context_policy(
                options, presubmits, pool.branch, protection.contexts, protection.require_manually_triggered
            )
        except ValueError as error:
            path = ("tide", "context_options")
            line = Places(self.file.text).line(path)
            raise ConfigError(Problem(self.file.path, line, path_text(path), f"for {pool}: {error}")) from None

    def _protection(self, pool: PoolKey, presubmits: Sequence[Presubmit]) -> Protection:
        try:
            return protection_of(self.prow.branch_protection, pool, presubmits)
        except ValueError:
            return Protection()  # as Tide does: what the section wanted is not known

    def _context_options(self, pool: PoolKey) -> ContextOptions:
        top = self.prow.tide.context_options
        in_org = top.orgs.get(pool.org)
        in_repo = in_org.repos.get(pool.repo) if in_org else None
        on_branch = in_repo.branches.get(pool.branch) if in_repo else None
        options = _options(top)
        for level in (in_org, in_repo, on_branch):
            if level is not None:
                options = options.refined_by(_options(level))
        return options


def _options(level: ContextOptionsLevel) -> ContextOptions:
    return ContextOptions(
        required=level.required,
        required_if_present=level.required_if_present,
        optional=level.optional,
        optional_patterns=level.optional_patterns,
        skip_unknown=level.skip_unknown,
        from_branch_protection=level.from_branch_protection,
        overwrite_pending=level.overwrite_pending,
    )


def _by_repo(table: Mapping[str, _V], repo: RepoKey, *, default: _V) -> _V:
    """Look up the narrowest of the keys `org/repo`, `org` and `*`."""
    keys = (str(repo), repo.org, "*")
    return next((table[key] for key in keys if key in table), default)
