"""What helps a pool that stands still as a whole until somebody does something."""

from tide.domain.records import PoolView
from tide.domain.snapshot import StandingKind
from tide.policy.stops import thaw

_POOL = "pool"  # the requirement that a stopped pool does not meet (tide.policy.explain)


def advice_on(view: PoolView) -> str:
    """Say what a human can do for a pool that is stopped, "" where it is not.

    Every verdict in a stopped pool advises first what ends the stop, then what its own pull request needs beside that.
    """
    if view.standing.kind is StandingKind.FROZEN:
        return thaw(view.pool)
    stopped = [
        verdict.unblock
        for verdict in view.verdicts
        if any(it.name == _POOL and not it.met for it in verdict.requirements)
    ]
    common = [line for line in stopped[0] if all(line in lines for lines in stopped)] if stopped else []
    return common[0] if common else ""
