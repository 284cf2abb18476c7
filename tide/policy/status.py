"""The status context `tide`: what every open pull request shows about why it is or is not merging.

The text is that of its verdict (`explain`), so that the status says what the page, the API and the log say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from tide.domain.decisions import Decision, Place, Verdict, VerdictKind
from tide.domain.keys import HeadKey, PullKey
from tide.domain.pulls import Context, ContextSource, ContextState, Pull
from tide.domain.runs import Purpose
from tide.domain.snapshot import Snapshot
from tide.policy.contexts import TIDE_CONTEXT
from tide.policy.explain import CLOSED, MERGED, NOT_MERGEABLE
from tide.policy.status_link import status_link
from tide.policy.stops import find_stop
from tide.policy.wording import LONGEST_STATUS

MOST_STATUSES = 1000
"""Statuses of one context that GitHub takes for one commit (GitHub docs: Create a commit status)."""

# From here on only what changes the state is worth a status, and the last ones are left for those that let it merge.
_ENOUGH_STATUSES = 900
_LAST_STATUSES = 990

_ELLIPSIS = "..."
# Reasons may quote what a server or git has said; where that is reached is nothing to tell the world.
_ADDRESS = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://\S+")
# What cannot be seen or turns lines round, and what GitHub refuses here: characters of four bytes in UTF-8.
_UNFIT = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff\\ud800-\\udfff\\U00010000-\\U0010ffff]"
)
_HOPE = (ContextState.SUCCESS, ContextState.PENDING, ContextState.ERROR)


class Phase(StrEnum):
    """What a status tells of where nothing is wrong: how far the tests have come that are to end in one of two ways."""

    NONE = ""
    FIRST = "first"  # the tests of the head itself
    AGAIN = "again"  # those on the base as it is, alone or in batches


@dataclass(frozen=True, slots=True)
class PullStatus:
    """The status that a pull request should show, and the one that its head had as of a moment, if any.

    Of one that is `in_pool` it tells how far the queue has come with it. Within a `phase` only progress is told.
    """

    pull: PullKey
    head: HeadKey
    expected: Context
    shown: Context | None
    as_of: datetime
    in_pool: bool = False
    phase: Phase = Phase.NONE


def pull_statuses(snapshot: Snapshot, decision: Decision, page_url: str = "") -> tuple[PullStatus, ...]:
    """Give the status of each open pull request of a pool, in the order of the verdicts.

    One that could not be read keeps the status that it has (Prow: status.go setStatuses).

    Args:
        snapshot: what was read.
        decision: what was decided from it.
        page_url: where our own pages are, for the links of statuses where nothing else is configured; "" for none.
    """
    pulls = {view.pull.key: view.pull for view in snapshot.pulls}
    stop = find_stop(snapshot)
    tested_first = {run.heads for run in snapshot.runs if run.purpose is Purpose.FIRST and run.state.is_live}
    return tuple(
        PullStatus(
            pull=pull.key,
            head=HeadKey(pull.key.org, pull.key.repo, pull.head_sha),
            expected=_status(verdict, status_link(snapshot.rules, pull) or _page_of(pull.key, page_url)),
            shown=shown_status(pull),
            as_of=snapshot.now,
            in_pool=verdict.place is not Place.OUTSIDE,
            # What somebody has to end for the whole pool is no progress, nor is its end.
            phase=Phase.NONE
            if stop and stop.remedy
            else _phase(verdict, is_tested_first=((pull.number, pull.head_sha),) in tested_first),
        )
        for verdict in decision.verdicts
        if (pull := pulls[verdict.pull]).is_open
        and pull.pool == snapshot.pool
        and verdict.kind is not VerdictKind.UNKNOWN
    )


def _phase(verdict: Verdict, *, is_tested_first: bool) -> Phase:
    if verdict.state is not ContextState.PENDING:
        return Phase.NONE
    if verdict.kind is VerdictKind.IN_POOL:
        return Phase.FIRST if is_tested_first else Phase.AGAIN
    is_waited_for = verdict.kind is VerdictKind.WAITING and verdict.place is Place.OUTSIDE
    return Phase.FIRST if is_waited_for else Phase.NONE


def status_when_over(pull: Pull) -> Context:
    """Give the last status of one that was merged or closed while the queue was at it."""
    if pull.is_merged:
        return Context(TIDE_CONTEXT, ContextState.SUCCESS, MERGED)
    return Context(TIDE_CONTEXT, ContextState.PENDING, f"{NOT_MERGEABLE}{CLOSED}")


def shown_status(pull: Pull) -> Context | None:
    """Give the status that a head was last seen to have; a check run of the same name is somebody else's."""
    own = (one for one in pull.contexts if one.name == TIDE_CONTEXT and one.source is ContextSource.STATUS)
    return next(own, None)


def says_the_same(one: Context | None, other: Context) -> bool:
    """Tell whether a status need not be written; where it links to is no reason (Prow: status.go setStatuses)."""
    return one is not None and (one.state, one.description) == (other.state, other.description)


def status_of_head(expected: Mapping[int, Context]) -> Context:
    """Give the one status of a head that several pull requests may share.

    A commit has one status whatever it is proposed for, so it tells of all of them, best state first. (Tide writes
    theirs in turns.)

    Args:
        expected: the status of each pull request by its number, at least one.
    """
    ordered = sorted(expected.items(), key=lambda item: (_HOPE.index(item[1].state), item[0]))
    best = ordered[0][1]
    if all(says_the_same(status, best) for _, status in ordered):
        return best
    text = " ".join(f"#{number}: {status.description}" for number, status in ordered)
    return Context(TIDE_CONTEXT, best.state, fitted(text), target_url=best.target_url)


def may_write(written: int, shown: Context | None, expected: Context) -> bool:
    """Tell whether one more status may be written to a commit that has `written` of ours; GitHub's limit is near."""
    if expected.state is ContextState.SUCCESS:
        return written < MOST_STATUSES
    if shown is None or shown.state is not expected.state:
        return written < _LAST_STATUSES
    return written < _ENOUGH_STATUSES


def fitted(text: str) -> str:
    """Make a text fit for the description of a status: one line, not too long (Prow: status.go truncates likewise)."""
    line = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", _ADDRESS.sub("[address]", " ".join(text.split())))
    return line if len(line) <= LONGEST_STATUS else line[: LONGEST_STATUS - len(_ELLIPSIS)] + _ELLIPSIS


def _status(verdict: Verdict, link: str) -> Context:
    return Context(TIDE_CONTEXT, verdict.state, fitted(verdict.summary), target_url=link)


def _page_of(key: PullKey, page_url: str) -> str:
    """Name our own page of a pull request."""
    return f"{page_url.rstrip('/')}/pull/{quote(key.org)}/{quote(key.repo)}/{key.number}" if page_url else ""
