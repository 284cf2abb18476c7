"""Endpoints of a repository itself, its labels, milestones and webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, HttpUrl

from tide.sandbox.registry import NewHook
from tide.sandbox.rest.call import Answer, Body, invalid, not_found
from tide.sandbox.rest.shapes_repositories import full_repository, hook, label, milestone

if TYPE_CHECKING:
    from tide.sandbox.model import Label
    from tide.sandbox.rest.call import Call


class RepositoryPatch(Body):
    """Body of ``PATCH /repos/{owner}/{repo}``."""

    allow_merge_commit: bool | None = None
    allow_squash_merge: bool | None = None
    allow_rebase_merge: bool | None = None
    delete_branch_on_merge: bool | None = None
    archived: bool | None = None
    private: bool | None = None


class LabelBody(Body):
    """Body of ``POST /labels``."""

    name: str = Field(min_length=1)
    color: str = "ededed"
    description: str | None = None


class MilestoneBody(Body):
    """Body of ``POST /milestones``."""

    title: str
    description: str | None = None


class HookConfig(Body):
    """Where a webhook goes."""

    url: HttpUrl
    content_type: Literal["json", "form"] = "form"
    secret: str | None = None


class HookBody(Body):
    """Body of ``POST /hooks``."""

    config: HookConfig
    events: tuple[str, ...] = ("push",)
    active: bool = True


async def get_repository(call: Call) -> Answer:
    """``GET /repos/{owner}/{repo}``."""
    return Answer(full_repository(call.base, call.forge, call.repository, call.login))


async def patch_repository(call: Call) -> Answer:
    """``PATCH /repos/{owner}/{repo}``."""
    settings = call.body(RepositoryPatch).model_dump(exclude_none=True)
    call.forge.change_settings(call.repository, call.login, **settings)
    return await get_repository(call)


async def list_labels(call: Call) -> Answer:
    """``GET /labels``."""
    return call.page(list(call.repository.labels.values()), lambda found: label(call.base, call.repository, found))


async def create_label(call: Call) -> Answer:
    """``POST /labels``."""
    body = call.body(LabelBody)
    if _find_label(call, body.name) is not None:
        raise invalid("Label", field="name", code="already_exists")
    made = call.forge.ensure_label(call.repository, body.name, body.color, body.description)
    return Answer(label(call.base, call.repository, made), 201)


async def get_label(call: Call) -> Answer:
    """``GET /labels/{name}``."""
    found = _find_label(call, call.path("name"))
    if found is None:
        raise not_found()
    return Answer(label(call.base, call.repository, found))


def _find_label(call: Call, name: str) -> Label | None:
    labels = call.repository.labels.values()
    return next((found for found in labels if found.name.lower() == name.lower()), None)


async def list_milestones(call: Call) -> Answer:
    """``GET /milestones``."""
    state = call.query("state", "open")
    found = [one for one in call.repository.milestones.values() if state in {"all", one.state}]
    return call.page(found, lambda one: milestone(call.base, call.forge, call.repository, one))


async def create_milestone(call: Call) -> Answer:
    """``POST /milestones``."""
    body = call.body(MilestoneBody)
    made = call.forge.create_milestone(call.repository, body.title, body.description, call.login)
    return Answer(milestone(call.base, call.forge, call.repository, made), 201)


async def list_hooks(call: Call) -> Answer:
    """``GET /hooks``."""
    return call.page(list(call.repository.hooks.values()), lambda found: hook(call.base, call.repository, found))


async def create_hook(call: Call) -> Answer:
    """``POST /hooks``."""
    body = call.body(HookBody)
    new = NewHook(
        url=str(body.config.url),
        secret=body.config.secret,
        events=body.events,
        content_type=body.config.content_type,
        active=body.active,
    )
    made = call.forge.add_hook(call.repository, new)
    return Answer(hook(call.base, call.repository, made), 201)


async def delete_hook(call: Call) -> Answer:
    """``DELETE /hooks/{number}``."""
    number = call.path("number")
    if not number.isdigit() or int(number) not in call.repository.hooks:
        raise not_found()
    call.forge.remove_hook(call.repository, int(number))
    return Answer(None, 204)
