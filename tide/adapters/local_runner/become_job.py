"""Becomes a job: takes its account and its limits, and then runs its command in its own environment.

Run by its path with `python -I -S`, as whoever the daemon is. The orders come by standard input, so that no variable of
the job's (LD_PRELOAD) has a meaning before there is nothing left to win. Why a command cannot be run is written to the
descriptor that the only argument names.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38  # prctl(2): no program of the system's makes it another user again (sudo, su)
_USUAL_FILES = 1024  # what programs expect that close all that could be open, or use select(2)
_NOT_RUN = 127


def _main() -> None:
    told = int(sys.argv[1])
    os.set_inheritable(told, False)  # noqa: FBT003 - positional only
    try:
        orders = json.load(sys.stdin.buffer)
        _read_nothing_more()
        # Where memory runs out, the kernel ends a job before the daemon and its database (proc_pid_oom_score_adj(5)).
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
        _limit(orders["rlimits"])
        if orders["account"] is not None:
            _become(orders["account"])
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)  # Python ignores these
        os.execve(orders["program"], orders["command"], orders["environment"])  # noqa: S606 - a job is a program
    except (OSError, ValueError) as error:
        os.write(told, str(getattr(error, "strerror", None) or error).encode())
        os._exit(_NOT_RUN)


def _read_nothing_more() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _become(account: int) -> None:
    os.setgroups([])
    os.setresgid(account, account, account)
    os.setresuid(account, account, account)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _limit(rlimits: dict[str, int]) -> None:
    for name, value in rlimits.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (most, most))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft > _USUAL_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_USUAL_FILES, hard))


if __name__ == "__main__":
    _main()
