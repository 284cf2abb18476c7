"""Where GitHub is: its own addresses, and those of caching proxies in front of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from tide.ports.clock import Clock

REST_AFTER_FAILURE = timedelta(minutes=1)
"""How long an address that could not be reached comes last: a proxy that is back is worth having again."""

GITHUB = "https://github.com"
"""Where people and git find GitHub."""

_API_HOST = "api.github.com"
# GitHub docs: "Getting started with the REST API" of Enterprise Server, and of Enterprise Cloud with data residency.
_SERVER_PATH = "/api/v3"
_SERVER_GRAPHQL_PATH = "/api/graphql"
_RESIDENT_HOSTS = ".ghe.com"


class Endpoints:
    """Base addresses of one API, tried in the order given (Prow: `--github-endpoint`); one that failed rests.

    Args:
        bases: At least one, such as `https://api.github.com`; a slash at the end does not count.
        clock: Tells the time.
    """

    def __init__(self, bases: Sequence[str], clock: Clock) -> None:
        self.bases = tuple(dict.fromkeys(base.rstrip("/") for base in bases))
        self._clock = clock
        self._rests_until: dict[str, datetime] = {}

    def in_turn(self) -> tuple[str, ...]:
        """Give the addresses in the order in which to try them."""
        now = self._clock.now()
        return tuple(sorted(self.bases, key=lambda base: max(self._rests_until.get(base, now), now)))

    def failed(self, base: str) -> None:
        """Try the other addresses before this one for a while."""
        self._rests_until[base] = self._clock.now() + REST_AFTER_FAILURE


def is_proxy(base: str) -> bool:
    """Tell whether an address is none of GitHub's own, so that a caching proxy (Prow: ghproxy) answers there."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    is_server = parts.path.rstrip("/") in {_SERVER_PATH, _SERVER_GRAPHQL_PATH}
    return not (host == _API_HOST or host.endswith(_RESIDENT_HOSTS) or is_server)


def graphql_address(bases: Sequence[str], host: str = GITHUB) -> str:
    """Give where GraphQL is for REST addresses: proxies do not serve it, so GitHub's own address decides.

    Where there are only proxies it is that of `host`, where git finds GitHub: no token must go to another server.

    GitHub docs: Enterprise Server has it at `/api/graphql` beside `/api/v3`, all others at `/graphql`.
    """
    own = _own(bases) or _api_address(host)
    if own.endswith(_SERVER_PATH):
        return f"{own.removesuffix(_SERVER_PATH)}{_SERVER_GRAPHQL_PATH}"
    return f"{own}/graphql"


def host_address(bases: Sequence[str]) -> str:
    """Give where git finds GitHub for REST addresses; github.com where there are only proxies."""
    own = _own(bases)
    if own.endswith(_SERVER_PATH):
        return own.removesuffix(_SERVER_PATH)
    return own.replace("://api.", "://", 1) if own else GITHUB


def _own(bases: Sequence[str]) -> str:
    """Give the first address that is GitHub's own, "" when there are only proxies."""
    return next((base.rstrip("/") for base in bases if not is_proxy(base)), "")


def _api_address(host: str) -> str:
    """Give the REST address that belongs to a host of GitHub's."""
    name = urlsplit(host).hostname or ""
    if host == GITHUB or name.endswith(_RESIDENT_HOSTS):
        return host.replace("://", "://api.", 1)
    return f"{host}{_SERVER_PATH}"
