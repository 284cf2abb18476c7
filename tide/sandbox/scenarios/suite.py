"""The test suite of the sandbox's repositories: what their code says, and when a job fails on it.

A repository's code are its files `parts/*.part`, one statement a line, words apart by spaces or tabs:

    provides NAME          the code offers NAME
    needs NAME             the code fails where nobody offers NAME
    breaks JOB             JOB fails
    flakes JOB PERCENT     JOB fails in so many of a hundred runs that bring this file to the branch, as if it had to
                           download something; once the file has landed, that is at hand

The jobs run `SCRIPT` for real, in a shell, in a checkout. `failures` says the same of the files alone, flakes left
out: it is the judge that does not trust the runs. `flakes` tells those, for jobs that are not run in a shell.
"""

import re
from collections.abc import Mapping

SCRIPT_PATH = "ci/check.sh"

# What a flake depends on is PROW_JOB_ID alone, so that a run that is looked at again says the same.
SCRIPT = r"""#!/bin/sh
# Checks the parts in this checkout.  usage: check.sh JOB [SECONDS]
set -u
export LC_ALL=C JOB="$1"
sleep "${2:-0}"
set -- /dev/null
for part in parts/*.part; do
  [ -f "$part" ] && [ ! -h "$part" ] && set -- "$@" "$part"
done
roll=$(($(printf %s "${PROW_JOB_ID:-$JOB}" | cksum | cut -d' ' -f1) % 100))
landed=
if [ -n "${PULL_BASE_SHA:-}" ]; then
  landed=$(grep -l '^[[:blank:]]*flakes' "$@" | while IFS= read -r part; do
    git cat-file -e "$PULL_BASE_SHA:$part" 2>/dev/null && printf '%s\n' "$part"
  done)
fi
export LANDED="$landed"
exec awk -v roll="$roll" '
  BEGIN {
    job = ENVIRON["JOB"] ""
    count = split(ENVIRON["LANDED"], names, "\n")
    for (place = 1; place <= count; place++) landed[names[place]] = 1
  }
  $1 == "provides" { offered[$2] = 1 }
  $1 == "needs" { wanted[$2] = FILENAME }
  $1 == "breaks" && $2 "" == job { print FILENAME ": breaks " job; failed = 1 }
  $1 == "flakes" && $2 "" == job && roll + 0 < $3 + 0 && !(FILENAME in landed) {
    print FILENAME ": flaked (" roll " of " $3 ")"
    failed = 1
  }
  END {
    for (name in wanted) if (!(name in offered)) {
      print wanted[name] ": needs " name ", which nobody provides"
      failed = 1
    }
    if (!failed) print job ": all is well"
    exit failed + 0
  }' "$@"
"""

_WORD = re.compile(r"[^ \t]+")


def is_part(path: str) -> bool:
    """Tell whether a path is one that the suite reads."""
    directory, _, name = path.rpartition("/")
    return directory == "parts" and name.endswith(".part") and not name.startswith(".")


def failures(files: Mapping[str, str], jobs: frozenset[str]) -> tuple[str, ...]:
    """Say why these jobs fail on a tree (path -> text), one sentence each; empty when all pass."""
    statements = [
        (path, *_words(line)) for path, text in sorted(files.items()) if is_part(path) for line in text.split("\n")
    ]
    offered = {name for _, verb, name in statements if verb == "provides"}
    missing = [
        f"{path} needs {name}, which nobody provides"
        for path, verb, name in statements
        if verb == "needs" and name not in offered
    ]
    broken = [f"{path} breaks {name}" for path, verb, name in statements if verb == "breaks" and name in jobs]
    return (*missing, *broken)


def flakes(files: Mapping[str, str], job: str, roll: int) -> tuple[str, ...]:
    """Say which files a job flakes on, one sentence each.

    Args:
        files: those that have not landed (path -> text).
        job: the job's name.
        roll: from 0 to 99, the lower the worse.
    """
    parts = sorted((path, text) for path, text in files.items() if is_part(path))
    statements = [(path, _WORD.findall(line)) for path, text in parts for line in text.split("\n")]
    return tuple(
        f"{path}: flaked ({roll} of {words[2]})"
        for path, words in statements
        if words[:2] == ["flakes", job] and len(words) > 2 and words[2].isdecimal() and roll < int(words[2])  # noqa: PLR2004 - its third word
    )


def _words(line: str) -> tuple[str, str]:
    """Give a line's first two words as awk splits them, "" where there is none."""
    verb, name, *_ = (*_WORD.findall(line), "", "")
    return verb, name
