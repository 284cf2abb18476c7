"""Where GitHub is: its own addresses, and those of caching proxies in front of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from tide.ports.clock import Clock

REST_AFTER_FAILURE = timedelta(minutes=1)
"""How long an address that could not be reached comes last: a proxy that is back is worth having again."""

_GITHUB = "https://api.github.com"
_GITHUB_HOST = "api.github.com"
# GitHub docs: "Getting started with the REST API" of Enterprise Server, and of Enterprise Cloud with data residency.
_SERVER_PATH = "/api/v3"
_RESIDENT_HOSTS = ".ghe.com"


class Endpoints:
    """Base addresses of one API, tried in the order given (Prow: `--github-endpoint`); one that failed rests.

    Args:
        bases: At least one, such as `https://api.github.com`; a slash at the end does not count.
        clock: Tells the time.
    """

    def __init__(self, bases: Sequence[str], clock: Clock) -> None:
        self._bases = tuple(dict.fromkeys(base.rstrip("/") for base in bases))
        self._clock = clock
        self._rests_until: dict[str, datetime] = {}

    def in_turn(self) -> tuple[str, ...]:
        """Give the addresses in the order in which to try them."""
        now = self._clock.now()
        return tuple(sorted(self._bases, key=lambda base: max(self._rests_until.get(base, now), now)))

    def failed(self, base: str) -> None:
        """Try the other addresses before this one for a while."""
        self._rests_until[base] = self._clock.now() + REST_AFTER_FAILURE


def is_proxy(base: str) -> bool:
    """Tell whether an address is none of GitHub's own, so that a caching proxy (Prow: ghproxy) answers there."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    return not (host == _GITHUB_HOST or host.endswith(_RESIDENT_HOSTS) or parts.path.rstrip("/") == _SERVER_PATH)


def graphql_address(bases: Sequence[str]) -> str:
    """Give where GraphQL is for REST addresses: proxies do not serve it, so GitHub's own address decides.

    GitHub docs: Enterprise Server has it at `/api/graphql` beside `/api/v3`, all others at `/graphql`.
    """
    own = next((base.rstrip("/") for base in bases if not is_proxy(base)), _GITHUB)
    if own.endswith(_SERVER_PATH):
        return f"{own.removesuffix(_SERVER_PATH)}/api/graphql"
    return f"{own}/graphql"
