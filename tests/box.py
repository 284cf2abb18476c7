"""What a container engine does, without one: our image's user and environment over a read-only root.

It takes root, and a kernel that lets root make mount namespaces.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.programs import ROOT

CONTAINERFILE = ROOT / "deploy" / "Containerfile"
IMAGE_USER = 65532
DATA = "/var/lib/tide"
_SCRIPT = Path(__file__).with_name("box.sh")
_PROGRAMS = ("chroot", "mount", "openssl", "setpriv", "unshare")
_TRIAL = ("unshare", "--mount", "--net", "mount", "-t", "tmpfs", "none", "/mnt")


def _is_possible() -> bool:
    if not all(map(shutil.which, _PROGRAMS)):
        return False
    return subprocess.run(_TRIAL, capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not _is_possible(), reason="no container can be made here: that takes root, namespaces and util-linux"
)


def instructions(name: str) -> list[str]:
    """Give the arguments of all instructions of one name in the image's last stage, continued lines joined."""
    last_stage = CONTAINERFILE.read_text().replace("\\\n", " ").rpartition("\nFROM ")[2]
    return re.findall(rf"^{name}\s+(.*)$", last_stage, re.MULTILINE)


def image_environment(programs: Path) -> dict[str, str]:
    """Give the environment of a container of our image; `programs` is where tide is."""
    pairs = [word.partition("=") for line in instructions("ENV") for word in shlex.split(line)]
    given = {name: value for name, _, value in pairs}
    return given | {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin"}


@dataclass(frozen=True)
class Box:
    """A container to be: `etc` may be added to until it starts, `mounts` are more places in it to read from."""

    place: Path
    programs: Path
    mounts: Mapping[Path, Path] = field(default_factory=dict)
    user: int = IMAGE_USER
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def etc(self) -> Path:
        """What becomes /etc."""
        return self.place / "etc"

    @property
    def data(self) -> Path:
        """What becomes the data directory, open to the group of root alone, as in the image."""
        return self.place / "data"

    def prepared(self, *, has_name: bool = True, hosts: str = "127.0.0.1 localhost\n") -> "Box":
        """Make its directories; with `has_name` the user stands in /etc/passwd."""
        (self.place / "root").mkdir()
        self.etc.mkdir()
        self.data.mkdir()
        self.data.chmod(0o770)
        users = ["root:x:0:0:root:/root:/bin/sh"]
        users += [f"tide:x:{self.user}:0:tide:{DATA}:/usr/sbin/nologin"] if has_name else []
        (self.etc / "passwd").write_text("\n".join([*users, ""]))
        (self.etc / "group").write_text("root:x:0:\n")
        (self.etc / "hosts").write_text(hosts)
        (self.etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        cache = Path("/etc/ld.so.cache")
        if cache.exists():
            (self.etc / cache.name).write_bytes(cache.read_bytes())
        return self

    def command(self, *command: str | Path) -> list[str]:
        """Give the command that runs another one inside."""
        python = {Path(prefix): Path(prefix) for prefix in (sys.base_prefix, sys.prefix)}
        mounts = sorted((python | dict(self.mounts)).items())
        shared = [str(word) for inside, outside in mounts for word in (inside, outside, "r")]
        environment = image_environment(self.programs) | dict(self.environment)
        variables = [f"{name}={value}" for name, value in environment.items()]
        where = [str(self.place / "root"), str(self.etc), str(self.user), *shared, DATA, str(self.data), "w"]
        inside = ["env", "--ignore-environment", *variables, *map(str, command)]
        return ["unshare", "--mount", "sh", str(_SCRIPT), *where, "--", *inside]

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end."""
        return subprocess.run(self.command(*command), capture_output=True, text=True, check=False, timeout=120)
