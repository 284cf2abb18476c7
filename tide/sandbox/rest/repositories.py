"""Endpoint of a repository itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tide.sandbox.rest.call import Answer
from tide.sandbox.rest.shapes_repositories import full_repository

if TYPE_CHECKING:
    from tide.sandbox.rest.call import Call


async def get_repository(call: Call) -> Answer:
    """``GET /repos/{owner}/{repo}``."""
    return Answer(full_repository(call.base, call.forge, call.repository, call.login))
