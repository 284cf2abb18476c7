"""How long things may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long things may take, in seconds.

    A watch is ended by the server after `watch`, so that one that says nothing for `silence` is dead, and one whose
    last sign of life is older than `outdated` cannot be trusted. Whoever needs a whole list waits for it as long as API
    servers keep its pages by default, `listing` (etcd's compaction). `create` leaves time to look for a lost answer
    before the caller's own patience ends.
    """

    create: float = 4.0
    get: float = 15.0
    page: float = 60.0
    listing: float = 300.0
    watch: float = 45.0
    silence: float = 60.0
    outdated: float = 90.0
    first_pause: float = 0.5
    longest_pause: float = 30.0
