"""The kinds that an API server knows at a time: its own, and those that definitions add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tide.sandbox.kubernetes.definitions import defined_resource, established, schema_of, stored_version
from tide.sandbox.kubernetes.objects import ApiObjects, Revisions
from tide.sandbox.kubernetes.problems import Cause, invalid
from tide.sandbox.kubernetes.resources import DEFINITIONS, NAMESPACES, PROWJOBS, JsonObject, Resource
from tide.sandbox.kubernetes.tables import AGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tide.sandbox.kubernetes.objects import Event

_OPEN: Mapping[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_TEXT: Mapping[str, Any] = {"type": "string"}
_DEFINITION_SCHEMA: Mapping[str, Any] = {
    **_OPEN,
    "required": ["spec"],
    "properties": {
        "spec": {
            **_OPEN,
            "required": ["group", "names", "scope", "versions"],
            "properties": {
                "group": _TEXT,
                "scope": {"type": "string", "enum": ["Cluster", "Namespaced"]},
                "names": {**_OPEN, "required": ["kind", "plural"], "properties": {"kind": _TEXT, "plural": _TEXT}},
                "versions": {
                    "type": "array",
                    "minItems": 1,
                    "items": {**_OPEN, "required": ["name", "served", "storage"], "properties": {"name": _TEXT}},
                },
            },
        }
    },
}


@dataclass(frozen=True)
class Kind:
    """The objects of one kind, and what is asked of them and shown.

    Args:
        objects: the objects.
        definition: what made the kind known; None for those of the server itself.
        schema: the rules for fields.
        columns: of tables.
        complete: adds what the server itself says of an object that is written.
    """

    objects: ApiObjects
    definition: JsonObject | None
    schema: Mapping[str, Any]
    columns: list[JsonObject]
    complete: Callable[[JsonObject], JsonObject] | None = None

    @property
    def resource(self) -> Resource:
        """What the kind is called."""
        return self.objects.resource

    def completed(self, content: JsonObject) -> JsonObject:
        """Return an object with what the server itself says of it."""
        return self.complete(content) if self.complete else content


class Kinds:
    """All kinds and their objects, with one counter of resource versions.

    What lies in a namespace goes with it, and so do the objects of a kind with its definition.

    Args:
        now: the clock.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._revisions = Revisions()
        self.namespaces = ApiObjects(now, resource=NAMESPACES, revisions=self._revisions)
        self.definitions = ApiObjects(now, resource=DEFINITIONS, revisions=self._revisions)
        self.prowjobs = ApiObjects(now, resource=PROWJOBS, revisions=self._revisions)
        self._custom: dict[str, ApiObjects] = {PROWJOBS.qualified: self.prowjobs}
        self._defined: dict[str, Kind] = {}
        self._own = {
            NAMESPACES.qualified: Kind(self.namespaces, None, _OPEN, [AGE], active_namespace),
            DEFINITIONS.qualified: Kind(self.definitions, None, _DEFINITION_SCHEMA, [AGE], self._established),
        }
        self.definitions.follow(self._on_definition)
        self.namespaces.follow(self._on_namespace)

    def all(self) -> list[Kind]:
        """Return every kind."""
        return [*self._own.values(), *self._defined.values()]

    def resources(self) -> list[Resource]:
        """Return what every kind is called."""
        return [kind.resource for kind in self.all()]

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """Return the kind that is served at a path."""
        name = f"{plural}.{group}" if group else plural
        kind = self._own.get(name) or self._defined.get(name)
        return kind if kind and kind.resource.version == version else None

    def define(self, definition: JsonObject) -> None:
        """Add a definition, as the server keeps it.

        Raises:
            AlreadyExists: it is there already.
        """
        self.definitions.create(self._established(definition))

    def _established(self, definition: JsonObject) -> JsonObject:
        name, resource = definition["metadata"]["name"], defined_resource(definition)
        if name != resource.qualified:
            # The words are those of apiextensions, pkg/apis/apiextensions/validation/validation.go.
            why = f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group'
            raise invalid(DEFINITIONS, name, [Cause("metadata.name", "FieldValueInvalid", why)])
        return established(definition, self._now().strftime("%Y-%m-%dT%H:%M:%SZ"))

    def _on_definition(self, event: Event) -> None:
        definition = event.after.read()
        resource = defined_resource(definition)
        name = resource.qualified
        if event.kind == "DELETED":
            _empty(self._custom[name])
            del self._defined[name]
            return
        objects = self._custom.setdefault(name, ApiObjects(self._now, resource=resource, revisions=self._revisions))
        objects.resource = resource
        columns = stored_version(definition).get("additionalPrinterColumns") or [AGE]
        self._defined[name] = Kind(objects, definition, schema_of(definition), columns)

    def _on_namespace(self, event: Event) -> None:
        if event.kind == "DELETED":
            for kind in self._defined.values():
                _empty(kind.objects, event.after.name)


def _empty(objects: ApiObjects, namespace: str | None = None) -> None:
    for stored in list(objects.view(namespace).after("")):
        objects.delete(stored.namespace, stored.name)


def active_namespace(content: JsonObject) -> JsonObject:
    """Return a namespace with what the server says of one that is in use."""
    metadata = content["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    given = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    return {**content, **given, "metadata": {**metadata, "labels": labels}}
