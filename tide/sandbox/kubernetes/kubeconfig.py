"""The file by which clients find the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "sandbox"


def write_kubeconfig(path: Path, url: str, token: str, namespace: str = "default") -> None:
    """Write a kubeconfig that only its owner can read.

    Args:
        path: the file; one that is there is replaced.
        url: where the API server is, ``http://127.0.0.1:PORT``.
        token: the bearer token.
        namespace: what clients take if none is named.
    """
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _NAME, "cluster": {"server": url}}],
        "users": [{"name": _NAME, "user": {"token": token}}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME, "namespace": namespace}}],
        "current-context": _NAME,
    }
    # Made anew, so that nobody who has the old one open reads the new token.
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(yaml.safe_dump(content))
