"""Prow's own tide Deployment, with our image swapped in and Prow's swapped back."""

import subprocess
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from tests.manifests import KUSTOMIZE, PROW, Manifests, needs_kubectl, rendered, rendered_with

pytestmark = needs_kubectl


@pytest.fixture(scope="module")
def prow() -> Manifests:
    """Prow's own."""
    return rendered(PROW)


def with_image(manifests: Manifests, image: str) -> Manifests:
    """Give a copy with another image in the Deployment."""
    copy = deepcopy(manifests)
    copy.container["image"] = image
    return copy


def test_swapping_in_changes_the_image_and_nothing_else(prow: Manifests, tmp_path: Path) -> None:
    swapped = rendered_with(tmp_path, PROW, "prow/swap-in")
    assert swapped.container["image"] == "tide:0.1.0"
    assert with_image(swapped, prow.container["image"]) == prow


def test_the_image_may_lie_elsewhere(tmp_path: Path) -> None:
    place = {"name": "tide", "newName": "registry.example.com/tide", "newTag": "9.9"}
    swapped = rendered_with(tmp_path, PROW, "prow/swap-in", images=[place])
    assert swapped.container["image"] == "registry.example.com/tide:9.9"


def test_swapping_back_gives_what_there_was(prow: Manifests, tmp_path: Path) -> None:
    assert rendered_with(tmp_path, PROW, "prow/swap-in", "prow/swap-back") == prow


@pytest.mark.parametrize("patch", ["swap-in", "swap-back"])
def test_the_patches_fit_also_without_kustomize(prow: Manifests, tmp_path: Path, patch: str) -> None:
    deployment = tmp_path / "deployment.yaml"
    deployment.write_text(yaml.safe_dump(prow.one("Deployment")))
    command = ["kubectl", "patch", "--local", "--output=yaml", f"--filename={deployment}"]
    path = KUSTOMIZE / "prow" / patch / "image.yaml"
    patched = subprocess.run([*command, f"--patch-file={path}"], capture_output=True, text=True, check=True).stdout
    swapped = Manifests((yaml.safe_load(patched),))
    (container,) = yaml.safe_load(path.read_text())["spec"]["template"]["spec"]["containers"]
    assert swapped.container["image"] == container["image"]
    assert with_image(swapped, prow.container["image"]).items == (prow.one("Deployment"),)


def test_a_database_is_given_without_touching_the_arguments(prow: Manifests, tmp_path: Path) -> None:
    swapped = rendered_with(tmp_path, PROW, "prow/swap-in", "prow/database")
    assert {variable["name"] for variable in swapped.container.pop("env")} == {"TIDE_DATABASE_URL", "PGPASSWORD"}
    assert with_image(swapped, prow.container["image"]) == prow
