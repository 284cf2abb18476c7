"""The sandbox's own controls under ``/_sandbox``: faults, and the log of what happened."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tide.sandbox.changes import Change
from tide.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from tide.sandbox.changes import AnyChange, ChangeLog
    from tide.sandbox.faults import Faults

EVENTS_SHOWN = 1000


def describe(change: AnyChange) -> dict[str, Any]:
    """Return a change as flat JSON: its kind, place, time, and what it is about."""
    own = {field.name for field in fields(Change)}
    shown: dict[str, Any] = {
        "sequence": change.sequence,
        "at": change.at.isoformat(),
        "kind": type(change).__name__,
        "repository": change.repository.full_name,
        "actor": change.actor,
    }
    for field in fields(change):
        if field.name not in own:
            shown |= _detail(field.name, getattr(change, field.name))
    return shown


def _detail(name: str, value: Any) -> Mapping[str, Any]:
    if value is not None and name in _DETAILS:
        return _DETAILS[name](value)
    return {name: value}


_DETAILS: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "pull": lambda pull: {"pull": pull.number},
    "issue": lambda issue: {"issue": issue.number},
    "status": lambda status: {"sha": status.sha, "context": status.context, "state": status.state},
    "check_run": lambda run: {"sha": run.head_sha, "name": run.name, "state": run.conclusion or run.status},
    "review": lambda review: {"review": review.state, "reviewer": review.author},
    "comment": lambda comment: {"comment": comment.id},
    "content": lambda content: {"commits": [commit.sha for commit in content.commits], "forced": content.forced},
}


def control_routes(faults: Faults, log: ChangeLog) -> list[Route]:
    """Return the routes of faults and events."""

    async def list_faults(_request: Request) -> Response:
        return JSONResponse({"items": faults.listed(), "next": None})

    async def add_fault(request: Request) -> Response:
        try:
            fault = Fault.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"message": str(error)}, 422)
        return JSONResponse({"id": faults.add(fault)}, 201)

    async def clear_faults(_request: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    async def remove_fault(request: Request) -> Response:
        return Response(status_code=204 if faults.remove(request.path_params["number"]) else 404)

    async def events(request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            return JSONResponse({"message": "since is the number of an event"}, 422)
        found = [change for change in log.recent if change.sequence > int(since)]
        items = [describe(change) for change in found[:EVENTS_SHOWN]]
        following = items[-1]["sequence"] if len(found) > EVENTS_SHOWN else None
        return JSONResponse({"items": items, "next": following})

    return [
        Route("/_sandbox/faults", list_faults, methods=["GET"]),
        Route("/_sandbox/faults", add_fault, methods=["POST"]),
        Route("/_sandbox/faults", clear_faults, methods=["DELETE"]),
        Route("/_sandbox/faults/{number:int}", remove_fault, methods=["DELETE"]),
        Route("/_sandbox/events", events, methods=["GET"]),
    ]
