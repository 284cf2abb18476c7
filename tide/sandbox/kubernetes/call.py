"""One request to the API server, with what was asked in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tide.sandbox.kubernetes.problems import ApiProblem, BadRequest, UnsupportedMediaType
from tide.sandbox.kubernetes.protobuf import MEDIA_TYPE, read_object
from tide.sandbox.kubernetes.selectors import Selector, selector
from tide.sandbox.kubernetes.tables import is_wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tide.sandbox.kubernetes.resources import JsonObject, Resource

TRUE = frozenset({"true", "1", "t", "T", "TRUE", "True"})
APPLY_PATCH = "application/apply-patch+yaml"
MAX_BODY = 3 * 1024 * 1024
"""Bytes that a body may have (apiserver: pkg/server/config.go MaxRequestBodyBytes)."""
DESCRIBING = ("application/json", "application/yaml", MEDIA_TYPE)
"""The content types in which whole objects come."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a request wants.

    Args:
        resource: the kind it speaks of.
        verb: as RBAC names it.
        namespace: empty for all, or for a kind without.
        name: empty for many.
        subresource: ``status`` or empty.
        query: its parameters.
        accept: the header.
        content_type: the header, without parameters.
        body: its bytes.
    """

    resource: Resource
    verb: str
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]
    accept: str
    content_type: str
    body: bytes

    @property
    def adds(self) -> bool:
        """Whether it may make a new object."""
        return self.verb == "create" or self.content_type == APPLY_PATCH

    @property
    def wants_table(self) -> bool:
        """Whether the answer is to be a table."""
        return is_wanted(self.accept)

    @property
    def selector(self) -> Selector:
        """Which objects are meant.

        Raises:
            BadRequest: it is not understood.
        """
        return selector(self.query.get("labelSelector", ""), self.query.get("fieldSelector", ""), self.name)

    @property
    def scope(self) -> str | None:
        """The namespace of a list, None for all."""
        return self.namespace or None

    def is_set(self, option: str) -> bool:
        """Whether a boolean option is set."""
        return self.query.get(option, "") in TRUE

    def number(self, option: str, default: int = 0) -> int:
        """Return an option that is a number.

        Raises:
            BadRequest: it is none.
        """
        text = self.query.get(option) or str(default)
        if not text.isdecimal():
            raise BadRequest(f'{option}: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
        return int(text)

    def content(self, *types: str) -> Any:
        """Return what the body says.

        Args:
            types: the content types that are understood.

        Raises:
            UnsupportedMediaType: it is of another type.
            BadRequest: it is not what its type says.
            ApiProblem: it is too large.
        """
        if len(self.body) > MAX_BODY:
            raise RequestEntityTooLarge(f"Request entity too large: limit is {MAX_BODY}")
        if (self.content_type or types[0]) not in types:
            accepted = ", ".join(types)
            told = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
            raise UnsupportedMediaType(told)
        return _parsed(self.body, self.content_type)

    def described(self) -> JsonObject:
        """Return the whole object that the body describes.

        Raises:
            BadRequest: it is no object of this kind.
        """
        content = self.content(*DESCRIBING)
        if not isinstance(content, dict) or not isinstance(content.get("metadata", {}), dict):
            raise BadRequest(f"couldn't get version/kind; json parse error: {self.body[:80].decode(errors='replace')}")
        if not content.get("kind"):
            raise BadRequest(f"Object 'Kind' is missing in '{self.body[:200].decode(errors='replace')}'")
        if (content.get("apiVersion"), content["kind"]) != (self.resource.api_version, self.resource.kind):
            raise BadRequest(self._other_kind(content))
        return content

    def _other_kind(self, content: JsonObject) -> str:
        told = f"{content['kind']} in version {json.dumps(content.get('apiVersion', ''))}"
        return f"{told} cannot be handled as a {self.resource.kind}"


class RequestEntityTooLarge(ApiProblem):
    """The body is too large."""

    code = 413
    reason = "RequestEntityTooLarge"


def _parsed(body: bytes, content_type: str) -> Any:
    try:
        if content_type == MEDIA_TYPE:
            return read_object(body)
        return yaml.load(body, yaml.CSafeLoader) if content_type.endswith("yaml") else json.loads(body)
    except (ValueError, yaml.YAMLError) as error:
        raise BadRequest(f"couldn't get version/kind; json parse error: {error}") from error
