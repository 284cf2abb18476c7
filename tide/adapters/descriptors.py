"""How many files and connections the process may have open at once."""

import resource

from tide.adapters.http_connections import Limits

# More than these serve nobody better: who has nothing to ask gives way.
_MOST_OF_PAGE, _MOST_OF_PROBES = 1000, 100
_LEAST = 8


def use_all_descriptors() -> None:
    """Raise the soft limit of open files to the hard one, as far as the system lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return  # the shares below go by what there is


def limits_of_page() -> Limits:
    """Give what the port of the page may take: two fifths, since most must stay for the database, git and GitHub."""
    return Limits(connections=max(_LEAST, min(_MOST_OF_PAGE, _descriptors() * 2 // 5)))


def limits_of_probes() -> Limits:
    """Give what each of the ports of health and metrics may take, on its own account."""
    return Limits(connections=max(_LEAST, min(_MOST_OF_PROBES, _descriptors() // 16)))


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_OF_PAGE * 10 if soft == resource.RLIM_INFINITY else soft
