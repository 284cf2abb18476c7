"""What is known of the ProwJobs: runs by pool and by name, kept in step by lists, events, and our own deeds."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tide.adapters.kubernetes.prowjob_api import EventKind
from tide.adapters.prowjobs.reading import run_of
from tide.adapters.prowjobs.versions import Versions
from tide.domain.errors import BadAnswer
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.runs import Run


@dataclass(frozen=True, slots=True)
class Sighting:
    """A ProwJob as it was seen once; `version` can be compared for equality only (Kubernetes API Concepts)."""

    run: Run
    uid: str
    version: str


def sighting_of(prowjob: Mapping[str, Any]) -> Sighting | None:
    """Read an object; None for one that tests no branch, or makes no sense."""
    try:
        run = run_of(prowjob)
    except BadAnswer:
        return None
    metadata = prowjob["metadata"] if run.name else {}
    uid, version = metadata.get("uid"), metadata.get("resourceVersion")
    return Sighting(run, uid, version) if isinstance(uid, str) and isinstance(version, str) else None


@dataclass(frozen=True, slots=True)
class _Known:
    """A sighting; one that was `read` on its own is ahead of the watch until the watch has come to the same version.

    `listing` is the number of the latest list that had been begun by then: only a later one is newer.
    """

    sighting: Sighting
    is_read: bool
    listing: int


@dataclass(eq=False)
class Listing:
    """A list while it comes in."""

    number: int
    sightings: dict[str, Sighting] = field(default_factory=dict)
    left_out: set[RepoKey] = field(default_factory=set)


@dataclass(eq=False)
class Cache:
    """Keeps the runs of the repositories that are covered, or were asked for.

    `on_change` is called with each pool of which a run has appeared, changed or gone.
    """

    is_covered: Callable[[RepoKey], bool]
    on_change: Callable[[PoolKey], None]
    _known: dict[str, _Known] = field(default_factory=dict)
    _pools: dict[PoolKey, dict[str, Run]] = field(default_factory=dict)
    _left_out: set[RepoKey] = field(default_factory=set)
    _asked: set[RepoKey] = field(default_factory=set)
    _listings: int = 0
    _versions: Versions = field(default_factory=Versions)

    def of(self, pool: PoolKey) -> Collection[Run]:
        """Give the runs of a pool."""
        return self._pools.get(pool, {}).values()

    def version(self, pool: PoolKey) -> int:
        """Give a number that is another one after each change of the runs of a pool."""
        return self._versions.of(pool)

    def find(self, name: str) -> Run | None:
        """Give the run of that name."""
        known = self._known.get(name)
        return known.sighting.run if known else None

    def ask_for(self, repo: RepoKey) -> bool:
        """Keep the runs of a repository from now on; False when some were left out, so that a new list is needed."""
        self._asked.add(repo)
        return repo not in self._left_out

    @property
    def lacks_any(self) -> bool:
        """Tell whether runs were left out that have been asked for since."""
        return not self._left_out.isdisjoint(self._asked)

    def begin_listing(self) -> Listing:
        """Begin to take in a whole list."""
        self._listings += 1
        return Listing(self._listings)

    def take_page(self, listing: Listing, prowjobs: Iterable[Mapping[str, Any]]) -> None:
        """Take in a part of a list; nothing changes yet."""
        for sighting in filter(None, map(sighting_of, prowjobs)):
            if self._is_kept(sighting.run, listing.left_out):
                listing.sightings[sighting.run.name] = sighting

    def settle(self, listing: Listing) -> None:
        """Make a whole list the truth: what is not in it is gone, unless we made it after the list was begun.

        What is in it counts as it is there, though it may have been read on its own since: the watch that goes on from
        the list tells of all that is newer, and of nothing that is older, so that a version from before never comes.
        """
        listed = {
            name: _Known(sighting, is_read=False, listing=listing.number)
            for name, sighting in listing.sightings.items()
        }
        ahead = {
            name: known
            for name, known in self._known.items()
            if name not in listed and known.is_read and known.listing >= listing.number
        }
        before, self._known, self._left_out = self._known, listed | ahead, listing.left_out
        self._pools = {}
        for known in self._known.values():
            self._index(known.sighting.run)
        self._versions.keep(self._pools)
        self._tell(before)

    def observe(self, prowjob: Mapping[str, Any]) -> Run:
        """Keep an object that was created or read on its own, unless the watch has brought it by now.

        Raises:
            BadAnswer: it makes no sense.
        """
        sighting = sighting_of(prowjob)
        if sighting is None:
            raise BadAnswer(f"ProwJob {run_of(prowjob).name!r} has no uid or no resource version")
        run = sighting.run
        self._asked.add(run.pool.repository)
        if run.name not in self._known:
            self._keep(_Known(sighting, is_read=True, listing=self._listings))
        return run

    def apply(self, kind: EventKind, prowjob: Mapping[str, Any]) -> None:
        """Take in what a watch tells."""
        sighting = sighting_of(prowjob)
        if sighting is None or not self._is_kept(sighting.run, self._left_out):
            return
        known = self._known.get(sighting.run.name)
        is_same = known is not None and known.sighting.uid == sighting.uid
        if kind is EventKind.DELETED:
            if known is not None and is_same:
                self._drop(known.sighting.run)
        elif known is None or not known.is_read or (is_same and known.sighting.version == sighting.version):
            self._keep(_Known(sighting, is_read=False, listing=self._listings))

    def _is_kept(self, run: Run, left_out: set[RepoKey]) -> bool:
        repo = run.pool.repository
        if repo in self._asked:
            return True
        # What was left out once stays incomplete until the next list, so that nobody need be asked about it again.
        if repo in left_out or not self.is_covered(repo):
            left_out.add(repo)
            return False
        return True

    def _keep(self, known: _Known) -> None:
        run = known.sighting.run
        before = self._known.get(run.name)
        self._known[run.name] = known
        if before is None or before.sighting.run != run:
            if before is not None:
                self._unindex(before.sighting.run)
                if before.sighting.run.pool != run.pool:  # a namesake: the other pool has lost it
                    self._changed(before.sighting.run.pool)
            self._index(run)
            self._changed(run.pool)

    def _drop(self, run: Run) -> None:
        del self._known[run.name]
        self._unindex(run)
        self._changed(run.pool)

    def _index(self, run: Run) -> None:
        self._pools.setdefault(run.pool, {})[run.name] = run

    def _unindex(self, run: Run) -> None:
        runs = self._pools[run.pool]
        del runs[run.name]
        if not runs:
            del self._pools[run.pool]

    def _changed(self, pool: PoolKey) -> None:
        self._versions.changed(pool)
        self.on_change(pool)

    def _tell(self, before: Mapping[str, _Known]) -> None:
        was = {known.sighting.run for known in before.values()}
        now = {known.sighting.run for known in self._known.values()}
        for pool in sorted({run.pool for run in was ^ now}):
            self._changed(pool)
