"""Endpoints of repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tide.sandbox.rest.call import Answer, Body, invalid, not_found
from tide.sandbox.rest.shapes_repositories import full_repository, minimal_repository

if TYPE_CHECKING:
    from tide.sandbox.rest.call import Call


class NewRepositoryBody(Body):
    """Body of ``POST /orgs/{org}/repos``."""

    name: str
    description: str | None = None
    private: bool = False
    default_branch: str = "main"
    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = True
    delete_branch_on_merge: bool = False


async def get_repository(call: Call) -> Answer:
    """``GET /repos/{owner}/{repo}``."""
    return Answer(full_repository(call.base, call.forge, call.repository, call.login))


async def list_repositories(call: Call) -> Answer:
    """``GET /orgs/{org}/repos`` and ``GET /users/{org}/repos``."""
    owner = call.path("org")
    if owner not in call.forge.accounts:
        raise not_found()
    found = [repository for repository in call.forge.repositories.values() if repository.owner == owner]
    return call.page(found, lambda repository: minimal_repository(call.base, call.forge, repository))


async def create_repository(call: Call) -> Answer:
    """``POST /orgs/{org}/repos``: an organization that is new is made with it."""
    body = call.body(NewRepositoryBody)
    try:
        repository = await call.forge.create_repository(
            call.path("org"), body.name, default_branch=body.default_branch, actor=call.login
        )
    except ValueError as error:
        raise invalid("Repository", field="name", code="custom", message=str(error)) from error
    repository.description = body.description
    call.forge.change_settings(
        repository, call.login, **body.model_dump(exclude={"name", "description", "default_branch"})
    )
    return Answer(full_repository(call.base, call.forge, repository, call.login), 201)
