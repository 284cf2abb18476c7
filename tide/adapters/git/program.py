"""Runs the `git` program: argument lists only, an environment of our own, time-outs, bounded concurrency."""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tide.adapters.children import bound
from tide.domain.errors import TideError, Unavailable

OLDEST_VERSION = (2, 38)
"""The first git whose `merge-tree` merges (release notes of 2.38: `--write-tree`)."""

# What the operator set for git to reach the server. GIT_DIR, GIT_INDEX_FILE and the like would lead us elsewhere.
_OPERATORS = re.compile(
    r"""(?x)
    PATH | HOME | USER | LOGNAME | TMPDIR | XDG_CONFIG_HOME | LD_LIBRARY_PATH
    | GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|PARAMETERS|COUNT|KEY_\d+|VALUE_\d+) | GIT_EXEC_PATH
    | GIT_ASKPASS | GIT_SSH | GIT_SSH_COMMAND | GIT_SSH_VARIANT
    | GIT_SSL_\w+ | GIT_PROXY_\w+ | GIT_HTTP_\w+ | GIT_ALLOW_PROTOCOL
    | SSH_AUTH_SOCK | SSL_CERT_FILE | SSL_CERT_DIR | CURL_CA_BUNDLE
    | (?i:https?_proxy|all_proxy|no_proxy)
    """
)
_OURS = {
    "LC_ALL": "C",
    "TZ": "UTC",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_AUTHOR_NAME": "tide",
    "GIT_AUTHOR_EMAIL": "tide@localhost",
    "GIT_COMMITTER_NAME": "tide",
    "GIT_COMMITTER_EMAIL": "tide@localhost",
}
_SETTINGS = (
    "commit.gpgSign=false",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
)
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a git command ended. `stderr` is free of credentials that stood in a URL."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def complaint(self) -> str:
        """The line of stderr that says most: the last `fatal:` or `error:`, else the last one."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
        return (telling or lines or [f"exit status {self.code}"])[-1][:500]


def git_environment(inherited: Mapping[str, str], kept: re.Pattern[str] = _OPERATORS) -> dict[str, str]:
    """Give the environment for git: of what is inherited the variables named by `kept`, and ours; nothing else."""
    return {name: value for name, value in inherited.items() if kept.fullmatch(name)} | _OURS


@dataclass(eq=False)
class GitProgram:
    """The `git` program of this machine; at most `processes` of it run at once.

    `surroundings` are its whole environment; None is what the operator set for git, and ours.
    """

    processes: int = 4
    surroundings: Mapping[str, str] | None = None
    _slots: asyncio.Semaphore = field(init=False, repr=False)
    _version: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.processes)

    async def version(self) -> str:
        """Give git's version, such as `2.39.5`; raise TideError when git is missing or older than 2.38."""
        if not self._version:
            finished = await self.run(["version"], patience=timedelta(seconds=30))
            self._version = usable_version(finished.stdout.decode(errors="replace"))
        return self._version

    def within(self, surroundings: Mapping[str, str]) -> "GitProgram":
        """Give the program in other surroundings; both together run no more at once than this one."""
        other = GitProgram(self.processes, surroundings)
        other._slots = self._slots
        return other

    async def run(
        self,
        arguments: Sequence[str],
        *,
        patience: timedelta,
        cwd: Path | None = None,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        held: Sequence[int] = (),
    ) -> Finished:
        """Run one git command to its end.

        `environment` is added to the surroundings; `held` are file descriptors that the process keeps open (locks that
        must outlive us if we are killed). Raise Unavailable when it takes longer than `patience` (it is killed then,
        with whatever it started), TideError when there is no git.
        """
        around = git_environment(os.environ) if self.surroundings is None else self.surroundings
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        async with self._slots:
            process = await _start(["git", *settings, *arguments], cwd, {**around, **(environment or {})}, held)
            try:
                async with bound(process), asyncio.timeout(patience.total_seconds()):
                    stdout, stderr = await process.communicate(stdin)
            except TimeoutError as error:
                raise Unavailable(
                    f"git {arguments[0]} took longer than {patience.total_seconds():.0f} seconds"
                ) from error
        text = _URL_CREDENTIALS.sub("***@", stderr.decode(errors="replace"))
        return Finished(process.returncode or 0, stdout, text)


async def _start(
    command: Sequence[str], cwd: Path | None, environment: Mapping[str, str], held: Sequence[int]
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A group of its own: git's children (git-remote-https, index-pack) go down with it.
            start_new_session=True,
            pass_fds=tuple(held),
        )
    except FileNotFoundError as error:
        raise TideError("the git program is not on PATH; git 2.38 or newer is needed") from error
    except OSError as error:
        raise Unavailable(f"git could not be started: {error.strerror}") from error


def usable_version(output: str) -> str:
    """Read the output of `git version`; raise TideError when that git is too old to merge without a work tree."""
    match = re.match(r"git version (\d+)\.(\d+)(\S*)", output)
    if not match:
        raise TideError(f"git does not tell its version: {output.strip()[:100]!r}")
    version = f"{match[1]}.{match[2]}{match[3]}"
    if (int(match[1]), int(match[2])) < OLDEST_VERSION:
        raise TideError(f"git {OLDEST_VERSION[0]}.{OLDEST_VERSION[1]} or newer is needed; this is git {version}")
    return version
