"""From the files that were read to one configuration, or to everything that is wrong with them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import PurePath
from typing import TypeVar

from tide.config.collecting import CollectedJobs
from tide.config.completion import Defaults
from tide.config.files import ConfigFile
from tide.config.fusion import fuse
from tide.config.in_repo import InRepoJobs
from tide.config.job_maker import JobMaker
from tide.config.loaded import NO_QUERY, Counts, LoadedConfig
from tide.config.made_jobs import MadeJobs
from tide.config.merge_methods import method_table
from tide.config.own import MergeQueueFile, check_own
from tide.config.parsing import M, Parser, without_collecting
from tide.config.problems import Finding, Findings, Sourced, gathered, located
from tide.config.prow.branch_protection import BranchProtection
from tide.config.prow.config import ProwConfig
from tide.config.prow.jobs import Job, JobFile, JobSections
from tide.config.prow.tide import TideSection
from tide.config.sources import Sources
from tide.config.spelling import Spelling, names_in, names_in_own
from tide.config.supplements import supplemented
from tide.config.validation.conflicts import check_periodics, check_postsubmits, check_presubmits
from tide.config.validation.jobs import JobRules
from tide.config.validation.queries import check_queries
from tide.config.validation.tide_section import check_tide
from tide.domain.jobs import Presubmit
from tide.domain.names import ByName

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the command line adds to the files.

    `trigger_by_default` is the default of `merge_queue.trigger`; `search_per_repository` sends one search for each
    repository instead of one for each query, `search_per_org` one for each organisation that a query names.
    """

    trigger_by_default: bool = False
    search_per_repository: bool = False
    search_per_org: bool = False


NO_OPTIONS = LoadOptions()


def load(
    sources: Sources, parser: Parser, options: LoadOptions = NO_OPTIONS, made: MadeJobs | None = None
) -> LoadedConfig:
    """Load a configuration whole.

    Args:
        sources: the files as they were read.
        parser: keeps what it parsed, so that a reload parses only texts that are new.
        options: what the command line adds.
        made: keeps the jobs, so that a reload makes only those that are new.

    Raises:
        ConfigError: with every problem that was found.
    """
    loaded, findings = examine(sources, parser, options, made)
    findings.refuse_errors()
    if loaded is None:
        raise AssertionError("a configuration that could not be parsed has errors")
    return loaded


def examine(
    sources: Sources, parser: Parser, options: LoadOptions = NO_OPTIONS, made: MadeJobs | None = None
) -> tuple[LoadedConfig | None, Findings]:
    """Load a configuration as far as that is possible, and give all that was found; see `load`.

    What was loaded must not be used when there are errors.
    """
    findings = Findings()
    loaded = None
    with without_collecting():
        _find_manifests(sources, parser, findings)
        config = _parsed(sources.config, ProwConfig, parser, findings)
        supplements = [_parsed(file, ProwConfig, parser, findings) for file in sources.supplemental]
        job_files = [_parsed(file, JobFile, parser, findings) for file in sources.jobs]
        own = _parsed(sources.merge_queue, MergeQueueFile, parser, findings) if sources.merge_queue else None
        if own:
            check_own(own, findings)
        if config:
            read = _Read(config, tuple(filter(None, supplements)), tuple(filter(None, job_files)), own)
            loaded = _Assembly(read, made or MadeJobs(), findings).assemble(sources, options)
    return loaded, findings


def _parsed(file: ConfigFile, model: type[M], parser: Parser, findings: Findings) -> Sourced[M] | None:
    parsed = parser.parse(file, model)
    findings.errors += [Finding(file, trouble.path, trouble.message, trouble.line) for trouble in parsed.troubles]
    return Sourced(parsed.model, file) if parsed.model is not None else None


def _find_manifests(sources: Sources, parser: Parser, findings: Findings) -> None:
    """Note what is no configuration but a resource of Kubernetes; Prow would take it for an empty one.

    Among job files one may lie on purpose, as whatever is in their directory is read.
    """
    for file in (sources.config, *sources.supplemental):
        if told := _manifest_text(parser.parse(file, ProwConfig).tree):
            findings.error(Sourced(file, file), told, "kind")
    for file in sources.jobs:
        if told := _manifest_text(parser.parse(file, JobFile).tree):
            findings.warn(Sourced(file, file), told, "kind")


def _manifest_text(tree: object) -> str:
    kind = manifest_kind(tree)
    if not kind:
        return ""
    message = f"this is a manifest of the kind {kind}, and no configuration: nothing in it is read"
    return f"{message}; give what stands in it under data" if kind == "ConfigMap" else message


def manifest_kind(tree: object) -> str:
    """Give the kind of a resource of Kubernetes; "" for what is none."""
    if not isinstance(tree, Mapping) or not isinstance(tree.get("apiVersion"), str):
        return ""
    return str(tree.get("kind") or "")


def _collected(config: Sourced[ProwConfig], job_files: Iterable[Sourced[JobFile]]) -> CollectedJobs:
    jobs = CollectedJobs()
    jobs.add(config)
    for file in job_files:
        jobs.add(file)
    jobs.presubmits, jobs.postsubmits = ByName(jobs.presubmits), ByName(jobs.postsubmits)
    return jobs


@dataclass(frozen=True, slots=True)
class _Read:
    """What could be parsed of one load."""

    config: Sourced[ProwConfig]
    supplements: Sequence[Sourced[ProwConfig]]
    job_files: Sequence[Sourced[JobFile]]
    own: Sourced[MergeQueueFile] | None

    @property
    def tide_sections(self) -> list[Sourced[TideSection]]:
        """That of config.yaml first."""
        return [Sourced(each.value.tide, each.file, ("tide",)) for each in (self.config, *self.supplements)]

    @property
    def spelling(self) -> Spelling:
        """How names are written in all files."""
        files: tuple[Sourced[JobSections], ...] = (self.config, *self.supplements, *self.job_files)
        own = names_in_own(self.own.value, self.own.file) if self.own else ()
        return Spelling.of(chain(*(names_in(each.value, each.file) for each in files), own))


class _Assembly:
    """Puts the parts of one load together while it notes what is wrong with them."""

    def __init__(self, read: _Read, made: MadeJobs, findings: Findings) -> None:
        config = read.config
        self._read = read
        self._config = config
        self._jobs = _collected(config, read.job_files)
        self._findings = findings
        defaults = Defaults.of(config.value, (preset.value for preset in self._jobs.presets))
        rules = JobRules(config.value.pod_namespace, frozenset(config.value.plank.job_queue_capacities))
        self._maker = JobMaker(defaults, rules)
        self._made = made
        made.begin(self._maker)

    def assemble(self, sources: Sources, options: LoadOptions) -> LoadedConfig:
        findings, own, sections = self._findings, self._read.own, self._read.tide_sections
        prow = supplemented(self._config, self._read.supplements, findings)
        check_tide(sections[0], findings)
        for section in sections:
            check_queries(section, findings)
        self._check_plank()
        self._check_protection(prow.branch_protection)
        self._jobs.check_presets(findings)
        _warn_of_same_names(sources.jobs, findings)
        presubmits = self._presubmits()
        self._check_postsubmits()
        self._check_periodics()
        methods = method_table(sections, findings)
        if not prow.tide.queries and not findings.errors:
            findings.fault(self._config, NO_QUERY, "tide", "queries")
        return LoadedConfig(
            prow=prow,
            file=self._config.file,
            digest=sources.digest,
            queries=() if findings.errors else fuse(prow.tide.queries, prow.prowjob_default_entries),
            jobs=presubmits,
            in_repo=InRepoJobs(self._maker, self._jobs),
            methods=methods,
            queue_fields=own.value.merge_queue if own else {},
            spelling=self._read.spelling,
            counts=self._counts(len(prow.tide.queries)),
            warnings=gathered(findings.warnings),
            faults=located(findings.faults),
            search_per_repository=options.search_per_repository,
            search_per_org=options.search_per_org,
            trigger_by_default=options.trigger_by_default,
        )

    def _presubmits(self) -> dict[str, tuple[Presubmit, ...]]:
        table: dict[str, tuple[Presubmit, ...]] = {}
        for repo, jobs in self._jobs.presubmits.items():
            check_presubmits(jobs, self._findings)
            makes = (partial(self._maker.presubmit, job, repo) for job in jobs)
            table[repo] = tuple(map(self._once, jobs, makes))
        return ByName(table)

    def _check_postsubmits(self) -> None:
        for repo, jobs in self._jobs.postsubmits.items():
            check_postsubmits(jobs, self._findings)
            for job in jobs:
                self._once(job, partial(self._maker.check_postsubmit, job, repo))

    def _check_periodics(self) -> None:
        check_periodics(self._jobs.periodics, self._findings)
        for job in self._jobs.periodics:
            self._once(job, partial(self._maker.check_periodic, job))

    def _once(self, job: Sourced[Job], make: Callable[[Findings], T]) -> T:
        return self._made.made(job, make, self._findings)

    def _check_plank(self) -> None:
        plank = self._config.value.plank
        if plank.default_decoration_configs and plank.default_decoration_config_entries:
            message = "stands beside default_decoration_config_entries; keep one of them"
            self._findings.error(self._config, message, "plank", "default_decoration_configs")

    def _check_protection(self, protection: BranchProtection) -> None:
        if protection.include and protection.exclude:
            message = "stands beside include; keep one of them"
            self._findings.error(self._config, message, "branch-protection", "exclude")

    def _counts(self, queries: int) -> Counts:
        return Counts(
            presubmits=sum(map(len, self._jobs.presubmits.values())),
            postsubmits=sum(map(len, self._jobs.postsubmits.values())),
            periodics=len(self._jobs.periodics),
            queries=queries,
        )


def _warn_of_same_names(files: Iterable[ConfigFile], findings: Findings) -> None:
    """Warn of job files with one base name: Prow's config updater cannot tell them apart in a ConfigMap."""
    by_name: dict[str, list[ConfigFile]] = defaultdict(list)
    for file in files:
        by_name[PurePath(file.path).name].append(file)
    for name, same in by_name.items():
        for file in same[1:]:
            findings.warn(Sourced(file, file), f"another job file is called {name}: {same[0].path}")
