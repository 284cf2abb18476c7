"""What an account leaves outside of its work tree: files where everybody may put some, and System V's IPC."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_ROOMS = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock")))  # noqa: S108 - to clean them
_IPC = {"shm": ("shmid", "--shmem-id"), "sem": ("semid", "--semaphore-id"), "msg": ("msqid", "--queue-id")}
_AT_ONCE = 500


def remove(account: int) -> list[str]:
    """Remove what an account without processes has left around; give what is still there.

    Only what lies in a room itself is looked for, not what lies in other people's directories there.
    """
    paths = [str(path) for path in files_of(account)]
    for start in range(0, len(paths), _AT_ONCE):
        _run("rm", "-rf", "--", *paths[start : start + _AT_ONCE])
    for option, number in _objects_of(account):
        _run("ipcrm", option, number)
    return [str(path) for path in files_of(account)] + [" ".join(found) for found in _objects_of(account)]


def files_of(account: int) -> Iterator[Path]:
    """List what an account has where everybody may put files."""
    for room in _ROOMS:
        try:
            with os.scandir(room) as entries:
                yield from (Path(entry.path) for entry in entries if _owner(entry) == account)
        except OSError:
            continue


def _owner(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except OSError:
        return None


def _objects_of(account: int) -> Iterator[tuple[str, str]]:
    """List System V's objects of an account, as `ipcrm` names them (proc_sysvipc(5))."""
    for kind, (column, option) in _IPC.items():
        try:
            names, *rows = Path("/proc/sysvipc", kind).read_text().splitlines()
        except (OSError, ValueError):
            continue
        for row in rows:
            fields = dict(zip(names.split(), row.split(), strict=False))
            if str(account) in {fields.get("uid"), fields.get("cuid")}:
                yield option, fields[column]


def _run(*command: str) -> None:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    subprocess.run(command, env=environment, cwd="/", check=False, capture_output=True)  # noqa: S603 - no shell
