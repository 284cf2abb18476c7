"""The API server's own controls under ``/_sandbox``: watches and access.

- ``POST /_sandbox/watches`` with ``{"do": "drop"}`` (end every watch that stands in good order), ``"cut"`` (drop their
  connections) or ``"expire"`` (forget what happened so far: those that stand, and later ones from before, get 410).
- ``PUT /_sandbox/access/{user}`` with ``{"grants": [{"verb": "list", "resource": "prowjobs", "namespace": "*"}],
  "token": "…"}``: that user, and by then whoever sends the token, may do only that; ``DELETE`` lifts it. Whoever is
  unknown is ``system:serviceaccount:default:sandbox``, and ``system:anonymous`` without a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from tide.sandbox.kubernetes.access import Access


class Controlled(Protocol):
    """What the controls have power over."""

    access: Access

    def drop_watches(self, *, cut: bool = False) -> None:
        """End every watch that stands: in good order, or by dropping its connection."""

    def expire_watches(self) -> None:
        """Forget what happened so far."""


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    do: Literal["drop", "cut", "expire"]


class _GrantBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    verb: str
    resource: str
    namespace: str = "*"


class _AccessBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    grants: tuple[_GrantBody, ...]
    token: str | None = None


def control_routes(api: Controlled) -> list[Route]:
    """Return the routes of the controls."""

    async def end_watches(request: Request) -> Response:
        try:
            wish = _Wish.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"message": str(error)}, 422)
        if wish.do == "expire":
            api.expire_watches()
        else:
            api.drop_watches(cut=wish.do == "cut")
        return Response(status_code=204)

    async def limit(request: Request) -> Response:
        try:
            body = _AccessBody.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"message": str(error)}, 422)
        user = request.path_params["user"]
        api.access.limit(user, [(grant.verb, grant.resource, grant.namespace) for grant in body.grants])
        if body.token:
            api.access.register(body.token, user)
        return Response(status_code=204)

    async def unlimit(request: Request) -> Response:
        api.access.unlimit(request.path_params["user"])
        return Response(status_code=204)

    return [
        Route("/_sandbox/watches", end_watches, methods=["POST"]),
        Route("/_sandbox/access/{user}", limit, methods=["PUT"]),
        Route("/_sandbox/access/{user}", unlimit, methods=["DELETE"]),
    ]
