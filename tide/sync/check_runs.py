"""The check runs that heads had a moment ago."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Context, ContextSource, Pull
from tide.policy.contexts import gone

# A workflow that is run again has its new check runs within seconds, unless GitHub is behind with its work. What stays
# away for longer was taken back, and is not waited for.
GONE_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Seen:
    head_sha: str
    runs: dict[str, tuple[Context, datetime]]
    is_awaiting: bool = False


@dataclass(slots=True)
class CheckRuns:
    """Remembers which check runs a head had: a projection, gathered anew after a restart.

    GitHub takes away those of a workflow that is to run again, before it has any new ones: in between a head looks as
    if nothing had ever been checked, not even what has just failed.
    """

    _seen: dict[PoolKey, dict[PullKey, _Seen]] = field(default_factory=dict)

    def completed(self, pull: Pull, now: datetime) -> Pull:
        """Give a pull request with the check runs that its head had lately, as pending where they are gone."""
        if not pull.contexts_known:
            return pull
        in_pool = self._seen.setdefault(pull.pool, {})
        seen = in_pool.get(pull.key)
        known = seen.runs if seen and seen.head_sha == pull.head_sha else {}
        late = {name: (run, at) for name, (run, at) in known.items() if now - at < GONE_FOR}
        there = {one.name: (one, now) for one in pull.contexts if one.source is ContextSource.CHECK_RUN}
        missing = gone([run for run, _ in late.values()], pull.contexts)
        in_pool[pull.key] = _Seen(pull.head_sha, late | there, bool(missing))
        return replace(pull, contexts=(*pull.contexts, *missing)) if missing else pull

    def are_awaited(self, pool: PoolKey) -> bool:
        """Tell whether any was gone when a pool was last looked at."""
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
