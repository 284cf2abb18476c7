"""One request to the API server, with what was asked in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tide.sandbox.kubernetes.problems import BadRequest, UnsupportedMediaType
from tide.sandbox.kubernetes.selectors import Selector, selector
from tide.sandbox.kubernetes.tables import is_wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tide.sandbox.kubernetes.resources import JsonObject, Resource

TRUE = frozenset({"true", "1", "t", "T", "TRUE", "True"})
DESCRIBING = "application/json"
"""The content type in which whole objects come."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a request wants.

    Args:
        resource: the kind it speaks of.
        verb: as RBAC names it.
        namespace: empty for all, or for a kind without.
        name: empty for many.
        query: its parameters.
        accept: the header.
        content_type: the header, without parameters.
        body: its bytes.
    """

    resource: Resource
    verb: str
    namespace: str
    name: str
    query: Mapping[str, str]
    accept: str
    content_type: str
    body: bytes

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

    def content(self, wanted: str) -> Any:
        """Return what the body says.

        Args:
            wanted: the content type that is understood.

        Raises:
            UnsupportedMediaType: it is of another type.
            BadRequest: it is no JSON.
        """
        if (self.content_type or wanted) != wanted:
            told = f"the body of the request was in an unknown format - accepted media types include: {wanted}"
            raise UnsupportedMediaType(told)
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise BadRequest(f"couldn't get version/kind; json parse error: {error}") from error

    def described(self) -> JsonObject:
        """Return the whole object that the body describes.

        Raises:
            BadRequest: it is no object of this kind.
        """
        content = self.content(DESCRIBING)
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
