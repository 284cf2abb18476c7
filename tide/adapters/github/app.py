"""A GitHub App's tokens: one for each organisation that it is installed in, each good for an hour.

GitHub docs: Authenticating as a GitHub App installation. What is wrong with one installation is the trouble of its
organisation alone.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from tide.adapters.github.app_key import AppIdentity, AppKey
from tide.adapters.github.calls import Calls
from tide.adapters.github.credentials import Grant
from tide.adapters.github.installations import AppApi, Installations
from tide.adapters.github.wire import Wire
from tide.domain.errors import Forbidden, NotFound, Permanent, RemoteError, Unauthorized
from tide.ports.clock import Clock

# Longer than a request may wait for a limit and then take, so that no token ends on its way.
RENEWED_BEFORE_END = timedelta(minutes=10)
# Room for clocks that do not agree.
GOOD_UNTIL_BEFORE_END = timedelta(minutes=1)
TRIED_AGAIN_AFTER = timedelta(minutes=1)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Seat:
    """What is known of one organisation. No new token is asked for before `rests_until`; `trouble` says why."""

    org: str
    grant: Grant | None = None
    trouble: str = ""
    rests_until: datetime | None = None
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def lasts(self, now: datetime, margin: timedelta) -> Grant | None:
        """Give the token if it is good for longer than `margin`."""
        grant = self.grant
        return grant if grant and grant.expires_at and grant.expires_at - now > margin else None

    def rests(self, now: datetime) -> bool:
        """Tell whether it is too early to ask again."""
        return self.rests_until is not None and now < self.rests_until

    def rest(self, now: datetime, trouble: str) -> None:
        """Ask for nothing for a while, so that what is broken for good costs next to nothing."""
        self.rests_until, self.trouble = now + TRIED_AGAIN_AFTER, trouble


class AppCredentials:
    """Gives each organisation its own token; implements `Credentials`.

    Args:
        identity: Which App we are.
        wire: Sends requests.
        calls: Counts them.
        clock: Tells the time.
        hide: Told of each token before it is used, so that no log shows it.
    """

    def __init__(
        self,
        identity: AppIdentity,
        *,
        wire: Wire,
        calls: Calls,
        clock: Clock,
        hide: Callable[[str], None] = lambda _token: None,
    ) -> None:
        self._name = f"the GitHub App {identity.app_id}"
        self._clock, self._hide = clock, hide
        self._api = AppApi(identity=identity, key=AppKey(identity), wire=wire, calls=calls, clock=clock)
        self._installations = Installations(self._api)
        self._seats: dict[str, _Seat] = {}

    async def orgs(self) -> tuple[str, ...]:
        """Give the organisations that the App is installed in.

        Raises:
            Forbidden: There are none.
            Unauthorized: The App's key is missing or refused.
            Transient: They could not be listed just now.
        """
        orgs = tuple(one.org for one in await self._installations.all())
        if not orgs:
            raise Forbidden(f"{self._name} is installed nowhere")
        return orgs

    async def grant(self, org: str) -> Grant:
        """Give the token for an organisation, a new one when the last is about to end.

        One that still lasts is used while another request renews it, and as long as it lasts when that fails.

        Raises:
            Unauthorized: The App may not speak for the organisation, or no organisation is named.
            Transient: A token could not be had just now.
        """
        if not org:
            raise Unauthorized(f"{self._name} has tokens for single organisations only, and this request names none")
        seat = self._seats.setdefault(org.casefold(), _Seat(org))
        now = self._clock.now()
        grant = seat.lasts(now, RENEWED_BEFORE_END)
        if grant is None and seat.renewing.locked():
            grant = seat.lasts(now, GOOD_UNTIL_BEFORE_END)
        if grant:
            return grant
        async with seat.renewing:
            return await self._renewed(seat)

    def refused(self, grant: Grant) -> None:
        """Forget a token that GitHub does not take, and let the organisation rest before a new one is tried."""
        seat = self._seats.get(grant.org.casefold())
        if seat and seat.grant is grant:
            seat.grant = None
            seat.rest(self._clock.now(), "its token was refused")

    async def _renewed(self, seat: _Seat) -> Grant:
        now = self._clock.now()
        good = seat.lasts(now, GOOD_UNTIL_BEFORE_END)
        if good and (seat.rests(now) or seat.lasts(now, RENEWED_BEFORE_END)):
            return good
        if seat.rests(now):
            raise self._barred(seat)
        try:
            seat.grant = await self._new(seat.org)
        except RemoteError as error:
            if good is None and not isinstance(error, Permanent):
                raise
            seat.rest(now, str(error))
            if good is None:
                raise self._barred(seat) from error
            _log.warning("the last token stays in use", org=seat.org, problem=str(error))
            return good
        return seat.grant

    def _barred(self, seat: _Seat) -> Forbidden:
        return Forbidden(f"{self._name} cannot speak for {seat.org}: {seat.trouble}")

    async def _new(self, org: str) -> Grant:
        installation = await self._installations.of(org)
        try:
            made = await self._api.new_token(installation)
        except NotFound:
            self._installations.forget(org)
            raise
        self._hide(made.token)
        return Grant(
            token=made.token,
            owner=f"installation {installation.id}",
            name=f"{self._name} in {org}",
            org=org,
            expires_at=made.expires_at,
            # As Prow's components name it, whose budget it is as well (Prow: github/app_auth_roundtripper.go).
            budget_name=f"{self._api.called(installation)} - {installation.org}",
        )
