"""The API server put together: objects, discovery, access reviews, controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from tide.sandbox.kubernetes import discovery
from tide.sandbox.kubernetes.access import Access, Grant
from tide.sandbox.kubernetes.answers import as_json, as_problem
from tide.sandbox.kubernetes.call import DESCRIBING
from tide.sandbox.kubernetes.control import control_routes
from tide.sandbox.kubernetes.definitions import prowjob_definition
from tide.sandbox.kubernetes.endpoint import ObjectEndpoint, read_call
from tide.sandbox.kubernetes.kinds import Kinds, active_namespace
from tide.sandbox.kubernetes.problems import ApiProblem, BadRequest, UnknownPath
from tide.sandbox.kubernetes.resources import NAMESPACES, JsonObject
from tide.sandbox.kubernetes.watches import BOOKMARK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from tide.sandbox.kubernetes.objects import ApiObjects

    Answer = Callable[[Request, str], Awaitable[ASGIApp]]

_METHODS = ["GET", "POST", "PATCH", "DELETE"]
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_NAMESPACED = "/apis/{group}/{version}/namespaces/{namespace}/{plural}"
_COLLECTIONS = (_NAMESPACED, "/apis/{group}/{version}/{plural}", "/api/{version}/{plural}")
_OBJECTS = tuple(path + rest for rest in ("", "/{name}") for path in _COLLECTIONS)


class KubernetesApi:
    """A simulated API server.

    ProwJobs, namespaces and definitions may be changed from inside too: as ``prowjobs``, ``namespaces`` and
    ``definitions``, whose listeners and watches hear of all changes alike.

    Args:
        now: the clock.
        definition: of ProwJobs, such as Prow's own; without it one that leaves all fields open. To play a cluster
            without Prow delete it: ``api.definitions.delete("", "prowjobs.prow.k8s.io")``.
        namespaces: which ones are there at the start, next to ``default``.
        access: who may do what; without it everybody everything.
        bookmark_seconds: how often watches that want them are told bookmarks.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        definition: JsonObject | None = None,
        namespaces: Sequence[str] = (),
        access: Access | None = None,
        bookmark_seconds: float = BOOKMARK_SECONDS,
    ) -> None:
        self.access = access or Access()
        self._kinds = Kinds(now)
        self._endpoint = ObjectEndpoint(
            kinds=self._kinds,
            access=self.access,
            now=now,
            bookmark_seconds=bookmark_seconds,
        )
        for name in dict.fromkeys(("default", *namespaces)):
            self.create_namespace(name)
        self._kinds.define(definition or prowjob_definition())
        self.definitions.follow(lambda event: self.drop_watches() if event.kind == "DELETED" else None)

    @property
    def prowjobs(self) -> ApiObjects:
        """The ProwJobs; there are none while their definition is not there."""
        return self._kinds.prowjobs

    @property
    def namespaces(self) -> ApiObjects:
        """The namespaces."""
        return self._kinds.namespaces

    @property
    def definitions(self) -> ApiObjects:
        """The custom resource definitions."""
        return self._kinds.definitions

    def create_namespace(self, name: str) -> None:
        """Add a namespace.

        Raises:
            AlreadyExists: it is there already.
        """
        self.namespaces.create(active_namespace({"metadata": {"name": name}}))

    def drop_watches(self, *, cut: bool = False) -> None:
        """End every watch that stands: in good order, or by dropping its connection."""
        self._endpoint.end_watches("cut" if cut else "closed")

    def expire_watches(self) -> None:
        """Forget what happened so far: every watch that stands, and every later one from before now, is too old.

        Lists under way cannot be gone on with either.
        """
        for kind in self._kinds.all():
            kind.objects.forget_events()
        self._endpoint.end_watches("expired")

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return all routes; those under ``/_sandbox`` are controls, see ``control``."""
        described = self._descriptions()
        return (
            *control_routes(self),
            *(Route(path, self._guarded(answer), methods=["GET"]) for path, answer in described.items()),
            Route(_REVIEWS, self._guarded(self._review), methods=["POST"]),
            *(Route(path, self._guarded(self._endpoint), methods=_METHODS) for path in _OBJECTS),
            *(
                Route(path, self._guarded(_nothing), methods=_METHODS)
                for path in ("/api/v1/{_:path}", "/apis/{_:path}")
            ),
        )

    def _guarded(self, answer: Answer) -> Callable[[Request], Awaitable[Any]]:
        async def guarded(request: Request) -> ASGIApp:
            try:
                return await answer(request, self.access.user(request.headers.get("Authorization")))
            except ApiProblem as problem:
                return as_problem(problem)

        return guarded

    def _descriptions(self) -> dict[str, Answer]:
        def told(describe: Callable[[Request], JsonObject]) -> Answer:
            async def answer(request: Request, _user: str) -> ASGIApp:
                return as_json(describe(request))

            return answer

        known = self._kinds.resources
        return {
            "/api": told(lambda request: discovery.core_versions(str(request.base_url).rstrip("/"))),
            "/apis": told(lambda _: discovery.groups(known())),
            "/api/v1": told(lambda _: discovery.kinds(known(), "v1")),
            "/apis/{group}/{version}": told(
                lambda request: discovery.kinds(known(), "{group}/{version}".format_map(request.path_params))
            ),
        }

    async def _review(self, request: Request, user: str) -> ASGIApp:
        """Say whether who asks may do something (``SelfSubjectAccessReview``)."""
        call = await read_call(request, NAMESPACES)
        review = call.content(DESCRIBING)
        spec = review.get("spec") if isinstance(review, dict) else None
        if not isinstance(spec, dict):
            raise BadRequest("a SelfSubjectAccessReview with a spec is needed")
        asked = spec.get("resourceAttributes")
        allowed = not isinstance(asked, dict) or self.access.allows(user, _wanted(asked))
        return as_json({**review, "status": {"allowed": allowed}}, 201)


def _wanted(asked: JsonObject) -> Grant:
    verb, resource, namespace = (str(asked.get(field, "")) for field in ("verb", "resource", "namespace"))
    return Grant(verb, resource, namespace)


async def _nothing(_request: Request, _user: str) -> ASGIApp:
    raise UnknownPath
