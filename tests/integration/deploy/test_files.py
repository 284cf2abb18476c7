"""The manifests of `deploy/kustomize` as they stand in their files, where there is no kubectl to put them together."""

from typing import Any

import pytest
import yaml

from tests.manifests import KUSTOMIZE, objections

PARTIAL = {"Kustomization", "Component"}


def whole() -> list[tuple[str, dict[str, Any]]]:
    """List every object that is applied as it stands; patches are not, and say only what they change."""
    files = [*KUSTOMIZE.glob("base/*.yaml"), *KUSTOMIZE.glob("overlays/*/*.yaml")]
    found = [(path, item) for path in sorted(files) for item in yaml.safe_load_all(path.read_text())]
    return [(f"{path.name}:{item['kind']}", item) for path, item in found if item["kind"] not in PARTIAL]


@pytest.mark.parametrize(("name", "manifest"), whole(), ids=lambda given: given if isinstance(given, str) else "")
def test_kubernetes_knows_every_field(name: str, manifest: dict[str, Any]) -> None:
    assert objections(manifest) == [], name


def test_what_is_applied_is_found() -> None:
    kinds = {manifest["kind"] for _, manifest in whole()}
    assert kinds >= {
        "Deployment",
        "PodDisruptionBudget",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
        "StatefulSet",
    }
