"""How we are let in: one HTTP client with what the files hold now, and the header that goes with it.

client-go: transport/cert_rotation.go, transport/token_source.go. Files are looked at before each request, and read
anew when one of them has changed, or when what was shown has been refused. Requests that are under way, and watches,
go on over the old connections until they end; those are then closed.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tide.adapters.http_client import Lending, is_direct
from tide.adapters.kept_file import Identity, identity, reason
from tide.adapters.kubernetes.exec_plugin import Credential, ExecPlugin
from tide.adapters.kubernetes.finding import Found, KubernetesSettings, find_cluster
from tide.adapters.kubernetes.held import Held, Trust, files_of, read_held
from tide.adapters.trust import authorities
from tide.domain.errors import TideError
from tide.ports.clock import SteadyClock

log = logging.getLogger(__name__)

_HEADERS = {"User-Agent": "tide-merge-queue"}
_RESTS = 5.0  # seconds until files that could not be used, and have not changed since, are read again


@dataclass(frozen=True, slots=True)
class Shown:
    """What we are let in by: how connections are made, and the header of that name, "" for none."""

    trust: Trust
    authorization: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """A client, and what is shown over it; `server_name` is the one in the server's certificate, "" for its address."""

    http: httpx.AsyncClient
    shown: Shown
    credential: Credential | None
    server_name: str

    def stream(self, method: str, path: str, **wanted: Any) -> AbstractAsyncContextManager[httpx.Response]:
        """Send a request; give the answer as soon as it has begun. What else is wanted is httpx's to say."""
        authorization = self.shown.authorization
        headers = {"Authorization": authorization} if authorization else {}
        extensions = {"sni_hostname": self.server_name} if self.server_name else {}
        return self.http.stream(method, path, headers=headers, extensions=extensions, **wanted)


class Access:
    """Lends sessions with one cluster, from when it is opened until it is closed.

    While the files cannot be used, such as when half of them are written, what was good stays in use, which is told
    once. Another address needs a restart: what is known of the ProwJobs is of the old one.

    Args:
        settings: where the files are.
        clock: tells when credentials have ended.

    Raises:
        TideError: there is no cluster to be found, or what is told about it makes no sense; one line.
    """

    def __init__(self, settings: KubernetesSettings, clock: SteadyClock) -> None:
        self._settings, self._clock = settings, clock
        self._found = find_cluster(settings)
        if self._found.is_withheld:
            log.warning("%s has no https://: it is not shown who we are", self._found.source)
        self._seen: dict[Path, Identity] = {}  # so that all is read once more, in case it changed while it was read
        self._held = _held(self._found, settings)
        self._plugin = self._new_plugin()
        self._shown = Shown(Trust(), "")
        self._lending = Lending()
        self._changing = asyncio.Lock()
        self._told = ""
        self._tried: dict[Path, Identity] = {}
        self._tried_at = -_RESTS

    @property
    def url(self) -> str:
        """Where the API server is, without a slash at the end."""
        return self._found.cluster.server.rstrip("/")

    @property
    def source(self) -> str:
        """Where the cluster was found, in words."""
        return self._found.source

    async def open(self) -> None:
        """Find out whether connections can be made with what the files hold; no program is run for it.

        Raises:
            TideError: they cannot; one line.
        """
        try:
            await self._lending.replace(self._client(await asyncio.to_thread(self._held.trust.context)))
        except (OSError, ValueError) as error:
            raise _unusable(self._found, error) from None
        self._shown = Shown(self._held.trust, self._held.authorization)

    async def close(self) -> None:
        """Close the connections."""
        if self._plugin is not None:
            await self._plugin.close()
        await self._lending.replace(None)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Give a session for one request, with what is good now.

        Raises:
            Unauthorized, Unavailable: a program that brings credentials did not (see `exec_plugin`).
        """
        async with self._changing:
            shown, credential = await self._renewed(is_forced=False)
        # Nothing else runs before the client is lent: it is the one that belongs to what is shown.
        async with self._lending.lent() as http:
            yield Session(http, shown, credential, self._found.cluster.tls_server_name or "")

    async def has_other(self, refused: Session) -> bool:
        """Read everything anew after a refusal; tell whether there is anything else to show now.

        Raises:
            Unauthorized, Unavailable: as `session`.
        """
        async with self._changing:
            if self._shown == refused.shown:
                if self._plugin is not None:
                    self._plugin.refused(refused.credential)
                await self._renewed(is_forced=True)
            return self._shown != refused.shown

    async def _renewed(self, *, is_forced: bool) -> tuple[Shown, Credential | None]:
        problem = await self._read_again(is_forced=is_forced) if is_forced or self._has_changed() else ""
        credential = await self._plugin.credential() if self._plugin else None
        before, shown = self._shown, _shown(self._held, credential)
        if shown.trust != before.trust:
            try:
                await self._lending.replace(self._client(await asyncio.to_thread(shown.trust.context)))
            except (OSError, ValueError) as error:
                problem = str(_unusable(self._found, error))
                shown = replace(shown, trust=before.trust)
        self._shown = shown
        self._tell(problem)
        return shown, credential

    def _has_changed(self) -> bool:
        trusted = self._held.trust.authorities
        return _identities(files_of(self._found)) != self._seen or bool(trusted and authorities() != trusted)

    async def _read_again(self, *, is_forced: bool) -> str:
        """Read the files; give why they cannot be used, "" where they can."""
        # Looked at before they are read: what changes meanwhile is read once more.
        before = _identities(files_of(self._found))
        if not is_forced and before == self._tried and self._clock.steady() - self._tried_at < _RESTS:
            return self._told
        self._tried, self._tried_at = before, self._clock.steady()
        try:
            found, held = await asyncio.to_thread(_found_and_held, self._settings)
        except TideError as error:
            return str(error)
        if _address(found) != _address(self._found):
            return f"{found.source or 'the environment'} names another address now: that takes a restart"
        seen = _identities(files_of(found)) | {path: before[path] for path in files_of(found) if path in before}
        is_same = (found, held) == (self._found, self._held)
        self._found, self._held, self._seen = found, held, seen
        if not is_same:
            if self._plugin is not None:
                await self._plugin.close()
            self._plugin = self._new_plugin()
        return ""

    def _new_plugin(self) -> ExecPlugin | None:
        """Give what brings credentials; a token that is told counts before it, as in client-go."""
        plugin = self._found.user.exec
        if plugin is None or self._held.authorization:
            return None
        return ExecPlugin(self._found, plugin, self._held.trust.authority, self._clock, self._settings.hide_passing)

    def _client(self, context: ssl.SSLContext) -> httpx.AsyncClient:
        cluster = self._found.cluster
        return httpx.AsyncClient(
            base_url=cluster.server,
            verify=context,
            headers=_HEADERS,
            proxy=cluster.proxy_url or None,
            trust_env=not is_direct(urlsplit(cluster.server).hostname or ""),
        )

    def _tell(self, problem: str) -> None:
        if problem and problem != self._told:
            log.warning("the last good credentials of the cluster stay in use: %s", problem)
        self._told = problem


def _found_and_held(settings: KubernetesSettings) -> tuple[Found, Held]:
    found = find_cluster(settings)
    return found, _held(found, settings)


def _held(found: Found, settings: KubernetesSettings) -> Held:
    try:
        return read_held(found, settings)
    except (OSError, ValueError) as error:
        raise _unusable(found, error) from None


def _unusable(found: Found, error: OSError | ValueError) -> TideError:
    why = " ".join(reason(error).split())
    return TideError(f"the credentials of {found.source or 'the service account'} cannot be used: {why}")


def _shown(held: Held, brought: Credential | None) -> Shown:
    if brought is None:
        return Shown(held.trust, held.authorization)
    trust = replace(held.trust, key_pair=brought.key_pair or held.trust.key_pair)
    return Shown(trust, held.authorization or brought.authorization)


def _address(found: Found) -> tuple[str | None, ...]:
    return found.cluster.server, found.cluster.proxy_url, found.cluster.tls_server_name


def _identities(paths: Iterable[Path]) -> dict[Path, Identity]:
    return {path: identity(path) for path in paths}
