"""Endpoints of users, organizations and the token's own standing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tide.sandbox.rest.call import Answer, Body, RestError, invalid, not_found
from tide.sandbox.rest.shapes_repositories import full_repository, minimal_repository, timestamp, user

if TYPE_CHECKING:
    from tide.sandbox.model import Account
    from tide.sandbox.rate_limits import Standing
    from tide.sandbox.rest.call import Call


class NewRepositoryBody(Body):
    """Body of ``POST /orgs/{org}/repos`` and ``POST /user/repos``."""

    name: str
    description: str | None = None
    private: bool = False
    default_branch: str = "main"
    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = True
    delete_branch_on_merge: bool = False


def _profile(call: Call, account: Account) -> dict[str, object]:
    return {
        **user(call.base, account),
        "name": account.login,
        "company": None,
        "blog": "",
        "location": None,
        "email": None,
        "hireable": None,
        "bio": None,
        "public_repos": sum(repository.owner == account.login for repository in call.forge.repositories.values()),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": timestamp(account.created_at),
        "updated_at": timestamp(account.created_at),
    }


async def get_user(call: Call) -> Answer:
    """``GET /user``."""
    if call.caller.anonymous:
        raise RestError(401, "Requires authentication")
    if call.caller.installation is not None:
        raise RestError(403, "Resource not accessible by integration")
    return Answer(_profile(call, call.forge.account(call.login)))


async def get_account(call: Call) -> Answer:
    """``GET /users/{login}``."""
    account = call.forge.accounts.get(call.path("login"))
    if account is None:
        raise not_found()
    return Answer(_profile(call, account))


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


async def list_repositories(call: Call) -> Answer:
    """``GET /orgs/{org}/repos`` and ``GET /users/{org}/repos``."""
    owner = call.path("org")
    if owner not in call.forge.accounts:
        raise not_found()
    found = [repository for repository in call.forge.repositories.values() if repository.owner == owner]
    return call.page(found, lambda repository: minimal_repository(call.base, call.forge, repository))


async def create_org_repository(call: Call) -> Answer:
    """``POST /orgs/{org}/repos``: an organization that is new is made with it."""
    return await _create(call, call.path("org"), is_organization=True)


async def create_user_repository(call: Call) -> Answer:
    """``POST /user/repos``."""
    return await _create(call, call.login, is_organization=False)


async def _create(call: Call, owner: str, *, is_organization: bool) -> Answer:
    body = call.body(NewRepositoryBody)
    try:
        repository = await call.forge.create_repository(
            owner,
            body.name,
            default_branch=body.default_branch,
            owner_type="Organization" if is_organization else "User",
            actor=call.login,
        )
    except ValueError as error:
        raise invalid("Repository", field="name", code="custom", message=str(error)) from error
    repository.description = body.description
    call.forge.change_settings(
        repository, call.login, **body.model_dump(exclude={"name", "description", "default_branch"})
    )
    return Answer(full_repository(call.base, call.forge, repository, call.login), 201)
