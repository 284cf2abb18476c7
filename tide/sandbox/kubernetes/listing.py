"""Lists of objects, whole or in pages that show one moment."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from tide.sandbox.kubernetes.problems import BadRequest, Expired, continue_expired

if TYPE_CHECKING:
    from tide.sandbox.kubernetes.call import Call
    from tide.sandbox.kubernetes.objects import ApiObjects, Stored, View
    from tide.sandbox.kubernetes.resources import JsonObject
    from tide.sandbox.kubernetes.selectors import Selector


@dataclass(frozen=True)
class Page:
    """Some objects of a list, and the list's metadata."""

    items: list[Stored]
    metadata: JsonObject


def read_page(objects: ApiObjects, call: Call) -> Page:
    """Return what a list request asks for (apiserver: pkg/storage/etcd3/store.go GetList).

    Raises:
        BadRequest: its options are no good.
        Expired: the list it goes on with is from before the history.
    """
    token = call.query.get("continue", "")
    revision, start = _read_token(token) if token else (None, "")
    try:
        view = objects.view(call.scope, revision)
    except Expired:
        raise continue_expired() from None
    return _page(view, call.selector, start, call.number("limit"))


def _page(view: View, selector: Selector, start: str, limit: int) -> Page:
    found = (stored for stored in view.after(start) if not selector.chooses or selector.fits(stored))
    metadata: JsonObject = {"resourceVersion": str(view.revision)}
    if not limit:
        return Page(list(found), metadata)
    items = list(islice(found, limit + 1))
    if len(items) > limit:
        items.pop()
        metadata["continue"] = _token(view.revision, items[-1].key)
    return Page(items, metadata)


def _token(revision: int, start: str) -> str:
    content = {"v": "meta.k8s.io/v1", "rv": revision, "start": f"{start}\0"}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, str]:
    try:
        content = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(content["rv"]), str(content["start"]).removesuffix("\0")
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"continue key is not valid: {error}") from error
