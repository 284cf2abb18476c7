"""GitHub's published OpenAPI description of its REST API, reduced to what is asked of it."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:github"
JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Operation:
    """One operation: its path with parameters, as `/repos/{owner}/{repo}`, and what the description says of it."""

    method: str
    path: str
    content: Mapping[str, Any]


class Description:
    """The description, with its schemas made plain JSON schemas.

    Args:
        path: the published file, OpenAPI 3.0.
    """

    def __init__(self, path: Path) -> None:
        self._document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        # Fewest parameters first: `/issues/comments/{id}` before `/issues/{number}/comments`.
        paths = sorted(self._document["paths"], key=lambda path: path.count("{"))
        return [(_pattern(path), path) for path in paths]

    def operation(self, method: str, path: str) -> Operation | None:
        """Return the operation that a request means, None for one that is not described."""
        for pattern, template in self._patterns:
            found = self._document["paths"][template].get(method.lower())
            if found is not None and pattern.fullmatch(path):
                return Operation(method, template, found)
        return None

    def request_complaints(self, operation: Operation, body: Any) -> list[str]:
        """Return what the description has against a request's body."""
        described = self._resolved(operation.content.get("requestBody", {}))
        schema = described.get("content", {}).get(JSON_TYPE, {}).get("schema")
        if schema is None:
            return [] if body is None else ["the operation takes no body"]
        if body is None:
            return ["the body is missing"] if described.get("required") else []
        return self._complaints(schema, body)

    def answer_complaints(self, operation: Operation, status: int, body: Any) -> list[str] | None:
        """Return what the description has against an answer; None if it says nothing of that status."""
        described = operation.content["responses"].get(str(status))
        if described is None:
            return None
        schema = self._resolved(described).get("content", {}).get(JSON_TYPE, {}).get("schema")
        if schema is None:
            return [] if body is None else ["the answer should have no body"]
        return self._complaints(schema, body)

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            node = self._at(node["$ref"])
        return node

    def _at(self, reference: str) -> Any:
        found: Any = self._document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found

    def _complaints(self, schema: Mapping[str, Any], instance: Any) -> list[str]:
        contents = {"schemas": self._reachable(schema)}
        registry = Registry[Any]().with_resource(DOCUMENT, DRAFT202012.create_resource(contents))
        validator = Draft202012Validator(plain_schema(schema), registry=registry)
        return [f"{error.json_path}: {error.message}"[:300] for error in validator.iter_errors(instance)]

    def _reachable(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Return the component schemas that a schema leads to, made plain."""
        found: dict[str, Any] = {}
        waiting = list(_references(schema))
        while waiting:
            reference = waiting.pop()
            name = reference.rpartition("/")[2]
            if name not in found:
                component = self._at(reference)
                found[name] = plain_schema(component)
                waiting.extend(_references(component))
        return found


def _pattern(path: str) -> re.Pattern[str]:
    """Return the paths that a template means; references hold slashes (`x-multi-segment` in the description)."""
    parts = re.split(r"(\{[^}]+\})", path)
    one = ".+" if "/git/" in path and path.endswith("{ref}") else "[^/]+"
    return re.compile(
        "".join(one if part == "{ref}" else "[^/]+" if "{" in part else re.escape(part) for part in parts)
    )


def _references(node: Any) -> Iterable[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def plain_schema(node: Any) -> Any:
    """Return an OpenAPI 3.0 schema as a JSON schema: `nullable` becomes a type, references lead to our document."""
    if isinstance(node, list):
        return [plain_schema(value) for value in node]
    if not isinstance(node, Mapping):
        return node
    dropped = {"nullable", "example", "examples", "discriminator", "xml", "externalDocs"}
    made = {name: plain_schema(value) for name, value in node.items() if name not in dropped}
    if isinstance(made.get("$ref"), str):
        made["$ref"] = f"{DOCUMENT}#/schemas/{made['$ref'].rpartition('/')[2]}"
    # A property may be called `nullable` too: only a boolean is the keyword.
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") is True else made
