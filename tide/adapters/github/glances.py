"""Find out at little cost whether pull requests are as they were last read.

A pull request brings three connections along when it is read whole, so that 49 of them cost a point. What changes it
moves its `updatedAt`, with these exceptions: its contexts, and what GitHub works out itself (whether it merges, what
the reviews sum up to). The latter are no connections, nor are the statuses of a head and the state that all its
contexts sum up to. So one point pays for a look at 400 pull requests, at 147 more with all their contexts (or some of
these read whole instead, three for one), and for two searches: what else has changed, and the issues that block merging
(GitHub docs: Rate limits and query limits for the GraphQL API; `nodes` takes 100 ids).

Check runs can be read as a connection only. Where they are not, the sum tells enough as long as it and the statuses
are the same, in three cases: all is well, so that no check run is anything but well; a status is pending and nothing
has failed; a status has failed. Whether it matters that a check run has come up unseen in these cases is for the
caller to know: such a pull request is one to watch.

What GitHub changes without moving `updatedAt` (a label that gets another name) is seen when the pull request is read
whole for another reason, or when its reading is older than `LASTS`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from tide.adapters.github import parse
from tide.adapters.github.batches import batches
from tide.adapters.github.parse import GlancedRollup, GlanceNode
from tide.domain.keys import PullKey
from tide.domain.pulls import Context, ContextSource, ContextState, Pull, ReviewDecision

IDS = 100
"""Node ids that GitHub takes at once."""

QUIET = ("first", "second", "third", "fourth")
"""The lists of `glance.graphql` that cost nothing."""

WATCHED = ("fifth", "sixth")
"""The lists of which each pull request brings a connection along."""

WHOLE = "whole"
"""The list of those that are read whole."""

CONNECTIONS = 147
"""Connections of pull requests in one request: with the two searches 149, which make one point when they are rounded.
"""

OF_WHOLE = 3
"""Connections that one which is read whole brings along; with its reviews there is one more."""

SETTLES = timedelta(seconds=30)
"""How much younger than its last change a reading must be to stand for it.

GitHub tells times by the second, so that a second change in the same second would not show; and clocks differ.
"""

LASTS = timedelta(hours=1)

_CLOSED = frozenset({"CLOSED", "MERGED"})
_ALL_WELL, _PENDING = ContextState.SUCCESS, ContextState.PENDING


@dataclass(frozen=True, slots=True)
class Reading:
    """A pull request as it was read whole, the state of all its contexts ("" for none), and when that was.

    `reviews_sum` is what its reviews come to by themselves, NONE where that was not asked for.
    """

    pull: Pull
    rollup: str
    asked_at: datetime
    reviews_sum: ReviewDecision = ReviewDecision.NONE

    def stands_for(self, now: datetime) -> bool:
        """Tell whether an unmoved `updatedAt` means that nothing but contexts can have changed since."""
        return self.pull.is_open and self.pull.contexts_known and self.is_settled and now - self.asked_at < LASTS

    @property
    def is_settled(self) -> bool:
        """Tell whether it is so much younger than its last change that a later one moves `updatedAt`."""
        return self.asked_at - self.pull.updated_at >= SETTLES


@dataclass(frozen=True, slots=True)
class Look:
    """One request: the keys in each list of `glance.graphql`."""

    lists: Mapping[str, tuple[PullKey, ...]]

    @property
    def keys(self) -> tuple[PullKey, ...]:
        """All that are looked at."""
        return tuple(key for keys in self.lists.values() for key in keys)


def looks(
    quiet: Sequence[PullKey],
    watched: Sequence[PullKey],
    whole: Sequence[PullKey] = (),
    most: int = IDS,
    of_whole: int = OF_WHOLE,
) -> Iterator[Look]:
    """Divide into requests, each of which costs one point; `most` are in each list at most.

    Those that are to be read whole, with `of_whole` connections each, are in none of them where there is no room left.
    """
    most_watched = min(CONNECTIONS, len(WATCHED) * most)
    requests = list(zip_longest(batches(quiet, len(QUIET) * most), batches(watched, most_watched), fillvalue=()))
    for quiet_ones, watched_ones in requests or ([((), ())] if whole else []):
        room = min((CONNECTIONS - len(watched_ones)) // of_whole, most)
        fitting, whole = tuple(whole[:room]), whole[room:]
        yield Look({**_lists(QUIET, quiet_ones, most), **_lists(WATCHED, watched_ones, most), WHOLE: fitting})


def _lists(names: Sequence[str], keys: Sequence[PullKey], most: int) -> dict[str, tuple[PullKey, ...]]:
    return {name: tuple(keys[most * place :][:most]) for place, name in enumerate(names)}


def unchanged(reading: Reading, node: GlanceNode) -> Pull | None:
    """Give the pull request as it is now, or None when it has to be read whole.

    Of one that has been closed it does not matter what else has changed.
    """
    kept = reading.pull
    if node.state in _CLOSED:
        return parse.closed(kept, node)
    before = (kept.updated_at, "OPEN", kept.base_branch, kept.head_sha)
    if (node.updated_at, node.state, node.base_ref_name, node.head_ref_oid) != before:
        return None
    found = _contexts(reading, node)
    return None if found is None else parse.renewed(kept, node, found, reading.reviews_sum)


def _contexts(reading: Reading, node: GlanceNode) -> tuple[Context, ...] | None:
    rollup = node.status_check_rollup
    if rollup is None:
        return None if reading.pull.contexts else ()
    if rollup.commit is None or rollup.commit.oid != node.head_ref_oid:
        return None
    if rollup.contexts is None:
        return reading.pull.contexts if _is_told_by_sum(reading, rollup) else None
    found = parse.contexts(rollup.contexts.listed)
    return found.found if found.is_complete and not rollup.contexts.page_info.next else None


def _is_told_by_sum(reading: Reading, rollup: GlancedRollup) -> bool:
    kept = tuple(one for one in reading.pull.contexts if one.source is ContextSource.STATUS)
    if rollup.state != reading.rollup or parse.contexts(rollup.statuses).found != kept:
        return False
    states = {status.state for status in kept}
    is_failed = any(state.is_failed for state in states)
    return rollup.state == _ALL_WELL or is_failed or (rollup.state == _PENDING and _PENDING in states)
