"""What strangers have made, handled by coreutils: trees of any depth, whatever their permissions.

Python's own `shutil.rmtree` and `os.walk` recurse (to 3.12, and to 3.11), and what lies deeper than 4,096 bytes of path
has no name at all.
"""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tide.adapters.children import bound, end_of

_PATIENCE = timedelta(minutes=30)
_KIB = 1024
_AT_ONCE = 500  # paths in one command
_LONGEST_COMPLAINT = 300


async def remove(path: Path) -> bool:
    """Remove a file or a tree; tell whether nothing is left of it. It is given up when we are cancelled."""
    # What may not be entered is opened where that has to be; links are not followed.
    for command in (("rm", "-rf"), ("chmod", "-R", "u+rwx"), ("rm", "-rf")):
        if _is_there(path):
            await _run(*command, "--", str(path))
    return not _is_there(path)


async def give(path: Path, account: int) -> str:
    """Give a tree to a user and the group of the same number; give what went wrong, or ""."""
    code, _, complaint = await _run("chown", "-R", "-h", f"{account}:{account}", "--", str(path))
    return complaint or f"exit status {code}" if code else ""


async def disk_usage(paths: Sequence[Path], enough: int) -> int:
    """Count the bytes of disk that trees use, each on its own filesystem; no further than to more than `enough`."""
    total = 0
    for start in range(0, len(paths), _AT_ONCE):
        some = map(str, paths[start : start + _AT_ONCE])
        _, told, _ = await _run("du", "-skxc", "--", *some)
        with contextlib.suppress(ValueError, IndexError):
            total += int(told.splitlines()[-1].split()[0]) * _KIB
        if total > enough:
            break
    return total


async def _run(*command: str) -> tuple[int, str, str]:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=null, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        return 1, "", f"{command[0]}: {error.strerror}"
    try:
        async with bound(process), asyncio.timeout(_PATIENCE.total_seconds()):
            # There may be a line for every file: the end is enough.
            ends = (end_of(stream, _LONGEST_COMPLAINT) for stream in (process.stdout, process.stderr))
            told, complaints = [end.decode(errors="replace").strip() for end in await asyncio.gather(*ends)]
            return await process.wait(), told, complaints
    except TimeoutError:
        return 1, "", f"{command[0]} took longer than {_PATIENCE}"


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)
