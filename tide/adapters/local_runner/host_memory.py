"""How much memory there is for this process and all that it starts."""

import os
from collections.abc import Iterator
from pathlib import Path


def memory_of_host(root: Path = Path("/")) -> int:
    """Give the bytes of memory of this host, or of the control groups around us where those allow less (cgroups(7))."""
    return min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_allowed(root)])


def _allowed(root: Path) -> Iterator[int]:
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    mount = root / "sys" / "fs" / "cgroup"
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            yield from _up_from(mount, group, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _up_from(mount / "memory", group, "memory.limit_in_bytes")


def _up_from(mount: Path, group: str, name: str) -> Iterator[int]:
    """Read a limit of a group and of those above it. In a container the outer ones are not to be seen."""
    place = mount / group.strip("/")
    for above in (place, *place.parents):
        try:
            told = (above / name).read_text().strip()
        except OSError:
            told = ""
        if told.isdigit():  # the word "max" is none
            yield int(told)
        if above == mount:
            return
