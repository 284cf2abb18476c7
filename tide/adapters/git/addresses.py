"""Which place a clone address names, in whichever of git's spellings (git-fetch(1), GIT URLS)."""

import re
from urllib.parse import urlsplit

_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^@/:]+):(?P<path>(?!//).+)")


def is_same_place(address: str, url: str) -> bool:
    """Tell whether an address names the repository that the code host has at `url`.

    There, case, scheme and `.git` make no difference. An address that carries credentials of its own names nothing of
    ours.
    """
    place = _place_of(address)
    return place is not None and place == _place_of(url)


def _place_of(address: str) -> tuple[str, str] | None:
    if match := _SCP.fullmatch(address):
        return _place(match["host"], match["path"])
    try:
        parts = urlsplit(address)
        user, _, server = parts.netloc.rpartition("@")
        if parts.scheme == "ssh":
            return _place(parts.hostname or "", parts.path)
    except ValueError:
        return None
    return _place(server, parts.path) if parts.scheme in {"http", "https", "file"} and not user else None


def _place(server: str, path: str) -> tuple[str, str]:
    return server.lower(), path.strip("/").lower().removesuffix(".git")
