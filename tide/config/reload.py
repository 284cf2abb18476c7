"""Hot reload: a changed configuration is taken whole or not at all."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from tide.config.files import ConfigFile
from tide.config.loaded import NO_QUERY, LoadedConfig
from tide.config.loading import NO_OPTIONS, LoadOptions, load, manifest_kind
from tide.config.made_jobs import MadeJobs
from tide.config.parsing import Parser
from tide.config.prow.jobs import JobFile
from tide.config.sources import ConfigPaths, Sources, read_sources
from tide.domain.errors import ConfigError, Problem
from tide.domain.keys import RepoKey
from tide.domain.names import folded

_log = structlog.get_logger(__name__)
_DESERVES = "the configuration deserves a look"
_NOTHING = frozenset({b"", b"---", b"null", b"~"})
"""Files that say nothing; generators write them in each of these ways."""


class ConfigSource:
    """Holds the configuration in force, and looks for a newer one when it is asked to.

    A configuration that cannot be loaded, for whatever reason, leaves the old one in force, and so does one that has
    lost all its queries, or what was in one of its files; what is wrong with it is kept in `problems`. It is tried
    again when its files change, so that ConfigMaps may arrive one after the other.
    """

    def __init__(self, paths: ConfigPaths, options: LoadOptions = NO_OPTIONS) -> None:
        """Load the first configuration; raise ConfigError with everything that is wrong with it."""
        self._paths = paths
        self._options = options
        self._parser = Parser()
        self._made = MadeJobs()
        self._tried = paths.fingerprint()
        self._sources = read_sources(paths)
        self._current = self._loaded(self._sources)
        if not self._current.queries:
            _log.warning(NO_QUERY)
        self._problems: tuple[Problem, ...] = ()
        self._broken_since: datetime | None = None
        self._misspelled: tuple[Problem, ...] = ()
        self._spelled: dict[str, RepoKey] = {}
        self._compared: tuple[str, frozenset[RepoKey]] | None = None

    @property
    def current(self) -> LoadedConfig:
        """The configuration in force; it never changes, a newer one takes its place."""
        return self._current

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files as they are now; none while they are in force."""
        return self._problems

    @property
    def broken_since(self) -> datetime | None:
        """When the files were first found broken; None while they are in force."""
        return self._broken_since

    @property
    def cautions(self) -> tuple[str, ...]:
        """What people should know of the configuration in force, for the page."""
        nothing = () if self._current.queries else (f"The configuration has {NO_QUERY}.",)
        return (*nothing, *map(str, self._misspelled))

    @property
    def sync_period(self) -> timedelta:
        """How often everything is looked at, as configured now."""
        return self._current.sync_period

    @property
    def max_goroutines(self) -> int:
        """How many pools are worked on at once, as configured now."""
        return self._current.max_goroutines

    def refresh(self, now: datetime) -> bool:
        """Take over the files if they changed; tell whether a new configuration is in force.

        Costs one stat of each file when nothing changed. Reads and parses otherwise, which takes about a second for
        a very large configuration: call it in a thread.
        """
        earlier, self._tried = self._tried, ()  # no files: what cannot even be looked at is tried again
        try:
            self._tried = self._paths.fingerprint()
            return self._tried != earlier and self._take(read_sources(self._paths))
        except ConfigError as error:
            self._problems = error.problems
        except Exception as error:  # noqa: BLE001 - whatever happens, the old one stays, and people are told
            self._problems = (self._unforeseen(error),)
        self._broken_since = self._broken_since or now
        return False

    def compare_names(self, known: frozenset[RepoKey]) -> None:
        """Look for names that are written otherwise than in `known`, as GitHub spells them; log what is new.

        What was known once still is: a repository keeps its name while no pull request of it is open. Costs nothing
        while neither changes. Takes a while for large files: call it in a thread.
        """
        current = self._current
        self._spelled |= {folded(str(repo)): repo for repo in known}
        compared = current.digest, frozenset(self._spelled.values())
        if self._compared == compared:
            return
        before, self._misspelled = set(self._misspelled), current.misspelled(compared[1])
        self._compared = compared
        for problem in self._misspelled:
            if problem not in before:
                _log.warning(_DESERVES, problem=str(problem))

    def _loaded(self, sources: Sources) -> LoadedConfig:
        loaded = load(sources, self._parser, self._options, self._made)
        for problem in loaded.warnings:
            # Those of Prow's files are many, and not all concern whoever runs no cluster; `check-config` tells them.
            if sources.merge_queue and problem.file == sources.merge_queue.path:
                _log.warning(_DESERVES, problem=str(problem))
        return loaded

    def _lost(self, sources: Sources, loaded: LoadedConfig) -> Iterator[Problem]:
        """Tell what a configuration has lost as a whole, which is an accident rather than meant."""
        stays = "so the old configuration stays, until"
        if self._current.queries and not loaded.queries:
            message = f"{NO_QUERY}; {stays} there is a query, or tide is started anew"
            yield Problem(sources.config.path, 0, "tide.queries", message)
            return
        before = {file.path for file in self._sources.files if file.text.strip() not in _NOTHING}
        for file in sources.files:
            if file.path in before and file.text.strip() in _NOTHING:
                yield Problem(file.path, 0, "", f"was emptied; {stays} there is something in it, be it {{}}")
        had_jobs = {file.path for file in self._sources.jobs if not self._is_manifest(file)}
        for file in sources.jobs:
            if file.path in had_jobs and self._is_manifest(file):
                message = f"is a manifest of Kubernetes now, in which nothing is read; {stays} there are jobs in it"
                yield Problem(file.path, 0, "kind", message)

    def _is_manifest(self, file: ConfigFile) -> bool:
        return bool(manifest_kind(self._parser.parse(file, JobFile).tree))

    def _unforeseen(self, error: Exception) -> Problem:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        message = f"cannot be loaded, by an error of tide's own that its log shows: {told}"
        problem = Problem(str(self._paths.config), 0, "", message)
        if problem not in self._problems:
            _log.error("loading the changed configuration failed", exc_info=error)
        return problem

    def _take(self, sources: Sources) -> bool:
        is_new = sources.digest != self._current.digest
        try:
            if is_new:
                loaded = self._loaded(sources)
                if lost := tuple(self._lost(sources, loaded)):
                    raise ConfigError(*lost)
                self._current, self._sources = loaded, sources
        finally:
            self._parser.forget_all_but((*sources.files, *self._sources.files))
        self._problems, self._broken_since = (), None
        return is_new
