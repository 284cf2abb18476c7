"""The kinds of object that the API server knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JsonObject = dict[str, Any]
"""What JSON calls an object: of what came from outside no more is known."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One kind of object and where it is served.

    Args:
        group: the API group, empty for the core.
        version: the one version that is served.
        plural: the name in paths.
        singular: the name people may use for one.
        kind: the name in objects.
        namespaced: whether objects live in namespaces.
        short_names: shorter names that people may use.
    """

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name in messages (apimachinery: schema.GroupResource.String)."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """The kind in messages (apimachinery: schema.GroupKind.String)."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


PROWJOBS = Resource(group="prow.k8s.io", version="v1", plural="prowjobs", singular="prowjob", kind="ProwJob")
NAMESPACES = Resource(
    group="",
    version="v1",
    plural="namespaces",
    singular="namespace",
    kind="Namespace",
    namespaced=False,
    short_names=("ns",),
)
DEFINITIONS = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    singular="customresourcedefinition",
    kind="CustomResourceDefinition",
    namespaced=False,
    short_names=("crd", "crds"),
)
