"""The pod of Prow's own tide Deployment, as a kubelet would set it up for our image, in a box."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.box import Box
from tests.manifests import PROW

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_VERSION = "..2026_11_22_20_33_07.1508942630"


def project(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a ConfigMap or Secret as the kubelet does it (volume/util/atomic_writer.go).

    They lie in a directory with the time in its name; `..data` leads to it, and a link of each file's name to `..data`.
    """
    version = directory / _VERSION
    version.mkdir(parents=True)
    for name, content in files.items():
        (version / name).write_bytes(content)
        (directory / name).symlink_to(Path("..data", name))
    (directory / "..data").symlink_to(_VERSION)


@dataclass(frozen=True)
class ProwPod:
    """What Prow's Deployment says of its only container."""

    args: list[str]
    mounts: Mapping[str, str]

    @classmethod
    def read(cls) -> "ProwPod":
        """Read the Deployment; `mounts` are the places inside by the names of ConfigMaps and Secrets."""
        spec: dict[str, Any] = yaml.safe_load((PROW / "tide_deployment.yaml").read_text())["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        paths = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        sources = {volume["name"]: volume.get("configMap") or volume["secret"] for volume in spec["volumes"]}
        names = {name: source.get("name") or source["secretName"] for name, source in sources.items()}
        return cls(container["args"], {names[name]: path for name, path in paths.items()})

    def fill(self, box: Box, objects: Mapping[str, Mapping[str, bytes]]) -> None:
        """Mount the ConfigMaps and Secrets, all of which are below /etc."""
        assert objects.keys() == self.mounts.keys()
        for name, files in objects.items():
            project(box.etc / os.path.relpath(self.mounts[name], "/etc"), files)
