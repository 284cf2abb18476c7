"""Whether a cluster will do: found out once, at the start, so that a person reads one clear line and no riddle."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace

from tide.adapters.kubernetes.prowjob_api import GROUP, GROUP_VERSION, PLURAL, ProwJobApi
from tide.domain.errors import BadAnswer, Forbidden, NotFound

log = logging.getLogger(__name__)

READING = ("get", "list", "watch")
"""The verbs that are needed to follow ProwJobs, beside `create`: what the Role of Prow's own Tide grants."""
_OPTIONAL = "patch"
_GRANTS = {True: "granted", False: "not granted", None: "not known to be granted"}

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


async def check_access(api: ProwJobApi, *, is_dry_run: bool) -> None:
    """Find out whether ProwJobs are served, their namespace is there, and we may do with them what we must.

    A dry run creates nothing, and needs no leave to.

    Raises:
        TideError: one line that says what is missing; Unavailable when the API server is out of reach.
    """
    await _check_served(api)
    await _check_namespace(api)
    verbs = READING if is_dry_run else ("create", *READING)
    grants = {verb: await _is_granted(api, verb) for verb in (*verbs, _OPTIONAL)}
    refused = [verb for verb in verbs if grants[verb] is False]
    if refused:
        raise Forbidden(f"the Role does not allow to {', '.join(refused)} {_subject(api)}")
    await _check_list(api)
    log.info("patching ProwJobs in the namespace %s is %s", api.namespace, _GRANTS[grants[_OPTIONAL]])


async def _check_served(api: ProwJobApi) -> None:
    """Ask for the description of the API, which everybody who is known may read by default."""
    try:
        served = await api.server.call("GET", GROUP_VERSION, seconds=api.times.get)
    except NotFound as error:
        raise _not_served(api) from error
    except Forbidden:
        return
    if PLURAL not in _resource_names(served):
        raise _not_served(api)


async def _check_namespace(api: ProwJobApi) -> None:
    """Look for the namespace, where we may: the Role of Prow's Tide does not grant it."""
    try:
        await api.server.call("GET", f"/api/v1/namespaces/{api.namespace}", seconds=api.times.get)
    except NotFound as error:
        raise NotFound(f"the cluster at {api.server.url} has no namespace {api.namespace!r}") from error
    except Forbidden:
        return


async def _is_granted(api: ProwJobApi, verb: str) -> bool | None:
    """Ask whether we may; None where that may not be asked."""
    subject = {"namespace": api.namespace, "verb": verb, "group": GROUP, "resource": PLURAL}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": subject},
    }
    try:
        answer = await api.server.call("POST", _REVIEWS, seconds=api.times.get, body=review)
    except (Forbidden, NotFound, BadAnswer):
        return None
    status = answer.get("status") if isinstance(answer, Mapping) else None
    return bool(status.get("allowed")) if isinstance(status, Mapping) else None


async def _check_list(api: ProwJobApi) -> None:
    """List one, whatever the reviews have said: they do not see what an admission or a proxy refuses."""
    try:
        async with aclosing(replace(api, page_size=1).pages()) as pages:
            await anext(pages)
    except NotFound as error:
        raise _not_served(api) from error
    except Forbidden as error:
        raise Forbidden(f"the Role does not allow to list {_subject(api)}, or there is no such namespace") from error


def _not_served(api: ProwJobApi) -> NotFound:
    return NotFound(
        f"the cluster at {api.server.url} does not serve ProwJobs of prow.k8s.io/v1: "
        "their CustomResourceDefinition, which Prow comes with, has to be applied"
    )


def _subject(api: ProwJobApi) -> str:
    return f"{PLURAL}.{GROUP} in the namespace {api.namespace!r} of the cluster at {api.server.url}"


def _resource_names(served: object) -> Iterator[str]:
    resources = served.get("resources") if isinstance(served, Mapping) else None
    for resource in resources if isinstance(resources, list) else []:
        if isinstance(resource, Mapping):
            yield str(resource.get("name"))
