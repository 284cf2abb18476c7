"""The accounts that jobs run as when we are root: one for each running job, on the whole host.

They have no entry in /etc/passwd. The numbers lie below those that systemd hands out (from 60,001 on), above those that
people get, and within the 65,536 that a container may have. One that anybody else has is passed over.
"""

import fcntl
import grp
import logging
import os
import pwd
import secrets
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from tide.adapters.local_runner import remains
from tide.adapters.local_runner.processes import bury, processes_of
from tide.domain.errors import TideError

log = logging.getLogger(__name__)

_FIRST, _NUMBER = 58_000, 500
_ACCOUNTS = range(_FIRST, _FIRST + _NUMBER)
_PATIENCE = 10.0  # seconds for killed processes to leave
_PAUSE = 0.02
_KILLER = Path(__file__).with_name("end_account.py")
_CLAIMS = Path("/run/tide-jobs")
"""Where all daemons of a host say which accounts they use; it ends with the host's processes."""


_TRY = "import os, sys; n = int(sys.argv[1]); os.setgroups([]); os.setresgid(n, n, n); os.setresuid(n, n, n)"


class NoAccountError(TideError):
    """No account can be had for a job; the text says why."""


@dataclass(slots=True)
class Claim:
    """An account that is ours. It is also the number of its group; `handle` holds the lock on its file.

    As long as anything of the account may be left, also when we are killed, the file says which work tree is its own.
    """

    account: int
    handle: BinaryIO

    def end(self) -> bool:
        """End every process of the account, remove what it has left around, and shut its work tree.

        Tell whether the next one with this account finds nothing of it. Nobody may wait for one of the processes any
        more (see `processes.bury`).
        """
        if not _ended(self.account):
            log.warning("processes of the job account %d do not end", self.account)
            return False
        for left in remains.remove(self.account):
            log.warning("what the job account %d has left cannot be removed: %s", self.account, left)
        if trouble := self._shut():
            log.warning("the work tree of the job account %d cannot be taken from it: %s", self.account, trouble)
            return False
        self.handle.truncate(0)
        return True

    def release(self) -> None:
        """Let others have the account; one that has not ended stays marked."""
        self.handle.close()

    def _take(self, home: Path) -> bool:
        """Mark the account as used; tell whether it is to be had: nobody else's, and nothing left of a killed owner."""
        was_ours = bool(self.handle.read(1))
        if not (self.end() if was_ours else _is_free(self.account)):
            return False
        self.handle.write(os.fsencode(home.absolute()))
        self.handle.flush()
        return True

    def _shut(self) -> str:
        """Let nobody but us into the work tree, which may be another daemon's; give what went wrong, or ""."""
        self.handle.seek(0)
        home = Path(os.fsdecode(self.handle.read()))
        if not home.is_absolute():
            return ""
        try:
            directory = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            return f"{home}: {error.strerror}"
        try:
            os.fchown(directory, os.geteuid(), os.getegid())
            os.fchmod(directory, 0o700)
        except OSError as error:
            return f"{home}: {error.strerror}"
        finally:
            os.close(directory)
        return ""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of this host; `claims` is a directory that only root may write to."""

    claims: Path = _CLAIMS

    def claim(self, home: Path) -> Claim:
        """Take an account that nobody has, for a job with its work tree in `home`; raise NoAccountError without any."""
        # Not always the first: what a job has left where we do not look is not the next one's.
        start = secrets.randbelow(_NUMBER)
        for offset in range(_NUMBER):
            claim = self._locked(_FIRST + (start + offset) % _NUMBER)
            if claim is None:
                continue
            if claim._take(home):  # noqa: SLF001 - of this module
                return claim
            claim.release()
        raise NoAccountError(f"none of the users {_FIRST} to {_FIRST + _NUMBER - 1} is free")

    def check(self, place: Path) -> None:
        """Find out whether jobs can run as these accounts, with work trees in `place`.

        A container may have less than root of the host: its own numbers, or none of the capabilities.

        Raises:
            NoAccountError: they cannot; one line.
        """
        try:
            self.claims.mkdir(mode=0o700, exist_ok=True)
            with TemporaryFile(dir=self.claims):
                pass
        except OSError as error:
            raise self._unusable(error) from error
        for number in (_FIRST, _killer_of(_FIRST + _NUMBER - 1)):
            command = [sys.executable, "-I", "-S", "-c", _TRY, str(number)]
            tried = subprocess.run(command, env={}, cwd="/", check=False, capture_output=True)  # noqa: S603 - ours
            if tried.returncode:
                why = tried.stderr.decode(errors="replace").strip().rpartition("] ")[2]
                raise NoAccountError(f"jobs cannot run as the user {number}, as those of root do: {why}")
            try:
                with TemporaryFile(dir=place) as file:
                    os.fchown(file.fileno(), number, number)
            except OSError as error:
                why = f"files in {place} cannot be handed over to the user {number}: {error.strerror}"
                raise NoAccountError(f"jobs cannot run as users of their own, as those of root do: {why}") from error

    def end_leftovers(self) -> None:
        """End what is left of accounts whose daemon was killed; raise NoAccountError where that cannot be known."""
        try:
            used = [file.name for file in self.claims.glob("[0-9]*") if file.stat().st_size]
        except OSError as error:
            raise self._unusable(error) from error
        for account in set(map(str, _ACCOUNTS)) & set(used):
            if claim := self._locked(int(account)):
                claim.end()
                claim.release()

    def _unusable(self, error: OSError) -> NoAccountError:
        return NoAccountError(f"{self.claims} cannot be used: {error.strerror}")

    def _locked(self, account: int) -> Claim | None:
        try:
            self.claims.mkdir(mode=0o700, exist_ok=True)
            handle = (self.claims / str(account)).open("a+b")
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return None
        handle.seek(0)
        return Claim(account, handle)


def _is_free(account: int) -> bool:
    """Tell whether no user, no group and no process of this host has a number, nor that of its killer."""
    for number in (account, _killer_of(account)):
        with suppress(KeyError):
            pwd.getpwuid(number)
            return False
        with suppress(KeyError):
            grp.getgrgid(number)
            return False
    return not processes_of(account, _killer_of(account))


def _killer_of(account: int) -> int:
    return account + _NUMBER


def _ended(account: int) -> bool:
    """Kill all processes of an account; tell whether they are gone, but for those that nobody has waited for."""
    command = [sys.executable, "-I", "-S", str(_KILLER), str(account), str(_killer_of(account))]
    subprocess.run(command, env={}, cwd="/", check=False, capture_output=True)  # noqa: S603 - ours, without a shell
    # From here on all of them are dying, and none can have begun.
    deadline = time.monotonic() + _PATIENCE
    while (left := processes_of(account)) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    bury(account)
    return not left
