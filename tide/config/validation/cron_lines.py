"""What Prow makes of a periodic's cron line, when it loads it and when its horologium runs by it."""

import zoneinfo
from functools import lru_cache
from typing import NamedTuple

from tide.golang.cron import check_cron

_KNOWN_ZONES = frozenset({"", "UTC", "Local"})  # Go: time.LoadLocation


class Verdict(NamedTuple):
    """What is wrong with a cron line, "" where nothing is: a fault by which Prow refuses it, and what is doubtful."""

    fault: str = ""
    doubt: str = ""


@lru_cache(maxsize=4096)
def judged(line: str) -> Verdict:
    """Judge a cron line."""
    try:
        return Verdict(doubt=_doubt_of_zone(check_cron(line)))
    except ValueError as error:
        return Verdict(str(error))


def _doubt_of_zone(zone: str) -> str:
    """Tell what is doubtful about the time zone that a line begins with; raise ValueError where there is none such."""
    if not zone:
        return ""
    name = zone.partition("=")[2]
    if name not in _KNOWN_ZONES and not _is_zone(name):
        if _is_zone("Europe/Berlin"):
            raise ValueError(f"{name!r} is no time zone")
        return f"whether {name!r} is a time zone cannot be told here, as this host has no list of them"
    return f"Prow's horologium puts TZ=UTC in front, and cannot read {zone} behind it: leave it out, and reckon in UTC"


@lru_cache(maxsize=256)
def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
