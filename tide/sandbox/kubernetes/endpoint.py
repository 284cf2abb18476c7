"""Answers requests for objects: one, many, changes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tide.sandbox.kubernetes.answers import as_deleted, as_json, as_list, as_object
from tide.sandbox.kubernetes.call import TRUE, Call
from tide.sandbox.kubernetes.listing import read_page
from tide.sandbox.kubernetes.problems import BadRequest, MethodNotAllowed, UnknownPath, not_found
from tide.sandbox.kubernetes.resources import NAMESPACES, Resource
from tide.sandbox.kubernetes.watches import Watch
from tide.sandbox.kubernetes.writes import Writes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tide.sandbox.kubernetes.access import Access
    from tide.sandbox.kubernetes.kinds import Kind, Kinds
    from tide.sandbox.kubernetes.watches import End

_ONE = {"GET": "get", "PATCH": "patch", "DELETE": "delete"}
_MANY = {"GET": "list", "POST": "create"}
_ACROSS_NAMESPACES = frozenset({"list", "watch"})


@dataclass(frozen=True, kw_only=True)
class ObjectEndpoint:
    """All paths of objects.

    Args:
        kinds: what there is.
        access: who may do what.
        now: the clock.
        bookmark_seconds: how often watches that want them are told bookmarks.
    """

    kinds: Kinds
    access: Access
    now: Callable[[], datetime]
    bookmark_seconds: float
    _watches: set[Watch] = field(default_factory=set)

    async def __call__(self, request: Request, user: str) -> ASGIApp:
        """Answer a request; who asks is checked before it is looked up what there is, as a real server does.

        Raises:
            ApiProblem: it is refused.
        """
        asked = request.path_params
        kind = self.kinds.find(asked.get("group", ""), asked["version"], asked["plural"])
        call = await read_call(request, kind.resource if kind else _unknown(asked))
        self._authorize(call, user)
        if kind is None or not _is_placed(call, kind):
            raise UnknownPath
        if "dryRun" in call.query:
            raise BadRequest("the sandbox has no dry run")
        return self._answer(kind, call)

    def end_watches(self, how: End) -> None:
        """End every watch that stands."""
        for watch in tuple(self._watches):
            watch.end(how)

    def _authorize(self, call: Call, user: str) -> None:
        # A namespace itself is in the namespace of its name (apiserver: pkg/endpoints/request/requestinfo.go).
        place = call.name if call.resource == NAMESPACES else call.namespace
        self.access.check(user, call.verb, call.resource, namespace=place, name=call.name)

    def _answer(self, kind: Kind, call: Call) -> ASGIApp:
        match call.verb:
            case "get":
                stored = kind.objects.stored(call.namespace, call.name)
                return as_json(as_object(kind, call, stored.raw, self.now()))
            case "list":
                return as_list(kind, call, read_page(kind.objects, call), self.now())
            case "watch":
                return self._watch(kind, call)
        return self._change(kind, call)

    def _change(self, kind: Kind, call: Call) -> ASGIApp:
        writes, code = Writes(kind), 200
        match call.verb:
            case "create":
                self._check_namespace(kind, call)
                changed, code = writes.create(call), 201
            case "patch":
                changed = writes.patch(call)
            case _:
                return as_json(as_deleted(kind, writes.delete(call)))
        stored = kind.objects.stored(changed["metadata"].get("namespace", ""), changed["metadata"]["name"])
        return as_json(as_object(kind, call, stored.raw, self.now()), code)

    def _check_namespace(self, kind: Kind, call: Call) -> None:
        if kind.resource.namespaced and not self.kinds.namespaces.has("", call.namespace):
            raise not_found(NAMESPACES, call.namespace)

    def _watch(self, kind: Kind, call: Call) -> ASGIApp:
        watch = Watch(
            objects=kind.objects,
            call=call,
            show=lambda raw: as_object(kind, call, raw, self.now()),
            bookmark_seconds=self.bookmark_seconds,
        )

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            self._watches.add(watch)
            try:
                await watch(scope, receive, send)
            finally:
                self._watches.discard(watch)

        return watched


async def read_call(request: Request, resource: Resource) -> Call:
    """Return what a request to a path of objects wants.

    Raises:
        MethodNotAllowed: the path has no such method.
    """
    asked = request.path_params
    name = asked.get("name", "")
    return Call(
        resource=resource,
        verb=_verb(request, name),
        namespace=asked.get("namespace", ""),
        name=name,
        query=request.query_params,
        accept=request.headers.get("Accept", ""),
        content_type=request.headers.get("Content-Type", "").partition(";")[0].strip(),
        body=await request.body(),
    )


def _verb(request: Request, name: str) -> str:
    if request.method == "GET" and request.query_params.get("watch", "") in TRUE:
        return "watch"
    verb = (_ONE if name else _MANY).get(request.method)
    if verb is None:
        raise MethodNotAllowed("the server does not allow this method on the requested resource")
    return verb


def _unknown(asked: Mapping[str, str]) -> Resource:
    plural = asked["plural"]
    return Resource(group=asked.get("group", ""), version=asked["version"], plural=plural, singular=plural, kind=plural)


def _is_placed(call: Call, kind: Kind) -> bool:
    """Whether the path fits the kind (apiextensions: pkg/apiserver/customresource_handler.go ServeHTTP)."""
    if not kind.resource.namespaced:
        return not call.namespace
    return bool(call.namespace) or (call.verb in _ACROSS_NAMESPACES and not call.name)
