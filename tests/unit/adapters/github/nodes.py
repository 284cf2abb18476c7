"""GraphQL nodes as GitHub gives them: one open pull request of `acme/rocket` that may merge."""

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

HEAD = "a" * 40
Node = dict[str, Any]


def status(context: str, state: str = "SUCCESS", description: str | None = "") -> Node:
    return {
        "__typename": "StatusContext",
        "context": context,
        "state": state,
        "description": description,
        "targetUrl": None,
    }


def check_run(
    name: str, conclusion: str | None = "SUCCESS", progress: str = "COMPLETED", *, suite: str = "CS_1", number: int = 1
) -> Node:
    return {
        "__typename": "CheckRun",
        "databaseId": number,
        "name": name,
        "status": progress,
        "conclusion": conclusion,
        "detailsUrl": f"https://ci.example/{name}",
        "checkSuite": {"id": suite},
    }


def reviews(*states: str, has_more: bool = False) -> Node:
    return {"pageInfo": {"hasNextPage": has_more}, "nodes": [{"state": state} for state in states]}


def page(contexts: Sequence[Node | None], after: str | None = None) -> Node:
    return {
        "totalCount": len(contexts),
        "pageInfo": {"hasNextPage": after is not None, "endCursor": after},
        "nodes": list(contexts),
    }


def commit(contexts: Sequence[Node | None] = (), *, oid: str = HEAD, after: str | None = None) -> Node:
    return {"oid": oid, "statusCheckRollup": {"contexts": page(contexts, after)} if contexts else None}


def pull(number: int = 1, **changes: Any) -> Node:
    node = {
        "__typename": "PullRequest",
        "id": f"PR_{number}",
        "number": number,
        "title": f"Change {number}",
        "body": None,
        "url": f"https://github.example/acme/rocket/pull/{number}",
        "state": "OPEN",
        "isDraft": False,
        "createdAt": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z",
        "updatedAt": "2026-01-02T00:00:00Z",
        "author": {"__typename": "User", "login": "alice"},
        "baseRefName": "main",
        "baseRefOid": "b" * 40,
        "baseRef": {"name": "main", "prefix": "refs/heads/"},
        "headRefName": f"change-{number}",
        "headRefOid": HEAD,
        "mergeable": "MERGEABLE",
        "mergeStateStatus": "CLEAN",
        "canBeRebased": True,
        "reviewDecision": None,
        "labels": {"pageInfo": {"hasNextPage": False}, "nodes": []},
        "milestone": None,
        "repository": {"name": "rocket", "nameWithOwner": "acme/rocket", "owner": {"login": "acme"}},
        "commits": {"nodes": [{"commit": commit()}]},
    }
    return node | changes


def labels(*names: str, has_more: bool = False) -> Node:
    return {"pageInfo": {"hasNextPage": has_more}, "nodes": [{"name": name} for name in names]}


def with_contexts(number: int, contexts: Sequence[Node | None], **paging: Any) -> Node:
    return pull(number, commits={"nodes": [{"commit": commit(contexts, **paging)}]})


def answer(data: Node | None, *errors: Node, cost: int = 1, status_code: int = 200) -> Response:
    told = {"data": None if data is None else {"rateLimit": {"cost": cost}, **data}}
    return JSONResponse(told | ({"errors": list(errors)} if errors else {}), status_code)


def error(kind: str, message: str, *path: str | int) -> Node:
    return {"type": kind, "message": message, "path": list(path)}


def found(nodes: Iterable[Node | None], total: int, after: str | None = None, *errors: Node) -> Response:
    search = {
        "issueCount": total,
        "pageInfo": {"hasNextPage": after is not None, "endCursor": after},
        "nodes": list(nodes),
    }
    return answer({"search": search}, *errors)


def issue(number: int, title: str, state: str = "OPEN") -> Node:
    return {
        "__typename": "Issue",
        "number": number,
        "title": title,
        "url": f"https://github.example/acme/rocket/issues/{number}",
        "state": state,
        "labels": {"nodes": [{"name": "tide/merge-blocker"}]},
        "repository": {"name": "rocket", "owner": {"login": "acme"}},
    }
