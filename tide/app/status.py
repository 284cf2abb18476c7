"""What the daemon knows of itself, gathered for the page and the probes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto

import structlog

from tide.daemon.leadership import Role as Seen
from tide.domain.decisions import Decision
from tide.domain.errors import StoreError, Transient
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.outcomes import Outcome
from tide.domain.rules import Query
from tide.domain.snapshot import Standing
from tide.ports.clock import Clock
from tide.web.status import SYNC_CONTROLLER, Awaited, DaemonStatus, Outage, Role, RoleKind, System

log = structlog.get_logger(component="tide")

# What fails again so soon has not been well: one outage is one line, though some answers come through.
CALM = timedelta(seconds=10)
# As many rounds in which every pool failed, by what asking again does not mend, count as the first that has ended.
FOR_GOOD = 5
_LONGEST_ERROR = 300
# libpq and psycopg say first where they have tried; that is for the log, not for everybody who reads the page.
_PLACES = (
    re.compile(r"(?:connection (?:failed|is bad): )?connection to server (?:at|on) .*? failed: "),
    re.compile(r"(?<=failed to resolve host) '[^']*'"),
)


class _Source(Enum):
    """Who says that a system fails; only the same one takes it back, but for readers, who may not come again soon."""

    SYNC = auto()
    LEADERSHIP = auto()
    READERS = auto()
    RUNNER = auto()
    CODE_HOST = auto()
    START = auto()


_Extent = tuple[System, bool]
"""What is out: a system, as a whole or in part."""


def _is_whole(system: System, source: _Source) -> bool:
    """Tell whether a system is out as a whole, and not for some searches alone, as of one organisation."""
    return (system, source) != (System.GITHUB, _Source.SYNC)


@dataclass(slots=True)
class StatusKeeper:
    """Keeps the daemon's status; is told like any observer. It logs an outage once, whoever is told of it how often.

    `errors` gives the errors of the last search, `problems` those of configuration files that could not be taken over
    with the time since when. `leadership` gives what this process does among the replicas, where there may be others.
    `config_cautions` gives what deserves a look in the configuration in force, `queries` its queries. `awaited` gives
    what the start still waits for. `clean` takes secrets out of a text. `shut_out` says why the cluster will not let
    this process in again, if so. `repositories` are those of the pools, as GitHub spells them.
    """

    clock: Clock
    status: DaemonStatus
    errors: Callable[[], tuple[str, ...]] = lambda: ()
    problems: Callable[[], tuple[tuple[str, ...], datetime | None]] = lambda: ((), None)
    leadership: Callable[[], Seen] | None = None
    config_cautions: Callable[[], tuple[str, ...]] = tuple
    awaited: Callable[[], tuple[Awaited, ...]] = tuple
    clean: Callable[[str], str] = str
    shut_out: Callable[[], str] = str
    queries: Callable[[], tuple[Query, ...]] = tuple
    repositories: frozenset[RepoKey] = frozenset()
    _last_syncs: dict[str, datetime] = field(default_factory=dict)
    _outages: dict[tuple[System, _Source], Outage] = field(default_factory=dict)
    _told_at: dict[_Source, datetime] = field(default_factory=dict)
    _has_reached_pools: bool = False
    _pools_decided: int = 0
    _pools_failed: int = 0
    _pools_missed: int = 0
    _rounds_refused: int = 0
    _logged: dict[_Extent, datetime] = field(default_factory=dict)
    _well_since: dict[_Extent, datetime] = field(default_factory=dict)
    _history_trouble: str = ""

    def now(self) -> DaemonStatus:
        """Give the status at this moment."""
        (problems, since), role = self.problems(), self._role()
        return replace(
            self.status,
            role=role,
            last_syncs=dict(self._last_syncs),
            outages=self._outages_now(role),
            awaited=tuple(replace(one, error=self._told_to_people(one.error)) for one in self.awaited()),
            config_problems=problems,
            config_broken_since=since,
            config_cautions=self.config_cautions(),
            cautions=(*self.status.cautions, *self._cautions(role)),
            shut_out=self._told_to_people(self.shut_out()),
            queries=self.queries(),
        )

    def is_syncing(self) -> bool:
        """Tell whether this process itself looks and decides."""
        return self._role().is_syncing

    def has_looked(self) -> bool | None:
        """Tell whether this process has looked at everything once, None where it does not look itself.

        Without a query there is nothing to look for, and nobody ever searches.
        """
        if not self.queries():
            return True
        return SYNC_CONTROLLER in self._last_syncs if self.is_syncing() else None

    def is_leading(self) -> bool:
        """Tell whether this process leads."""
        return self._role().kind is RoleKind.LEADER

    def outages(self) -> dict[str, bool]:
        """Tell of each outside system whether it fails, by a name for machines."""
        failing = {outage.system for outage in self._outages_now(self._role())}
        return {system.name.lower(): system in failing for system in System}

    def is_logged(self, error: str) -> bool:
        """Tell whether an error is that of an outage: a whole system fails, or it is among those of the searches."""
        return any(is_whole for _, is_whole in self._failing_now()) or any(one in error for one in self.errors())

    def log_ends(self) -> None:
        """Log which outages are over: those of what has been well for a while."""
        self._drop_what_has_passed(self._role())
        now = self.clock.now()
        for extent, well_since in list(self._well_since.items()):
            if now - well_since >= CALM:
                (system, _), since = extent, self._logged.pop(extent)
                log.info("an outage is over", system=system, seconds=round((well_since - since).total_seconds()))
                del self._well_since[extent]

    def leadership_failed(self, error: Exception) -> None:
        """Keep that the database could not be asked who leads; that it was since is seen in the role."""
        self._tell(System.DATABASE, _Source.LEADERSHIP, str(error))

    def database_read(self, error: str) -> None:
        """Keep what readers of the page have heard of the database; "" means that it answers."""
        self._tell(System.DATABASE, _Source.READERS, error)

    def kubernetes_told(self, error: str) -> None:
        """Keep what the job runner has heard of Kubernetes; "" means that it answers."""
        self._tell(System.KUBERNETES, _Source.RUNNER, error)

    def github_told(self, error: str) -> None:
        """Keep whether GitHub answers at all; "" means that it does."""
        self._tell(System.GITHUB, _Source.CODE_HOST, error)

    def start_told(self, system: System, error: str) -> None:
        """Keep why the start waits for a system; "" means that it is there."""
        self._tell(system, _Source.START, error)

    def history_told(self, error: str) -> None:
        """Keep why the history file could not be written; "" means that it was."""
        self._history_trouble = self._told_to_people(error)

    def sync_failed(self, error: Exception) -> None:
        """Keep what a sync that could not be done at all died of, if it was the database."""
        if isinstance(error, StoreError):
            self._tell(System.DATABASE, _Source.SYNC, str(error))

    def decided(self, decision: Decision) -> None:
        """Take a decision as a sign that the database answers: it has just been kept."""
        del decision
        self._pools_decided += 1
        self._database_answered()

    def standing_seen(self, pool: PoolKey, standing: Standing) -> None:
        """Nothing to keep."""

    def enacted(self, pool: PoolKey, outcome: Outcome) -> None:
        """Nothing to keep."""

    def pool_failed(self, pool: PoolKey, error: BaseException) -> None:
        """Keep whether it was the database; what else fails in one pool says nothing about the others."""
        del pool
        self._pools_failed += 1
        self._pools_missed += isinstance(error, StoreError | Transient)
        if isinstance(error, StoreError):
            self._tell(System.DATABASE, _Source.SYNC, str(error))

    def status_withheld(self, pull: PullKey, reason: str) -> None:
        """Nothing to keep."""

    def status_written(self, pull: PullKey) -> None:
        """Nothing to keep."""

    def template_failed(self, pull: PullKey, reason: str) -> None:
        """Nothing to keep."""

    def query_answered(self, query_index: int, org_shard: str, result: str) -> None:
        """Nothing to keep."""

    def pools_vanished(self, remaining: frozenset[PoolKey]) -> None:
        """Keep their repositories. Take it as a sign that the database answers: the pools were just read from it."""
        self.repositories = frozenset(pool.repository for pool in remaining)
        self._has_reached_pools = True
        self._pools_decided = self._pools_failed = self._pools_missed = 0
        self._database_answered()

    def synced(self, controller: str, took: timedelta) -> None:
        """Keep when the round ended, and what GitHub said in it.

        A round of syncs that has not even come to the pools was none: it neither makes us ready, nor heard of GitHub.
        Nor does one make us ready in which every pool failed, unless that stays so for good: then the page has to be
        reachable, which says why. Rounds of statuses end in the midst of it, and say nothing about it.
        """
        del took
        if controller == SYNC_CONTROLLER:
            if not self._has_reached_pools:
                return
            self._has_reached_pools = False
            self._tell(System.GITHUB, _Source.SYNC, "; ".join(dict.fromkeys(self.errors())))
            if controller not in self._last_syncs and self._is_first_to_come():
                return
        self._last_syncs[controller] = self.clock.now()

    def _is_first_to_come(self) -> bool:
        """Tell whether the round that ends was none yet, and the first one is still to come."""
        if self._pools_decided or not self._pools_failed:
            return False
        self._rounds_refused = 0 if self._pools_missed else self._rounds_refused + 1
        return self._rounds_refused < FOR_GOOD

    def _cautions(self, role: Role) -> tuple[str, ...]:
        if not self._history_trouble or role.kind is not RoleKind.LEADER:
            return ()
        return (f"The history file is not written, though nothing is lost here: {self._history_trouble}",)

    def _role(self) -> Role:
        if self.leadership is None:
            return self.status.role
        seen = self.leadership()
        if seen.leader is None or not (seen.leads or seen.sees_leader(self.clock.now())):
            return Role(RoleKind.LEADERLESS)
        if seen.leads:
            return Role(RoleKind.LEADER, since=seen.leader.since)
        # The rest of the name only tells one process from the next of the same host and number.
        return Role(RoleKind.STANDBY, seen.leader.holder.rpartition("/")[0] or seen.leader.holder, seen.leader.since)

    def _drop_what_has_passed(self, role: Role) -> None:
        """Forget the outages that nobody would take back."""
        seen_at = self.leadership().seen_at if self.leadership else None
        passed = set() if role.is_syncing or self.awaited() else {_Source.SYNC, _Source.CODE_HOST}
        if seen_at:
            asking = (_Source.LEADERSHIP, _Source.READERS)
            passed |= {source for source in asking if source in self._told_at and seen_at > self._told_at[source]}
        self._outages = {key: outage for key, outage in self._outages.items() if key[1] not in passed}
        self._note_ends()

    def _database_answered(self) -> None:
        for source in (_Source.SYNC, _Source.READERS):
            self._tell(System.DATABASE, source, "")

    def _tell(self, system: System, source: _Source, error: str) -> None:
        known = self._outages.pop((system, source), None)
        if error:
            self._told_at[source] = self.clock.now()
            since = known.since if known else self._told_at[source]
            self._outages[system, source] = Outage(system, self._told_to_people(error), since)
            self._log_begin((system, _is_whole(system, source)), since, error)
        self._note_ends()

    def _log_begin(self, extent: _Extent, since: datetime, error: str) -> None:
        """Log an outage once; a part of a whole that is out is none of its own."""
        system, _ = extent
        if extent not in self._logged and (system, True) not in self._logged:
            self._logged[extent] = since
            log.error("an outage has begun", system=system, error=error)

    def _note_ends(self) -> None:
        """Keep since when all is well of what was logged."""
        failing = self._extents()
        for extent in self._logged:
            if extent in failing:
                self._well_since.pop(extent, None)
            else:
                self._well_since.setdefault(extent, self.clock.now())

    def _failing_now(self) -> set[_Extent]:
        self._drop_what_has_passed(self._role())
        return self._extents()

    def _extents(self) -> set[_Extent]:
        return {(system, _is_whole(system, source)) for system, source in self._outages}

    def _told_to_people(self, error: str) -> str:
        text = self.clean(" ".join(error.split()))
        for place in _PLACES:
            text = place.sub("", text)
        return text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}…"

    def _outages_now(self, role: Role) -> tuple[Outage, ...]:
        """Give one outage of each system that fails: the latest news of it, since it was first heard of."""
        self._drop_what_has_passed(role)
        found: dict[System, Outage] = {}
        for outage in self._outages.values():
            first = min((found.get(outage.system, outage).since, outage.since))
            found[outage.system] = replace(outage, since=first)
        return tuple(found[system] for system in System if system in found)
