"""Endpoints of commit statuses and check runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tide.sandbox.evidence import (
    DEFAULT_APP,
    DESCRIPTION_LIMIT,
    NewCheckRun,
    NewStatus,
    TooManyStatusesError,
)
from tide.sandbox.rest.call import Answer, RestError, invalid, not_found
from tide.sandbox.rest.commits_lookup import known_commit, resolve
from tide.sandbox.rest.evidence_bodies import DEFAULT_CONTEXT, CheckRunBody, CheckRunPatch, StatusBody
from tide.sandbox.rest.shapes_pulls import check_run, simple_status, status
from tide.sandbox.rest.shapes_repositories import minimal_repository, repository_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tide.sandbox.model import CheckRun, CommitStatus
    from tide.sandbox.rest.call import Call

TOO_MANY = "This SHA and context has reached the maximum number of statuses."


async def create_status(call: Call) -> Answer:
    """``POST /statuses/{sha}``."""
    body = call.body(StatusBody)
    sha = (await known_commit(call.repository, call.path("sha"))).sha
    if body.description is not None and len(body.description) > DESCRIPTION_LIMIT:
        message = f"description is too long (maximum is {DESCRIPTION_LIMIT} characters)"
        raise invalid("Status", field="description", code="custom", message=message)
    new = NewStatus(
        context=body.context or DEFAULT_CONTEXT,
        state=body.state,
        description=body.description,
        target_url=body.target_url,
    )
    try:
        made = call.forge.create_status(call.repository, sha, new, call.login)
    except TooManyStatusesError as error:
        raise invalid("Status", code="custom", message=TOO_MANY) from error
    return Answer(status(call.base, call.forge, call.repository, made), 201)


async def list_statuses(call: Call) -> Answer:
    """``GET /commits/{ref}/statuses``: all of them, newest first."""
    sha = (await resolve(call.repository, call.path("ref"))).sha
    found = list(reversed(call.repository.statuses.get(sha, ())))
    return call.page(found, lambda one: status(call.base, call.forge, call.repository, one))


async def combined_status(call: Call) -> Answer:
    """``GET /commits/{ref}/status``: the newest of each context, and all of them as one state."""
    sha = (await resolve(call.repository, call.path("ref"))).sha
    found = call.repository.latest_statuses(sha)
    chosen, headers = call.slice(found)
    url = f"{repository_url(call.base, call.repository)}/commits/{sha}"
    shown = {
        "state": _combined(found),
        "statuses": [simple_status(call.base, call.forge, call.repository, one) for one in chosen],
        "sha": sha,
        "total_count": len(found),
        "repository": minimal_repository(call.base, call.forge, call.repository),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return Answer(shown, headers=headers)


def _combined(statuses: Sequence[CommitStatus]) -> Literal["failure", "pending", "success"]:
    states = {one.state for one in statuses}
    if states & {"error", "failure"}:
        return "failure"
    return "pending" if not states or "pending" in states else "success"


async def create_check_run(call: Call) -> Answer:
    """``POST /check-runs``: GitHub wants an app's token; here a bot's login names the app."""
    body = call.body(CheckRunBody)
    await known_commit(call.repository, body.head_sha)
    if body.status == "completed" and body.conclusion is None:
        raise RestError(422, 'Invalid request.\n\n"conclusion" wasn\'t supplied.')
    new = NewCheckRun(
        name=body.name,
        status=body.status,
        conclusion=body.conclusion,
        app=_app(call),
        workflow=body.workflow,
        details_url=body.details_url,
        external_id=body.external_id,
        started_at=body.started_at,
        output=body.output.value() if body.output else None,
    )
    made = call.forge.create_check_run(call.repository, body.head_sha, new)
    return Answer(check_run(call.base, call.forge, call.repository, made), 201)


def _app(call: Call) -> tuple[int, str]:
    slug, suffix, _ = call.login.partition("[bot]")
    return (call.forge.account(call.login).id, slug) if suffix else DEFAULT_APP


def _run(call: Call) -> CheckRun:
    wanted = call.path("number")
    runs = (run for runs in call.repository.check_runs.values() for run in runs)
    found = next((run for run in runs if str(run.id) == wanted), None)
    if found is None:
        raise not_found()
    return found


async def patch_check_run(call: Call) -> Answer:
    """``PATCH /check-runs/{number}``."""
    body, found = call.body(CheckRunPatch), _run(call)
    output = body.output.value() if body.output else None
    call.forge.update_check_run(call.repository, found, status=body.status, conclusion=body.conclusion, output=output)
    return Answer(check_run(call.base, call.forge, call.repository, found))


async def list_check_runs(call: Call) -> Answer:
    """``GET /commits/{ref}/check-runs``: the newest of each name and suite, or all with ``filter=all``."""
    sha = (await resolve(call.repository, call.path("ref"))).sha
    everything = list(reversed(call.repository.check_runs.get(sha, ())))
    found = everything if call.query("filter") == "all" else call.repository.latest_check_runs(sha)
    name, state = call.query("check_name"), call.query("status")
    found = [run for run in found if name in {"", run.name} and state in {"", run.status}]
    chosen, headers = call.slice(found)
    shown = [check_run(call.base, call.forge, call.repository, run) for run in chosen]
    return Answer({"total_count": len(found), "check_runs": shown}, headers=headers)
