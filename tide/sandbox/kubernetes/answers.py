"""Answers in the form that the caller asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from tide.sandbox.kubernetes.problems import UnknownPath
from tide.sandbox.kubernetes.tables import table

if TYPE_CHECKING:
    from datetime import datetime

    from tide.sandbox.kubernetes.call import Call
    from tide.sandbox.kubernetes.kinds import Kind
    from tide.sandbox.kubernetes.listing import Page
    from tide.sandbox.kubernetes.problems import ApiProblem
    from tide.sandbox.kubernetes.resources import JsonObject


def as_json(content: JsonObject | bytes, code: int = 200) -> Response:
    """Answer with JSON, which may be made already."""
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    # Clients compare this header with the bare type, so that Starlette must not add a charset.
    return Response(body, code, {"Content-Type": "application/json"})


def as_problem(problem: ApiProblem) -> Response:
    """Answer with a refusal."""
    if isinstance(problem, UnknownPath):
        return Response(f"{problem}\n", 404, {"Content-Type": "text/plain; charset=utf-8"})
    answer = as_json(problem.status, problem.code)
    retry = (problem.details or {}).get("retryAfterSeconds")
    if retry is not None:
        answer.headers["Retry-After"] = str(retry)
    return answer


def as_list(kind: Kind, call: Call, page: Page, now: datetime) -> Response:
    """Answer with a list or its table; the objects' JSON is used as it lies there."""
    if call.wants_table:
        items = [stored.read() for stored in page.items]
        return as_json(_table(kind, call, items, page.metadata, now))
    head = {"apiVersion": kind.resource.api_version, "kind": f"{kind.resource.kind}List", "metadata": page.metadata}
    opening = json.dumps(head).encode().removesuffix(b"}")
    return as_json(opening + b',"items":[' + b",".join(stored.raw for stored in page.items) + b"]}")


def as_object(kind: Kind, call: Call, raw: bytes, now: datetime) -> bytes:
    """Return one object's JSON, or that of its table."""
    if not call.wants_table:
        return raw
    content = json.loads(raw)
    version = {"resourceVersion": content["metadata"]["resourceVersion"]}
    return json.dumps(_table(kind, call, [content], version, now), ensure_ascii=False).encode()


def _table(kind: Kind, call: Call, items: list[JsonObject], metadata: JsonObject, now: datetime) -> JsonObject:
    include = call.query.get("includeObject") or "Metadata"
    return table(items, kind.columns, now=now, metadata=metadata, include=include)


def as_deleted(kind: Kind, content: JsonObject) -> JsonObject:
    """Return what is said of an object that is gone (apiserver: pkg/endpoints/handlers/delete.go)."""
    if kind.definition is None:
        return content | ({"status": {"phase": "Terminating"}} if kind.resource.kind == "Namespace" else {})
    metadata = content["metadata"]
    details = {"name": metadata["name"], "group": kind.resource.group, "kind": kind.resource.plural}
    told = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return told | {"details": details | {"uid": metadata["uid"]}}
