"""What the API server says of itself: its groups, and the kinds in each."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from tide.sandbox.kubernetes.problems import UnknownPath

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tide.sandbox.kubernetes.resources import JsonObject, Resource

_VERBS = ["create", "delete", "get", "list", "patch", "watch"]
_REVIEW = ("authorization.k8s.io", "v1")
_REVIEWS: JsonObject = {
    "name": "selfsubjectaccessreviews",
    "singularName": "selfsubjectaccessreview",
    "namespaced": False,
    "kind": "SelfSubjectAccessReview",
    "verbs": ["create"],
}


def groups(resources: Iterable[Resource]) -> JsonObject:
    """Return the list of API groups (``/apis``)."""
    named = sorted({(each.group, each.version) for each in resources if each.group} | {_REVIEW})
    listed = [_group(group, versions) for group, versions in groupby(named, key=lambda pair: pair[0])]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def _group(group: str, versions: Iterable[tuple[str, str]]) -> JsonObject:
    told = [{"groupVersion": f"{group}/{version}", "version": version} for _, version in versions]
    return {"name": group, "versions": told, "preferredVersion": told[0]}


def kinds(resources: Iterable[Resource], api_version: str) -> JsonObject:
    """Return the kinds of a group and version (``/apis/GROUP/VERSION`` or ``/api/v1``).

    Raises:
        UnknownPath: there are none.
    """
    told = [_entry(each) for each in resources if each.api_version == api_version]
    if api_version == "/".join(_REVIEW):
        told.append(_REVIEWS)
    if not told:
        raise UnknownPath
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": told}


def _entry(resource: Resource) -> JsonObject:
    short = {"shortNames": list(resource.short_names)} if resource.short_names else {}
    return {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _VERBS,
        **short,
    }


def core_versions(url: str) -> JsonObject:
    """Return the versions of the core group (``/api``)."""
    server = {"clientCIDR": "0.0.0.0/0", "serverAddress": url.removeprefix("http://")}
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [server]}
