"""HTTP clients that make way for others while we run: another certificate needs other connections."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.request import getproxies

import httpx
import structlog

from tide.adapters.kept_file import Identity
from tide.adapters.trust import authorities, shared_trust

# A proxy that the environment names must not be asked for this very host.
LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")

_log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Lent:
    http: httpx.AsyncClient
    users: int = 0
    is_over: bool = False

    async def close_if_done(self) -> None:
        if self.is_over and not self.users:
            await self.http.aclose()


@dataclass(eq=False, slots=True)
class Lending:
    """Lends one client; after another has taken its place it is closed as soon as nobody uses it any more."""

    _now: _Lent | None = None

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[httpx.AsyncClient]:
        """Lend the client that is there now."""
        lent = self._now
        if lent is None:
            raise RuntimeError("there is no client")
        lent.users += 1
        try:
            yield lent.http
        finally:
            lent.users -= 1
            await lent.close_if_done()

    async def replace(self, http: httpx.AsyncClient | None) -> None:
        """Let another client take the place; None at the end."""
        old, self._now = self._now, _Lent(http) if http else None
        if old is not None:
            old.is_over = True
            await old.close_if_done()


@dataclass(eq=False, slots=True)
class TrustingClient:
    """A client that trusts whom the system trusts now; while that cannot be read, whom it trusted before.

    `make` gives a client that trusts as it is told.
    """

    make: Callable[[ssl.SSLContext], httpx.AsyncClient]
    _lending: Lending = field(default_factory=Lending)
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _seen: tuple[Identity, ...] | None = None
    _told: str = ""

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[httpx.AsyncClient]:
        """Lend the client for one request.

        Raises:
            OSError: Whom to trust could never be read yet (also `ssl.SSLError`).
        """
        if authorities() != self._seen:
            async with self._changing:
                await self._renew()
        async with self._lending.lent() as http:
            yield http

    async def close(self) -> None:
        """Close the client."""
        await self._lending.replace(None)

    async def _renew(self) -> None:
        now = authorities()
        if now == self._seen:
            return
        try:
            context = await asyncio.to_thread(shared_trust)
        except OSError as error:
            if self._seen is None:
                raise
            if str(error) != self._told:
                self._told = str(error)
                _log.warning("those trusted before stay trusted", problem=str(error))
            return
        await self._lending.replace(self.make(context))
        self._seen, self._told = now, ""


def is_direct(host: str) -> bool:
    """Tell whether a host is asked directly whatever proxies the environment names: loopback, and networks of NO_PROXY.

    httpx knows hosts and domains there, and no networks, which pods have for their cluster (Go:
    golang.org/x/net/http/httpproxy).
    """
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for network in _spared_networks())


def _spared_networks() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    found = []
    for entry in getproxies().get("no", "").split(","):
        try:
            found.append(ipaddress.ip_network(entry.strip(), strict=False))
        except ValueError:
            continue
    return found
