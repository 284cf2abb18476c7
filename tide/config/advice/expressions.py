"""Regular expressions of jobs that can never match what they are tried on."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import BranchJob
from tide.golang.regexp import matches

_PIECE = re.compile(
    r"""
      \\Q .*? (?: \\E | \Z )                                # quoted text
    | \\ .
    | \[ \^? \]? (?: \[:\^?\w+:\] | \\ . | [^\]\\] )* \]    # a character class
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_FLAGS = re.compile(r"\(\?[a-zA-Z]*[ms]")  # with these, anchors and dots mean other things
_OPTIONAL = frozenset("?*{")
_LITERAL = re.compile(r"[A-Za-z0-9_/ -]|\\[^A-Za-z0-9]")

Pieces = Sequence[str]


def advise_on_expressions(job: Sourced[BranchJob], findings: Findings) -> None:
    """Warn of expressions over changed files and branches that match nothing, or of parts of them."""
    for key in ("run_if_changed", "skip_if_only_changed"):
        for fault in _faults(getattr(job.value, key), "a path"):
            findings.warn(job, fault, key, kind=_reason(fault))
    for key in ("branches", "skip_branches"):
        for index, pattern in enumerate(getattr(job.value, key)):
            for fault in _faults(pattern, "a branch"):
                findings.warn(job, fault, key, index, kind=_reason(fault))
    if job.value.branches and all(_is_skipped(pattern, job.value.skip_branches) for pattern in job.value.branches):
        findings.warn(job, "each of these is also in skip_branches, so the job never runs", "branches")


def _reason(fault: str) -> str:
    """Leave out which expression it is: whoever writes one so writes many so."""
    return fault.rpartition(": ")[2]


def literal_of(pattern: str) -> str | None:
    """Give the only text that an expression matches, such as `main` for `^main$`; None if there are more."""
    if not (pattern.startswith("^") and pattern.endswith("$")):
        return None
    pieces = _PIECE.findall(pattern[1:-1])
    return "".join(piece[-1] for piece in pieces) if all(map(_LITERAL.fullmatch, pieces)) else None


def _faults(pattern: str, kind: str) -> Iterator[str]:
    if _FLAGS.search(pattern):
        return
    parts = list(_alternatives(_PIECE.findall(pattern)))
    for part in parts:
        if reason := _fault(part, kind):
            whose = f"its part {''.join(part)!r}" if len(parts) > 1 else repr("".join(part))
            yield f"{whose} never matches: {reason}"


def _alternatives(pieces: Pieces) -> Iterator[Pieces]:
    """Split at the bars that stand in no group."""
    depth, start = 0, 0
    for index, piece in enumerate(pieces):
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and depth == 0:
            yield pieces[start:index]
            start = index + 1
    yield pieces[start:]


def _fault(pieces: Pieces, kind: str) -> str:
    """Say why nothing can match; "" where something may."""
    plain = [piece.removeprefix("\\") for piece in pieces]
    if plain[:2] == ["^", "/"] and not _is_optional(pieces, 1):
        return f"{kind} does not begin with a slash"
    if plain[:3] == ["^", ".", "/"] and pieces[1] == "\\." and not _is_optional(pieces, 1):
        return f"{kind} does not begin with a dot and a slash"
    if plain[-2:] == ["/", "$"]:
        return f"{kind} does not end with a slash"
    if kind == "a branch" and "".join(plain).removeprefix("^").startswith("refs/heads/"):
        return "a branch is named without refs/heads/"
    return _misplaced_anchor(pieces)


def _misplaced_anchor(pieces: Pieces) -> str:
    depth = 0
    for index, (piece, following) in enumerate(pairwise(pieces)):
        depth += (piece == "(") - (piece == ")")
        if depth:
            continue
        if following == "^" and _LITERAL.fullmatch(piece) and not _is_optional(pieces, index + 1):
            return f"nothing can stand before ^, as {piece!r} does"
        if piece == "$" and _LITERAL.fullmatch(following) and not _is_optional(pieces, index + 1):
            return f"nothing can stand behind $, as {following!r} does"
    return ""


def _is_optional(pieces: Pieces, index: int) -> bool:
    """Tell whether what follows a piece lets it be left out."""
    return index + 1 < len(pieces) and pieces[index + 1] in _OPTIONAL


def _is_skipped(pattern: str, skipped: Sequence[str]) -> bool:
    if pattern in skipped:
        return True
    literal = literal_of(pattern)
    return literal is not None and bool(skipped) and matches("|".join(skipped), literal)
