"""Endpoint of what the token may still spend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tide.sandbox.rest.call import Answer

if TYPE_CHECKING:
    from tide.sandbox.rate_limits import Standing
    from tide.sandbox.rest.call import Call


async def get_rate_limit(call: Call) -> Answer:
    """``GET /rate_limit``: costs nothing."""
    core = _standing(call.limits.standing(call.caller.account, "core"))
    resources = {
        "core": core,
        "search": _standing(call.limits.standing(call.caller.account, "search")),
        "graphql": _standing(call.limits.standing(call.caller.account, "graphql")),
    }
    return Answer({"resources": resources, "rate": core})


def _standing(standing: Standing) -> dict[str, int]:
    return {
        "limit": standing.limit,
        "used": standing.used,
        "remaining": standing.remaining,
        "reset": int(standing.reset.timestamp()),
    }
