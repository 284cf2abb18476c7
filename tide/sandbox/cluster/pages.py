"""Plain pages that tell what a job of the simulated cluster did."""

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tide.sandbox.cluster.shape import is_prowjob
from tide.sandbox.kubernetes.problems import NotFound
from tide.sandbox.kubernetes.resources import JsonObject

if TYPE_CHECKING:
    from tide.sandbox.cluster.cluster import Cluster

PAGES = "/_sandbox/jobs"


def page_route(cluster: "Cluster") -> Route:
    """Give the route of the pages, `PAGES`/NAME."""

    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            prowjob = cluster.objects.get(cluster.settings.prow.namespace, name)
        except NotFound as error:
            raise HTTPException(404) from error
        if not is_prowjob(prowjob):
            raise HTTPException(404)
        return PlainTextResponse(f"{_summary(prowjob)}\n{cluster.log_of(name)}")

    return Route(f"{PAGES}/{{name}}", answer)


def _summary(prowjob: JsonObject) -> str:
    spec, status = prowjob["spec"], prowjob["status"]
    refs = spec.get("refs") or {}
    tested = [f"{refs.get('base_ref')}:{refs.get('base_sha')}"]
    tested += [f"#{pull['number']}:{pull['sha']}" for pull in refs.get("pulls") or ()]
    return "\n".join(
        [
            f"{spec.get('job')}  {spec.get('type')}  {prowjob['metadata']['name']}",
            f"{status.get('state')}: {status.get('description', '')}",
            f"{refs.get('org')}/{refs.get('repo')}  {' '.join(tested)}",
            f"started {status.get('startTime', '')}, ended {status.get('completionTime', 'not yet')}",
            "",
        ]
    )
