"""An observer that remembers, and ports that go wrong at the moment that a story chooses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tide.domain.decisions import Decision
from tide.domain.keys import PoolKey, PullKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import Standing


@dataclass
class Witness:
    """Implements `tide.ports.observer.Observer`."""

    decisions: list[Decision] = field(default_factory=list)
    outcomes: list[tuple[PoolKey, Outcome]] = field(default_factory=list)
    failures: list[tuple[PoolKey, BaseException]] = field(default_factory=list)
    withheld: list[tuple[PullKey, str]] = field(default_factory=list)
    written: list[PullKey] = field(default_factory=list)
    failed_templates: list[tuple[PullKey, str]] = field(default_factory=list)
    queries: list[tuple[int, str, str]] = field(default_factory=list)
    rounds: list[tuple[str, timedelta]] = field(default_factory=list)
    pools: frozenset[PoolKey] = frozenset()
    standings: dict[PoolKey, Standing] = field(default_factory=dict)

    def standing_seen(self, pool: PoolKey, standing: Standing) -> None:
        self.standings[pool] = standing

    def decided(self, decision: Decision) -> None:
        self.decisions.append(decision)

    def enacted(self, pool: PoolKey, outcome: Outcome) -> None:
        self.outcomes.append((pool, outcome))

    def pool_failed(self, pool: PoolKey, error: BaseException) -> None:
        self.failures.append((pool, error))

    def status_withheld(self, pull: PullKey, reason: str) -> None:
        self.withheld.append((pull, reason))

    def status_written(self, pull: PullKey) -> None:
        self.written.append(pull)

    def template_failed(self, pull: PullKey, reason: str) -> None:
        self.failed_templates.append((pull, reason))

    def query_answered(self, query_index: int, org_shard: str, result: str) -> None:
        self.queries.append((query_index, org_shard, result))

    def pools_vanished(self, remaining: frozenset[PoolKey]) -> None:
        self.pools = remaining

    def synced(self, controller: str, took: timedelta) -> None:
        self.rounds.append((controller, took))


class Killed(BaseException):
    """The process dies here: nothing in it may catch this."""


@dataclass
class Tampered:
    """A port of which one method is tampered with: `before` or `after` run around its calls number `nth` (from 1)."""

    port: Any
    method: str
    before: Callable[[], Awaitable[None]] | None = None
    after: Callable[[], Awaitable[None]] | None = None
    nth: int = 1
    calls: int = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        return self._tampered(found) if name == self.method else found

    def _tampered(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            is_due = self.calls == self.nth
            if is_due and self.before:
                await self.before()
            answer = await method(*arguments, **options)
            if is_due and self.after:
                await self.after()
            return answer

        return call


async def die() -> None:
    """Kill the process."""
    raise Killed
