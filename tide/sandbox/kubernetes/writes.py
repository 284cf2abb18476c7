"""Creating, changing and deleting objects, by the rules of their kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tide.sandbox.kubernetes.metadata import metadata_causes
from tide.sandbox.kubernetes.patches import merged
from tide.sandbox.kubernetes.problems import BadRequest, invalid
from tide.sandbox.kubernetes.schema import pruned, schema_causes

if TYPE_CHECKING:
    from tide.sandbox.kubernetes.call import Call
    from tide.sandbox.kubernetes.kinds import Kind
    from tide.sandbox.kubernetes.resources import JsonObject

MERGE_PATCH = "application/merge-patch+json"


class Writes:
    """What changes the objects of one kind.

    Args:
        kind: the objects, and what is asked of them.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._objects = kind.objects

    def create(self, call: Call) -> JsonObject:
        """Add the object that the body describes.

        Raises:
            ApiProblem: the body, the name or a field is no good, or the name is taken.
        """
        content = call.described()
        metadata = content.setdefault("metadata", {})
        self._place(call, metadata)
        if metadata.get("resourceVersion"):
            raise BadRequest("resourceVersion should not be set on objects to be created")
        return self._objects.create(self._checked(content))

    def patch(self, call: Call) -> JsonObject:
        """Change an object as the body, a merge patch, says.

        Raises:
            ApiProblem: the patch or a field is no good, there is none of that name, or it was changed meanwhile.
        """
        patch = call.content(MERGE_PATCH)
        content = merged(self._objects.get(call.namespace, call.name), patch)
        if not isinstance(content, dict) or not isinstance(content.get("metadata"), dict):
            raise BadRequest("the patched object is none")
        self._place(call, content["metadata"])
        return self._objects.replace(self._checked(content))

    def delete(self, call: Call) -> JsonObject:
        """Take an object away; give it as it was last.

        Raises:
            NotFound: there is none of that name.
        """
        return self._objects.delete(call.namespace, call.name)

    def _place(self, call: Call, metadata: JsonObject) -> None:
        if metadata.setdefault("namespace", call.namespace) != call.namespace:
            raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
        if not call.namespace:
            del metadata["namespace"]
        if call.name and metadata.setdefault("name", call.name) != call.name:
            raise BadRequest(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({call.name})"
            )

    def _checked(self, content: JsonObject) -> JsonObject:
        resource, schema = self._objects.resource, self._kind.schema
        kept = pruned(content, schema)
        causes = [*metadata_causes(resource, kept["metadata"]), *schema_causes(kept, schema)]
        if causes:
            raise invalid(resource, kept["metadata"].get("name", ""), causes)
        return self._kind.completed(kept)
