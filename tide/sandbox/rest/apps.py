"""Endpoints of GitHub Apps: what an App asks in its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tide.sandbox.apps import PERMISSIONS, UNDECODABLE
from tide.sandbox.rest.call import Answer, RestError, not_found
from tide.sandbox.rest.shapes_repositories import timestamp, user

if TYPE_CHECKING:
    from tide.sandbox.apps import App, Installation
    from tide.sandbox.rest.call import Call

SUSPENDED = "This installation has been suspended"


def _app(call: Call) -> App:
    # The route is for Apps, so the caller is one.
    if call.caller.app is None:
        raise RestError(401, UNDECODABLE)
    return call.caller.app


async def list_installations(call: Call) -> Answer:
    """``GET /app/installations``."""
    return call.page(list(_app(call).installations.values()), lambda found: _installation(call, found))


async def create_token(call: Call) -> Answer:
    """``POST /app/installations/{number}/access_tokens``."""
    found = _by_number(call)
    if call.apps is None:
        raise not_found()
    if found.suspended_at is not None:
        raise RestError(403, SUSPENDED)
    made = call.apps.new_token(found)
    shown = {
        "token": made.token,
        "expires_at": timestamp(made.expires_at),
        "permissions": PERMISSIONS,
        "repository_selection": "all",
    }
    return Answer(shown, 201)


async def suspend(call: Call) -> Answer:
    """``PUT /app/installations/{number}/suspended``."""
    _by_number(call).suspended_at = call.forge.now()
    return Answer(None, 204)


async def unsuspend(call: Call) -> Answer:
    """``DELETE /app/installations/{number}/suspended``."""
    _by_number(call).suspended_at = None
    return Answer(None, 204)


def _by_number(call: Call) -> Installation:
    number = call.path("number")
    found = next((one for one in _app(call).installations.values() if str(one.id) == number), None)
    if found is None:
        raise not_found()
    return found


def _installation(call: Call, found: Installation) -> dict[str, Any]:
    account = call.forge.account(found.org)
    return {
        "id": found.id,
        "account": user(call.base, account),
        "repository_selection": "all",
        "access_tokens_url": f"{call.base}/app/installations/{found.id}/access_tokens",
        "repositories_url": f"{call.base}/installation/repositories",
        "html_url": f"{call.base}/organizations/{found.org}/settings/installations/{found.id}",
        "app_id": found.app.id,
        "app_slug": found.app.slug,
        "target_id": account.id,
        "target_type": account.type,
        "permissions": PERMISSIONS,
        "events": [],
        "created_at": timestamp(found.created_at),
        "updated_at": timestamp(found.suspended_at or found.created_at),
        "single_file_name": None,
        "suspended_by": user(call.base, account) if found.suspended_at else None,
        "suspended_at": timestamp(found.suspended_at) if found.suspended_at else None,
    }
