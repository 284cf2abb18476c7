"""The test suite of the sandbox's repositories: what their code says, and when a job fails on it.

A repository's code are its files `parts/*.part`, one statement a line:

    provides NAME          the code offers NAME
    needs NAME             the code fails where nobody offers NAME
    breaks JOB             JOB fails
    flakes JOB PERCENT     JOB fails in so many of a hundred runs

The jobs run `SCRIPT` for real, in a shell, in a checkout. `failures` says the same of the files alone, flakes left
out: it is the judge that does not trust the runs.
"""

from collections.abc import Mapping

SCRIPT_PATH = "ci/check.sh"

SCRIPT = r"""#!/bin/sh
# Checks the parts in this checkout.  usage: check.sh JOB [SECONDS]
set -u
job=$1
sleep "${2:-0}"
roll=$(($(printf %s "${PROW_JOB_ID:-$job}" | cksum | cut -d' ' -f1) % 100))
exec awk -v job="$job" -v roll="$roll" '
  $1 == "provides" { offered[$2] = 1 }
  $1 == "needs" { wanted[$2] = FILENAME }
  $1 == "breaks" && $2 == job { print FILENAME ": breaks " job; failed = 1 }
  $1 == "flakes" && $2 == job && roll < $3 { print FILENAME ": flaked (" roll " of " $3 ")"; failed = 1 }
  END {
    for (name in wanted) if (!(name in offered)) {
      print wanted[name] ": needs " name ", which nobody provides"
      failed = 1
    }
    if (!failed) print job ": all is well"
    exit failed
  }' parts/*.part
"""


def is_part(path: str) -> bool:
    """Tell whether a path is one that the suite reads."""
    directory, _, name = path.rpartition("/")
    return directory == "parts" and name.endswith(".part")


def failures(files: Mapping[str, str], jobs: frozenset[str]) -> tuple[str, ...]:
    """Say why these jobs fail on a tree (path -> text), one sentence each; empty when all pass."""
    statements = [
        (path, *line.split())
        for path, text in sorted(files.items())
        if is_part(path)
        for line in text.splitlines()
        if line.strip()
    ]
    offered = {words[1] for _, *words in statements if words[0] == "provides"}
    missing = [
        f"{path} needs {words[1]}, which nobody provides"
        for path, *words in statements
        if words[0] == "needs" and words[1] not in offered
    ]
    broken = [f"{path} breaks {words[1]}" for path, *words in statements if words[0] == "breaks" and words[1] in jobs]
    return (*missing, *broken)
