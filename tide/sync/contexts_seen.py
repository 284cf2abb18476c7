"""The contexts that heads had a moment ago, and those that the heads before them had."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Context, ContextSource, Pull
from tide.policy.contexts import gone, missing

# A workflow that is run again has its new check runs within seconds, unless GitHub is behind with its work. What stays
# away for longer was taken back, and is not waited for.
GONE_FOR = timedelta(minutes=10)
# So has a push. What stays away for longer is for other files than those that the new head changes.
AFTER_PUSH = timedelta(minutes=5)

_Run = tuple[str, int]
"""A check run of a head: its name, and the how manieth of that name it is."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a head has: `contexts` as last read, `runs` with the moment when each was last seen.

    `former` is what the head before it had, which is awaited for a while from `since` on.
    """

    head_sha: str
    since: datetime
    contexts: tuple[Context, ...]
    former: tuple[Context, ...] = ()
    runs: Mapping[_Run, tuple[Context, datetime]] = field(default_factory=dict)
    is_awaiting: bool = False

    def awaited_after_push(self, now: datetime) -> tuple[Context, ...]:
        """Give what the head before it had; nothing when the push was long ago."""
        return self.former if now - self.since < AFTER_PUSH else ()

    def had(self, now: datetime) -> tuple[Context, ...]:
        """Give all that the head is known to have or to wait for: two pushes may come right after each other."""
        runs = (run for run, at in self.runs.values() if now - at < GONE_FOR)
        had = (*self.contexts, *gone(runs, self.contexts))
        return (*had, *missing(self.awaited_after_push(now), had))


@dataclass(slots=True)
class ContextsSeen:
    """Remembers which contexts heads had: a projection, gathered anew after a restart.

    GitHub takes away the check runs of a workflow that is to run again, before it has any new ones: in between a head
    looks as if nothing had ever been checked, not even what has just failed. So does a head that was just pushed, until
    GitHub has started what every head gets.
    """

    _seen: dict[PoolKey, dict[PullKey, _Seen]] = field(default_factory=dict)

    def note(self, pull: Pull, now: datetime) -> None:
        """Take note of the contexts of a pull request as it was read, be it in the pool or not."""
        if not pull.contexts_known:
            return
        in_pool = self._seen.setdefault(pull.pool, {})
        seen = in_pool.get(pull.key)
        if seen and seen.head_sha == pull.head_sha:
            in_pool[pull.key] = replace(seen, contexts=pull.contexts, is_awaiting=False)
        else:
            former = seen.had(now) if seen else ()
            in_pool[pull.key] = _Seen(pull.head_sha, now, pull.contexts, former)

    def completed(self, pull: Pull, now: datetime, jobs: Collection[str] = ()) -> Pull:
        """Give a pull request, as noted, with what is awaited on its head as pending.

        Those are the check runs that its head had lately and has no more, and after a push all that the former one had.

        Args:
            pull: the pull request.
            now: the present.
            jobs: the contexts of all presubmits. Of those it is known which ones the new head needs.
        """
        seen = self._seen.get(pull.pool, {}).get(pull.key)
        if seen is None or not pull.contexts_known:
            return pull
        late = {key: (run, at) for key, (run, at) in seen.runs.items() if now - at < GONE_FOR}
        awaited = gone([run for run, _ in late.values()], pull.contexts)
        former = (one for one in seen.awaited_after_push(now) if one.name not in jobs)
        awaited += tuple(map(_as_unknown, missing(former, (*pull.contexts, *awaited))))
        there = {key: (run, now) for key, run in _numbered(pull.contexts)}
        self._seen[pull.pool][pull.key] = replace(seen, runs=late | there, is_awaiting=bool(awaited))
        return replace(pull, contexts=(*pull.contexts, *awaited)) if awaited else pull

    def are_awaited(self, pool: PoolKey) -> bool:
        """Tell whether any was awaited when a pool was last looked at."""
        return any(seen.is_awaiting for seen in self._seen.get(pool, {}).values())

    def seen_again(self, pool: PoolKey, pulls: Collection[PullKey], at: datetime) -> None:
        """Hear that the heads of these in a pool have the same as when it was last looked at, when none was awaited."""
        in_pool = self._seen.get(pool, {})
        for key in in_pool.keys() & set(pulls):
            runs = {name: (run, at) for name, (run, _) in in_pool[key].runs.items()}
            in_pool[key] = replace(in_pool[key], runs=runs)

    def keep(self, pool: PoolKey, pulls: Collection[PullKey]) -> None:
        """Drop what is known of other pull requests in a pool."""
        self._seen[pool] = {key: seen for key, seen in self._seen.get(pool, {}).items() if key in pulls}

    def keep_pools(self, pools: Collection[PoolKey]) -> None:
        """Drop what is known of other pools."""
        self._seen = {pool: seen for pool, seen in self._seen.items() if pool in pools}


def _numbered(contexts: Iterable[Context]) -> Iterable[tuple[_Run, Context]]:
    """Tell the check runs of one name apart by their number; their suites are new ones after each push."""
    counted = Counter[str]()
    for context in contexts:
        if context.source is ContextSource.CHECK_RUN:
            counted[context.name] += 1
            yield (context.name, counted[context.name]), context


def _as_unknown(former: Context) -> Context:
    """Take away what a context says of the head before."""
    return replace(former, description="", target_url="", suite="")
