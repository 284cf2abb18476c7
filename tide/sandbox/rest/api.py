"""Answers REST requests: who asks, what it costs, the endpoint, GitHub's headers and conditional requests."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starlette.responses import Response

from tide.sandbox.apps import UNDECODABLE
from tide.sandbox.merging import ARCHIVED, FORBIDDEN
from tide.sandbox.rest.call import Answer, Call, RestError
from tide.sandbox.rest.routes import FREE, ROUTES
from tide.sandbox.tokens import BAD_CREDENTIALS, BadCredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from tide.sandbox.rate_limits import RateLimits, Spent, Standing
    from tide.sandbox.rest.routes import RestRoute
    from tide.sandbox.state import Forge
    from tide.sandbox.tokens import Caller, Tokens

RATE_LIMITS_DOCUMENTATION = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
READS = frozenset({"GET", "HEAD"})


def rate_limit_error(spent: Spent, account_id: int) -> RestError:
    """Return GitHub's 403 for a spent hourly budget or a secondary limit."""
    if spent.refused == "primary":
        message = f"API rate limit exceeded for user ID {account_id}."
        return RestError(403, message, documentation_url=RATE_LIMITS_DOCUMENTATION)
    return secondary_limit_error(spent.retry_after)


def secondary_limit_error(retry_after: int | None, status: int = 403) -> RestError:
    """Return GitHub's answer to too many requests at a time; without ``retry_after`` it does not say for how long."""
    return RestError(
        status,
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        headers={} if retry_after is None else {"Retry-After": str(retry_after)},
        documentation_url=f"{RATE_LIMITS_DOCUMENTATION}#about-secondary-rate-limits",
    )


@dataclass
class RestApi:
    """The REST side of the server.

    Args:
        forge: the state.
        tokens: who may ask.
        limits: what each token may spend; shared with GraphQL.
    """

    forge: Forge
    tokens: Tokens
    limits: RateLimits

    def __post_init__(self) -> None:
        self._request_ids = itertools.count(1)

    async def answer(self, route: RestRoute, request: Request) -> Response:
        """Answer one request to a route."""
        try:
            caller = self.tokens.caller(request.headers.get("authorization"))
        except BadCredentialsError as error:
            return self._respond(_refusal(RestError(401, str(error))), {})
        standing = self.limits.standing(caller.account, "core")
        try:
            _check_kind(route, caller)
            if route.endpoint not in FREE:
                standing = self._spend(route, caller)
            answer = await self._do(route, request, caller)
        except RestError as error:
            answer = _refusal(error)
        if request.method in READS and answer.status == 200:  # noqa: PLR2004 - HTTP's own number
            answer = _with_etag(answer)
            if request.headers.get("if-none-match") == answer.headers["ETag"]:
                standing = self.limits.refund(caller.account, "core")
                answer = replace(answer, payload=None, status=304)
        return self._respond(answer, _rate_headers(standing))

    def _spend(self, route: RestRoute, caller: Caller) -> Standing:
        spent = self.limits.spend(caller.account, "core", writes=route.method not in READS)
        if spent.refused is None and route.makes_content:
            spent = self.limits.spend_content(caller.account) or spent
        if spent.refused is not None:
            raise rate_limit_error(spent, self.forge.account(caller.login).id if caller.login else 0)
        return spent.standing

    async def _do(self, route: RestRoute, request: Request, caller: Caller) -> Answer:
        call = Call(request, self.forge, caller, self.limits, await request.body(), self.tokens.apps)
        if route.method not in READS:
            self._check_writes(route, call)
        return await route.endpoint(call)

    def _check_writes(self, route: RestRoute, call: Call) -> None:
        if call.caller.anonymous:
            raise RestError(401, "Requires authentication")
        if "repo" not in call.request.path_params:
            return
        if call.repository.settings.archived:
            raise RestError(403, ARCHIVED)
        permission = self.forge.permission(call.repository, call.login)
        if permission == "read" and not route.open_to_readers:
            raise RestError(403, FORBIDDEN)

    def _respond(self, answer: Answer, headers: Mapping[str, str]) -> Response:
        content = b"" if answer.payload is None else json.dumps(answer.payload).encode()
        common = {
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-GitHub-Request-Id": f"{next(self._request_ids):04X}:SANDBOX",
            "X-GitHub-Api-Version-Selected": "2022-11-28",
            "Cache-Control": "private, max-age=60, s-maxage=60",
            "Vary": "Accept, Authorization, Cookie, X-GitHub-OTP",
        }
        media_type = "application/json; charset=utf-8" if answer.payload is not None else None
        return Response(content, answer.status, {**common, **headers, **answer.headers}, media_type)


def _check_kind(route: RestRoute, caller: Caller) -> None:
    """Let Apps in their own name ask about themselves, and nothing else."""
    if route.for_apps and caller.app is None:
        raise RestError(401, UNDECODABLE)
    if caller.app is not None and not route.for_apps:
        raise RestError(401, BAD_CREDENTIALS)


def _refusal(error: RestError) -> Answer:
    return Answer(error.body, error.status, error.headers)


def _with_etag(answer: Answer) -> Answer:
    digest = hashlib.sha256(json.dumps([answer.payload, dict(answer.headers)]).encode()).hexdigest()
    return replace(answer, headers={**answer.headers, "ETag": f'W/"{digest}"'})


def _rate_headers(standing: Standing) -> dict[str, str]:
    return standing.headers()


__all__ = ["ROUTES", "RestApi", "rate_limit_error", "secondary_limit_error"]
