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
    pool: PoolKey
    head_sha: str
    runs: dict[str, tuple[Context, datetime]]


@dataclass(slots=True)
class CheckRuns:
    """Remembers which check runs a head had: a projection, gathered anew after a restart.

    GitHub takes away those of a workflow that is to run again, before it has any new ones: in between a head looks as
    if nothing had ever been checked, not even what has just failed.
    """

    _seen: dict[PullKey, _Seen] = field(default_factory=dict)

    def completed(self, pull: Pull, now: datetime) -> Pull:
        """Give a pull request with the check runs that its head had lately, as pending where they are gone."""
        if not pull.contexts_known:
            return pull
        seen = self._seen.get(pull.key)
        known = seen.runs if seen and seen.head_sha == pull.head_sha else {}
        late = {name: (run, at) for name, (run, at) in known.items() if now - at < GONE_FOR}
        there = {one.name: (one, now) for one in pull.contexts if one.source is ContextSource.CHECK_RUN}
        self._seen[pull.key] = _Seen(pull.pool, pull.head_sha, late | there)
        missing = gone([run for run, _ in late.values()], pull.contexts)
        return replace(pull, contexts=(*pull.contexts, *missing)) if missing else pull

    def forget_all_but(self, pool: PoolKey, pulls: Collection[PullKey]) -> None:
        """Drop what is known of pull requests that are no longer in a pool."""
        for key in [key for key, seen in self._seen.items() if seen.pool == pool and key not in pulls]:
            del self._seen[key]
