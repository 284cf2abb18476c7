"""Creating, changing and deleting objects, by the rules of their kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tide.sandbox.kubernetes.call import APPLY_PATCH
from tide.sandbox.kubernetes.metadata import metadata_causes
from tide.sandbox.kubernetes.patches import merged, patched
from tide.sandbox.kubernetes.problems import BadRequest, NotFound, conflict, invalid
from tide.sandbox.kubernetes.schema import pruned, schema_causes

if TYPE_CHECKING:
    import random

    from tide.sandbox.kubernetes.call import Call
    from tide.sandbox.kubernetes.kinds import Kind
    from tide.sandbox.kubernetes.resources import JsonObject

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_MAX_GENERATED = 58


class Writes:
    """What changes the objects of one kind.

    Args:
        kind: the objects, and what is asked of them.
        lots: draws the ends of generated names.
    """

    def __init__(self, kind: Kind, lots: random.Random) -> None:
        self._kind = kind
        self._objects = kind.objects
        self._lots = lots

    def create(self, call: Call) -> JsonObject:
        """Add the object that the body describes.

        Raises:
            ApiProblem: the body, the name or a field is no good, or the name is taken.
        """
        content = call.described()
        metadata = content.setdefault("metadata", {})
        self._place(call, metadata)
        if metadata.get("generateName") and not metadata.get("name"):
            ending = "".join(self._lots.choices(_LETTERS, k=5))
            metadata["name"] = f"{metadata['generateName'][:_MAX_GENERATED]}{ending}"
        if metadata.get("resourceVersion"):
            raise BadRequest("resourceVersion should not be set on objects to be created")
        if self._objects.resource.has_status:
            content.pop("status", None)
        return self._objects.create(self._checked(call, content))

    def replace(self, call: Call) -> JsonObject:
        """Put the object that the body describes in the place of the one that the path names.

        Raises:
            ApiProblem: the body or a field is no good, there is none of that name, or it was changed meanwhile.
        """
        old = self._objects.get(call.namespace, call.name)
        content = call.described()
        self._place(call, content.setdefault("metadata", {}))
        return self._objects.replace(self._checked(call, self._of_subresource(call, old, content)))

    def patch(self, call: Call) -> tuple[JsonObject, bool]:
        """Change an object as the body says; an apply patch adds it if it is not there.

        Returns:
            The object, and whether it is new.

        Raises:
            ApiProblem: as for ``replace``; or the patch itself is no good.
        """
        patch = call.content(*self._patch_types())
        if call.content_type == APPLY_PATCH:
            return self._apply(call, patch)
        old = self._objects.get(call.namespace, call.name)
        content = patched(old, patch) if call.content_type == JSON_PATCH else merged(old, patch)
        if not isinstance(content, dict) or not isinstance(content.get("metadata"), dict):
            raise BadRequest("the patched object is none")
        return self._rewrite(call, old, content), False

    def delete(self, call: Call) -> JsonObject:
        """Take an object away, if it is the one that the body's preconditions mean; give it as it was last.

        Raises:
            ApiProblem: there is none of that name, or it is another one.
        """
        metadata = self._objects.get(call.namespace, call.name)["metadata"]
        conditions = _preconditions(call)
        for field, told in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            if conditions.get(field) not in {None, metadata[field]}:
                why = f"{told} in precondition: {conditions[field]}, {told} in object meta: {metadata[field]}"
                raise conflict(self._objects.resource, call.name, f"Precondition failed: {why}")
        return self._objects.delete(call.namespace, call.name)

    def _patch_types(self) -> tuple[str, ...]:
        # Custom resources have no strategic merge (apiextensions: pkg/apiserver/customresource_handler.go).
        return (JSON_PATCH, MERGE_PATCH, APPLY_PATCH, *(() if self._kind.definition else (STRATEGIC_PATCH,)))

    def _apply(self, call: Call, patch: Any) -> tuple[JsonObject, bool]:
        if not isinstance(patch, dict) or not patch.get("kind"):
            raise BadRequest("error decoding YAML: an object with apiVersion and kind is needed")
        if not call.query.get("fieldManager"):
            raise BadRequest(
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
            )
        try:
            old = self._objects.get(call.namespace, call.name)
        except NotFound:
            metadata = patch.setdefault("metadata", {})
            metadata.setdefault("name", call.name)
            self._place(call, metadata)
            return self._objects.create(self._checked(call, patch)), True
        return self._rewrite(call, old, merged(old, patch)), False

    def _rewrite(self, call: Call, old: JsonObject, content: JsonObject) -> JsonObject:
        self._place(call, content["metadata"])
        return self._objects.replace(self._checked(call, self._of_subresource(call, old, content)))

    def _of_subresource(self, call: Call, old: JsonObject, content: JsonObject) -> JsonObject:
        """Keep what the endpoint is not for: the status on the object's own path, all else on ``/status``."""
        if call.subresource:
            version = content["metadata"].get("resourceVersion")
            return {
                **old,
                "metadata": {**old["metadata"], "resourceVersion": version},
                "status": content.get("status", {}),
            }
        if not self._objects.resource.has_status:
            return content
        kept = {key: value for key, value in content.items() if key != "status"}
        return kept | ({"status": old["status"]} if "status" in old else {})

    def _place(self, call: Call, metadata: JsonObject) -> None:
        if metadata.setdefault("namespace", call.namespace) != call.namespace:
            raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
        if not call.namespace:
            del metadata["namespace"]
        if call.name and metadata.setdefault("name", call.name) != call.name:
            raise BadRequest(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({call.name})"
            )

    def _checked(self, call: Call, content: JsonObject) -> JsonObject:
        resource, schema = self._objects.resource, self._kind.schema
        kept, unknown = pruned(content, schema)
        if unknown and call.query.get("fieldValidation") == "Strict":
            told = ", ".join(f'unknown field "{field}"' for field in unknown)
            raise BadRequest(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
                f"strict decoding error: {told}"
            )
        causes = [*metadata_causes(resource, kept["metadata"]), *schema_causes(kept, schema)]
        if causes:
            raise invalid(resource, kept["metadata"].get("name", ""), causes)
        return self._kind.completed(kept)


def _preconditions(call: Call) -> JsonObject:
    if not call.body:
        return {}
    options = call.content("application/json", "application/yaml")
    conditions = options.get("preconditions") if isinstance(options, dict) else None
    return conditions if isinstance(conditions, dict) else {}
