"""What the daemon says of itself, beside what the store knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

# The controller whose first round makes a process ready (Prow: tidesyncheartbeat{controller="sync"}).
SYNC_CONTROLLER = "sync"


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The daemon at this moment.

    `last_syncs` tells per controller when its last round ended. `config_problems` are those of files that could not be
    taken over; an older configuration goes on from `config_broken_since`. `github_error` is "" while GitHub answers,
    else the last error since `github_down_since`. `cautions` are lines that every reader should know, such as a branch
    that others may push to. `link_url` is where people see the code host, without a slash at the end.
    """

    version: str
    sync_period: timedelta
    link_url: str = "https://github.com"
    is_dry_run: bool = False
    is_config_loaded: bool = True
    config_problems: tuple[str, ...] = ()
    config_broken_since: datetime | None = None
    last_syncs: Mapping[str, datetime] = field(default_factory=dict)
    github_error: str = ""
    github_down_since: datetime | None = None
    is_database_ok: bool = True
    cautions: tuple[str, ...] = ()

    @property
    def last_sync(self) -> datetime | None:
        """When the last round of syncs ended, None before the first."""
        return self.last_syncs.get(SYNC_CONTROLLER)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why the process is not ready to serve; empty when it is."""
        return tuple(
            reason
            for reason, is_met in (
                ("no configuration is loaded", self.is_config_loaded),
                ("the database cannot be reached", self.is_database_ok),
                ("the first sync has not ended", self.last_sync is not None),
            )
            if not is_met
        )
