"""Runs the ``git`` program with an environment of our own: no configuration, identity or helper of the host."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from tide.adapters.children import bound
from tide.domain.errors import TideError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WEB_FLOW_NAME = "GitHub"
WEB_FLOW_EMAIL = "noreply@github.com"
"""Committer of whatever GitHub commits itself (account ``web-flow``)."""


class GitFailedError(RuntimeError):
    """git ended with an error."""

    def __init__(self, arguments: Sequence[str], code: int, stderr: str) -> None:
        super().__init__(f"git {' '.join(arguments[:3])} exited {code}: {stderr.strip()}")
        self.code = code
        self.stderr = stderr


def git_environment(**extra: str) -> dict[str, str]:
    """Return a clean environment for git with the web-flow identity, plus ``extra``."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_AUTHOR_NAME": WEB_FLOW_NAME,
        "GIT_AUTHOR_EMAIL": WEB_FLOW_EMAIL,
        "GIT_COMMITTER_NAME": WEB_FLOW_NAME,
        "GIT_COMMITTER_EMAIL": WEB_FLOW_EMAIL,
        **extra,
    }


async def run_git(
    arguments: Sequence[str],
    *,
    cwd: Path,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    accept: frozenset[int] = frozenset({0}),
) -> tuple[int, bytes]:
    """Run git and return its exit code and standard output.

    Raises:
        GitFailedError: the exit code is not among ``accept``.
        TideError: there is no git.
    """
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
    process = await start_git(arguments, cwd=cwd, env=git_environment(**(environment or {})), **pipes)
    async with bound(process):
        stdout, stderr = await process.communicate(stdin)
    code = process.returncode or 0
    if code not in accept:
        raise GitFailedError(arguments, code, stderr.decode(errors="replace"))
    return code, stdout


async def start_git(arguments: Sequence[str], **options: Any) -> asyncio.subprocess.Process:
    """Start git with these options of ``asyncio.create_subprocess_exec``; a terminal's Ctrl-C does not reach it.

    Raises:
        TideError: there is no git.
    """
    try:
        return await asyncio.create_subprocess_exec("git", *arguments, start_new_session=True, **options)
    except FileNotFoundError as error:
        raise TideError(f"git could not be started: {error}") from error
