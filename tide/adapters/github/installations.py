"""Where a GitHub App is installed, and tokens for there: what the App asks in its own name.

GitHub docs: REST API endpoints for GitHub Apps.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from tide.adapters.github.answers import Answer, failure
from tide.adapters.github.app_key import LIFETIME, AppIdentity, AppKey
from tide.adapters.github.calls import CallKind, Calls
from tide.adapters.github.credentials import Grant
from tide.adapters.github.limits import Budget
from tide.adapters.github.parse import read
from tide.adapters.github.wire import Method, Request, Wire
from tide.domain.errors import BadAnswer, NotFound
from tide.ports.clock import Clock

PAGE_SIZE = 100
MOST_PAGES = 100
LISTED_ANEW_AFTER = timedelta(minutes=1)
"""How old the list must be before an organisation that is not in it has it asked for again."""


_SLUG = re.compile(r"[A-Za-z0-9._-]+")


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Account(_Told):
    # An enterprise has no login: no repository is in it.
    login: str = ""


class _Installation(_Told):
    id: int
    account: _Account | None = None
    app_slug: str = ""


class NewToken(_Told):
    """A token for one installation."""

    token: str
    expires_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the App is installed; `slug` is the App's own name in addresses."""

    id: int
    org: str
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppApi:
    """Asks GitHub in the App's own name."""

    identity: AppIdentity
    key: AppKey
    wire: Wire
    calls: Calls
    clock: Clock

    async def installations(self) -> list[Installation]:
        """List where the App is installed, a hundred for each call; raise RemoteError when they cannot be read."""
        found: list[Installation] = []
        for page in range(1, MOST_PAGES + 1):
            answer = await self._send("GET", f"/app/installations?per_page={PAGE_SIZE}&page={page}")
            listed = answer.json()
            if not isinstance(listed, list):
                raise BadAnswer(f"{answer.asked}: the answer is not a list")
            read_ones = [read(_Installation, one) for one in listed]
            found += [Installation(one.id, one.account.login, one.app_slug) for one in read_ones if one.account]
            if len(listed) < PAGE_SIZE:
                return [one for one in found if one.org]
        raise BadAnswer(f"the list of installations of the GitHub App {self.identity.app_id} does not end")

    async def new_token(self, installation: Installation) -> NewToken:
        """Ask for a token; raise RemoteError when there is none to be had."""
        path = f"/app/installations/{installation.id}/access_tokens"
        answer = await self._send("POST", path, {}, budget_name=self.called(installation))
        return read(NewToken, answer.json())

    def called(self, installation: Installation) -> str:
        """Give what the App is called in headers: its slug, or its number where GitHub tells no usable one."""
        return installation.slug if _SLUG.fullmatch(installation.slug) else self.identity.app_id

    async def _send(
        self, method: Method, path: str, body: Mapping[str, Any] | None = None, *, budget_name: str = ""
    ) -> Answer:
        await self.wire.governor.admit_read(Budget(self._owner, "rest"))
        self.calls.count(CallKind.REST_GET if method == "GET" else CallKind.REST_WRITE)
        # A token too many does no harm.
        request = Request(method=method, path=path, body=body, changes_nothing=True)
        known = self.wire.clock.offset
        answer = await self.wire.send(request, self._grant(budget_name))
        if answer.status == HTTPStatus.UNAUTHORIZED and self.wire.clock.offset != known:
            # What we showed was signed by a clock that has just proved wrong.
            answer = await self.wire.send(request, self._grant(budget_name))
        if problem := failure(answer):
            raise problem
        return answer

    @property
    def _owner(self) -> str:
        return f"app {self.identity.app_id}"

    def _grant(self, budget_name: str) -> Grant:
        now = self.clock.now()
        return Grant(
            token=self.key.token(now),
            owner=self._owner,
            name=self.key.name,
            expires_at=now + LIFETIME,
            # The slug, or the number as long as that is not known (Prow: github/app_auth_roundtripper.go).
            budget_name=budget_name or self.identity.app_id,
        )


class Installations:
    """The installations by organisation, listed when one is asked for that is not known."""

    def __init__(self, api: AppApi) -> None:
        self._api = api
        self._listing = asyncio.Lock()
        self._listed_at: datetime | None = None
        self._known: dict[str, Installation] = {}

    async def all(self) -> tuple[Installation, ...]:
        """Give all installations, as listed lately."""
        await self._list_if_old()
        return tuple(self._known.values())

    async def of(self, org: str) -> Installation:
        """Give the installation of an organisation (GitHub's names know no case).

        Raises:
            NotFound: There is none.
            RemoteError: The list could not be read.
        """
        if org.casefold() not in self._known:
            await self._list_if_old()
        found = self._known.get(org.casefold())
        if found is None:
            raise NotFound("it is not installed there")
        return found

    def forget(self, org: str) -> None:
        """Hear that an installation is gone: the App may have been installed anew, under another number."""
        self._known.pop(org.casefold(), None)

    async def _list_if_old(self) -> None:
        async with self._listing:
            now = self._api.clock.now()
            if self._listed_at is None or now - self._listed_at >= LISTED_ANEW_AFTER:
                self._known = {one.org.casefold(): one for one in await self._api.installations()}
                self._listed_at = now
