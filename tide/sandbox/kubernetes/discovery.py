"""What the API server says of itself: its version, its groups and kinds, and how to write to them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from tide.sandbox.kubernetes.problems import UnknownPath

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tide.sandbox.kubernetes.resources import JsonObject, Resource

VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.0+sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
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


def group(resources: Iterable[Resource], name: str) -> JsonObject:
    """Return one API group (``/apis/GROUP``).

    Raises:
        UnknownPath: there is no such group.
    """
    for told in groups(resources)["groups"]:
        if told["name"] == name:
            return {"kind": "APIGroup", "apiVersion": "v1", **told}
    raise UnknownPath


def kinds(resources: Iterable[Resource], api_version: str) -> JsonObject:
    """Return the kinds of a group and version (``/apis/GROUP/VERSION`` or ``/api/v1``).

    Raises:
        UnknownPath: there are none.
    """
    told = [entry for each in resources if each.api_version == api_version for entry in _entries(each)]
    if api_version == "/".join(_REVIEW):
        told.append(_REVIEWS)
    if not told:
        raise UnknownPath
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": told}


def _entries(resource: Resource) -> list[JsonObject]:
    named: JsonObject = {"name": resource.plural, "singularName": resource.singular}
    shared: JsonObject = {"namespaced": resource.namespaced, "kind": resource.kind}
    short = {"shortNames": list(resource.short_names)} if resource.short_names else {}
    status = {"name": f"{resource.plural}/status", "singularName": "", **shared, "verbs": ["get", "patch", "update"]}
    return [{**named, **shared, "verbs": _VERBS, **short}, *([status] if resource.has_status else [])]


def core_versions(url: str) -> JsonObject:
    """Return the versions of the core group (``/api``)."""
    server = {"clientCIDR": "0.0.0.0/0", "serverAddress": url.removeprefix("http://")}
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [server]}


def openapi_paths(resources: Iterable[Resource]) -> JsonObject:
    """Return where the descriptions of each group and version are (``/openapi/v3``)."""
    places = sorted({f"apis/{each.api_version}" if each.group else f"api/{each.version}" for each in resources})
    return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}"} for place in places}}


def openapi_document(resources: Sequence[Resource], schemas: Mapping[str, Any], place: str) -> JsonObject:
    """Describe one group and version in OpenAPI 3 (``/openapi/v3/apis/GROUP/VERSION``).

    Args:
        resources: all kinds.
        schemas: what is known of their fields, by qualified name.
        place: ``apis/GROUP/VERSION`` or ``api/VERSION``.

    Raises:
        UnknownPath: there is nothing of that group and version.
    """
    meant = [each for each in resources if place in {f"apis/{each.api_version}", f"api/{each.api_version}"}]
    if not meant:
        raise UnknownPath
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": {_path(each): _operations(each) for each in meant},
        "components": {"schemas": {_model(each): _described(each, schemas) for each in meant}},
    }


def swagger(resources: Iterable[Resource]) -> JsonObject:
    """Describe everything in OpenAPI 2 (``/openapi/v2``), as far as clients without OpenAPI 3 need it."""
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": {_path(each): _operations(each) for each in resources},
        "definitions": {},
    }


def _path(resource: Resource) -> str:
    place = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    return f"{place}{'/namespaces/{namespace}' if resource.namespaced else ''}/{resource.plural}/{{name}}"


def _operations(resource: Resource) -> JsonObject:
    # kubectl leaves validation to servers whose patch knows this (cli-runtime: resource/query_param_verifier_v3.go).
    validation = {"name": "fieldValidation", "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    responses = {"200": {"description": "OK"}}
    named = _named(resource)
    return {"patch": {"parameters": [validation], "responses": responses, "x-kubernetes-group-version-kind": named}}


def _described(resource: Resource, schemas: Mapping[str, Any]) -> JsonObject:
    schema = {"type": "object"} | dict(schemas.get(resource.qualified, {}))
    return schema | {"x-kubernetes-group-version-kind": [_named(resource)]}


def _named(resource: Resource) -> JsonObject:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _model(resource: Resource) -> str:
    turned = ".".join(reversed(resource.group.split("."))) or "io.k8s.api.core"
    return f"{turned}.{resource.version}.{resource.kind}"
