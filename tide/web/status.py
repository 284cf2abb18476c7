"""What the daemon says of itself, beside what the store knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from tide.domain.rules import Query

# The controller whose first round makes a process ready (Prow: tidesyncheartbeat{controller="sync"}).
SYNC_CONTROLLER = "sync"


class System(StrEnum):
    """What the daemon needs of the outside, by the names that people read; the gravest to lose comes first."""

    DATABASE = "the database"
    GITHUB = "GitHub"
    KUBERNETES = "Kubernetes"


@dataclass(frozen=True, slots=True)
class Outage:
    """A system that does not do what it is asked: the last error, and when the first one of them came."""

    system: System
    error: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Awaited:
    """What the start of this process waits for: what is missing, what helps, and the last error ("" for none yet).

    `system` is what fails while it is missing, None where that is none of those that the daemon needs later on.
    """

    missing: str
    helps: str
    error: str = ""
    system: System | None = None


class RoleKind(StrEnum):
    """What a process is among those that share a database."""

    LEADER = "leader"
    STANDBY = "standby"
    LEADERLESS = "leaderless"
    DRY_RUN = "dry run"


@dataclass(frozen=True, slots=True)
class Role:
    """The part of this process; `leader` names who leads since `since`, where that is known."""

    kind: RoleKind = RoleKind.LEADERLESS
    leader: str = ""
    since: datetime | None = None

    @property
    def is_syncing(self) -> bool:
        """Tell whether this process itself looks and decides."""
        return self.kind in {RoleKind.LEADER, RoleKind.DRY_RUN}


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The daemon at this moment.

    `last_syncs` tells per controller when its last round ended in this process. `config_problems` are those of files
    that could not be taken over; an older configuration goes on from `config_broken_since`. `config_cautions` is what
    deserves a look in the one in force. `outages` are the systems that fail now, the gravest first, each once.
    `awaited` is what the start still waits for. `cautions` are lines that every reader should know, such as a branch
    that others may push to. `shut_out` says why this process is of no use until it is started anew: what it was told at
    its start is refused for good. `link_url` is where people see the code host, without a slash at the end. `queries`
    are those of the configuration in force.
    """

    version: str
    sync_period: timedelta
    link_url: str = "https://github.com"
    role: Role = Role()
    is_config_loaded: bool = True
    config_problems: tuple[str, ...] = ()
    config_broken_since: datetime | None = None
    config_cautions: tuple[str, ...] = ()
    last_syncs: Mapping[str, datetime] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    awaited: tuple[Awaited, ...] = ()
    cautions: tuple[str, ...] = ()
    shut_out: str = ""
    queries: tuple[Query, ...] = ()

    @property
    def last_sync(self) -> datetime | None:
        """When the last round of syncs ended here, None before the first."""
        return self.last_syncs.get(SYNC_CONTROLLER)

    @property
    def is_database_lost(self) -> bool:
        """Tell whether the database fails."""
        return any(outage.system is System.DATABASE for outage in self.outages)

    @property
    def is_starting(self) -> bool:
        """Tell whether this process has not yet looked at everything once that it is to look at."""
        return bool(self.awaited) or (self.role.is_syncing and self.last_sync is None)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why the process is not ready to serve; empty when it is.

        One missing database is one of them, whatever else waits for it. GitHub and Kubernetes are none, once they have
        been reached.
        """
        of_database = [one.missing for one in self.awaited if one.system is System.DATABASE]
        missing = tuple(one.missing for one in self.awaited if one.missing not in of_database[1:])
        return missing + tuple(
            reason
            for reason, is_met in (
                ("no configuration is loaded", self.is_config_loaded),
                ("the database cannot be reached", bool(of_database) or not self.is_database_lost),
                ("nobody leads", self.role.kind is not RoleKind.LEADERLESS),
                ("the first sync has not ended", not self.role.is_syncing or self.last_sync is not None),
            )
            if not is_met
        )
