"""Kills every process of an account at once: no process that forks meanwhile is missed (kill(2), -1).

Run by its path as root with `python -I -S ACCOUNT KILLER`. It kills as the account, but is another user itself, so that
nothing of the account can kill it first.
"""

import os
import signal
import sys
from contextlib import suppress


def _main() -> None:
    account, killer = map(int, sys.argv[1:])
    os.setgroups([])
    os.setresgid(killer, killer, killer)
    os.setresuid(killer, account, killer)
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


if __name__ == "__main__":
    _main()
