"""Kubernetes manifests as `kubectl kustomize` renders them, and judged without a cluster."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube.codecs import from_dict

from tests.programs import ROOT

KUSTOMIZE = ROOT / "deploy" / "kustomize"
PROW = ROOT / "tests" / "prow"

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl on PATH")

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Manifests:
    """What is rendered, in order."""

    items: tuple[Manifest, ...]

    def one(self, kind: str, name: str = "tide") -> Manifest:
        """Give the only one of a kind and name."""
        (found,) = (item for item in self.items if (item["kind"], item["metadata"]["name"]) == (kind, name))
        return found

    def of(self, *kinds: str) -> list[Manifest]:
        """Give all of some kinds."""
        return [item for item in self.items if item["kind"] in kinds]

    @property
    def container(self) -> Manifest:
        """The only container of tide's Deployment."""
        (found,) = self.one("Deployment")["spec"]["template"]["spec"]["containers"]
        assert isinstance(found, dict)
        return found


def rendered(directory: Path) -> Manifests:
    """Render a kustomization."""
    made = subprocess.run(["kubectl", "kustomize", str(directory)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return Manifests(tuple(yaml.safe_load_all(made.stdout)))


def rendered_with(place: Path, resource: Path, *components: str, **more: Any) -> Manifests:
    """Render a kustomization of our own, made in `place`: a resource with components of ours over it."""
    content: Mapping[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(resource, place)],
        "components": [os.path.relpath(KUSTOMIZE / component, place) for component in components],
        **more,
    }
    (place / "kustomization.yaml").write_text(yaml.safe_dump(content))
    return rendered(place)


def objections(manifest: Manifest) -> Sequence[str]:
    """Compare a manifest with Kubernetes' own description of its kind; give what does not fit.

    The models of lightkube are made from that description: a wrong type or a missing field raises, and an unknown
    field is gone when the model is written out again. What a field may say beyond its type is not looked at.
    """
    try:
        understood = from_dict(manifest).to_dict()  # type: ignore[no-untyped-call] # lightkube leaves it untyped
    except Exception as error:  # noqa: BLE001 - msgspec's and lightkube's errors have nothing else in common
        return [str(error)]
    return [f"{path}: not understood" for path in _missing(manifest, understood, "$")]


def _missing(given: Any, understood: Any, path: str) -> list[str]:
    """List the places where something that was given is missing or different in what was understood."""
    if isinstance(given, dict) and isinstance(understood, dict):
        return [gap for key in given for gap in _missing(given[key], understood.get(key), f"{path}.{key}")]
    if isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        pairs = enumerate(zip(given, understood, strict=True))
        return [gap for index, (one, other) in pairs for gap in _missing(one, other, f"{path}[{index}]")]
    return [] if given == understood else [path]
