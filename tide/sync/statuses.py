"""Show on every open pull request why it is or is not merging: the status context `tide`.

What is to be shown follows from the last decision about each pool, which speaks of every open pull request in it,
whatever its labels. So whatever changes a decision (labels, queries, issues that block) changes the statuses with the
next one. (Tide searches for pull requests once more for this and looks only at those that have been updated, so that a
new query leaves old texts behind. Prow: status.go.)

Only what differs from what is there is written, one after the other. How far the tests of a pool have come changes with
every batch for all of its members: within a phase of its tests a head is told of that every PROGRESS_LASTS at most.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tide.domain.decisions import Decision
from tide.domain.errors import RateLimited, RemoteError, Transient
from tide.domain.intents import Intent, IntentKind
from tide.domain.keys import HeadKey, PoolKey, PullKey
from tide.domain.leases import Lease
from tide.domain.pulls import Context, ContextState
from tide.domain.snapshot import Snapshot
from tide.policy.status import (
    MOST_STATUSES,
    Phase,
    PullStatus,
    may_write,
    pull_statuses,
    says_the_same,
    shown_status,
    status_of_head,
    status_when_over,
)
from tide.ports.code_host import StatusPost
from tide.sync.deeds import Deeds
from tide.sync.world import World

# A reading that was under way when a status was written may still show the one before it.
READING_LASTS = timedelta(minutes=1)
# Whoever waits for a merge looks at the page, which is always up to date, or comes back later.
PROGRESS_LASTS = timedelta(minutes=10)
# GitHub takes 180 writes a minute and refuses everything for a while after more (GitHub docs: Rate limits for the REST
# API, "Calculating points for the secondary rate limit"): after a few at once there is room left for merges.
AT_ONCE = 30
PACE_SECONDS = 0.6
# Where a status is refused, no other one of that organisation is tried for so long.
REFUSAL_LASTS = timedelta(seconds=30)


class _Written(NamedTuple):
    """What was last written to a head, None when that is not known, when, and in which phase of its tests."""

    status: Context | None
    at: datetime
    phase: Phase = Phase.NONE


@dataclass(slots=True)
class Statuses:
    """Writes the statuses of all pools.

    `lease` gives the lease under which we act and raises LeaseLost when there is none; None makes it a dry run, which
    writes nothing. `page_url` is where our own pages are, "" for nowhere. `ring` is called when there is something to
    write. `is_spent` tells that for a while no more may be written than what a merge waits for.
    """

    world: World
    lease: Callable[[], Lease] | None
    page_url: str = ""
    ring: Callable[[], None] = lambda: None
    is_spent: Callable[[], bool] = lambda: False
    _pools: dict[PoolKey, tuple[PullStatus, ...]] = field(default_factory=dict)
    _heads: dict[HeadKey, dict[tuple[PoolKey, PullKey], PullStatus]] = field(default_factory=dict)
    # In the order in which it came up; what could not be written goes to the end.
    _due: dict[HeadKey, None] = field(default_factory=dict)
    # What is told later, if it is still so then: when.
    _later: dict[HeadKey, datetime] = field(default_factory=dict)
    _written: dict[HeadKey, _Written] = field(default_factory=dict)
    _withheld: dict[HeadKey, Context] = field(default_factory=dict)
    # Those that left their pools while their heads told how far the queue had come with them, as they were last known.
    _left: dict[HeadKey, tuple[PoolKey, PullStatus]] = field(default_factory=dict)
    _paused: dict[str, datetime] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _token: int = 0
    # The token of the lease under which no status is left whose outcome is not known, 0 while there may be one.
    _settled: int = 0

    def decided(self, snapshot: Snapshot, decision: Decision) -> None:
        """Take over what a pool's pull requests should show; nothing is written yet.

        Raises:
            LeaseLost: somebody else leads.
        """
        if self.lease is None:
            return
        self._lead_under(self.lease())
        due = self._due.keys() | ()
        self._replace(snapshot.pool, pull_statuses(snapshot, decision, self.page_url))
        if self._left or self._due.keys() - due:
            self.ring()

    def are_shown(self, pool: PoolKey) -> bool:
        """Tell whether all pull requests of a pool were seen to show what they should."""
        return all(says_the_same(status.shown, self._expected(status.head)) for status in self._pools.get(pool, ()))

    def keep(self, pools: Collection[PoolKey]) -> None:
        """Forget all pools but these."""
        for pool in self._pools.keys() - set(pools):
            self._replace(pool, ())
            del self._pools[pool]
        self._paused = {org: until for org, until in self._paused.items() if self._is_paused(org)}

    async def round(self, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Write every status that should be another one, until `is_stopping`, or as many as may be written now.

        What one organisation refuses is told and tried again in a later round; the others go on.

        Raises:
            StoreError: the database is out of reach.
            LeaseLost: somebody else leads.
        """
        started = self.world.clock.now()
        try:
            if self.lease:
                self._lead_under(self.lease())
                await self._settle(self.lease())
                await self._part(is_stopping)
                await self._write_all(is_stopping)
        finally:
            self.world.observer.synced("status-update", self.world.clock.now() - started)

    async def show(self, heads: Iterable[HeadKey]) -> None:
        """Write what these heads should show before they are merged, as the branch may require it (Prow: mergePRs).

        What is refused for good is told and left to the code host, which knows whether it requires the status.

        Raises:
            Transient: a status could not be written just now.
            StoreError: the database is out of reach.
            LeaseLost: somebody else leads.
        """
        for head in heads:
            try:
                await self._write(head)
            except Transient:
                raise
            except RemoteError as error:
                self._tell(head, str(error))

    def _lead_under(self, lease: Lease) -> None:
        """Forget what was known under an earlier lease: somebody else has decided and written since."""
        if self._token != lease.token:
            for known in (
                self._pools,
                self._heads,
                self._due,
                self._later,
                self._written,
                self._withheld,
                self._left,
            ):
                known.clear()
            self._token = lease.token

    async def _settle(self, lease: Lease) -> None:
        """Close the deeds that were cut short; what their heads show now is not known."""
        if self._settled == lease.token:
            return
        store, clock = self.world.store, self.world.clock
        async with self._turn:
            for intent in await store.open_intents():
                if intent.kind is IntentKind.STATUS:
                    head = HeadKey(intent.pool.org, intent.pool.repo, json.loads(intent.detail)["sha"])
                    self._written[head] = _Written(None, clock.now())
                    self._weigh(head)
                    await store.finish(intent.id, "found unfinished; it is written once more", clock.now())
            self._settled = lease.token

    async def _write_all(self, is_stopping: Callable[[], bool]) -> None:
        now, count = self.world.clock.now(), 0
        for head in [head for head, at in self._later.items() if at <= now]:
            self._weigh(head)
        for head in tuple(self._due):
            if is_stopping() or self.is_spent() or self._is_paused(head.org):
                continue
            if count >= AT_ONCE:
                await self.world.sleep(PACE_SECONDS)
            try:
                count += await self._write(head)
            except RemoteError as error:
                self._tell(head, str(error))

    async def _part(self, is_stopping: Callable[[], bool]) -> None:
        """Write what became of those that were closed, or merged by somebody else, while the queue was at them."""
        while self._left and not is_stopping():
            head, (pool, left) = self._left.popitem()
            if head not in self._heads:
                try:
                    await self._tell_the_end(pool, left)
                except RemoteError as error:
                    self.world.observer.status_withheld(left.pull, str(error))

    async def _tell_the_end(self, pool: PoolKey, left: PullStatus) -> None:
        pull = (await self.world.code_host.read_pulls([left.pull])).get(left.pull)
        if pull is None or pull.is_open or pull.head_sha != left.head.sha:
            return
        now = self.world.clock.now()
        over = replace(left, in_pool=False, phase=Phase.NONE)
        last = replace(over, expected=status_when_over(pull), shown=shown_status(pull), as_of=now)
        place = (pool, left.pull)
        self._heads.setdefault(left.head, {})[place] = last
        self._weigh(left.head)
        try:
            await self._write(left.head)
        finally:
            if self._heads.get(left.head, {}).get(place) is last:
                del self._heads[left.head][place]
                self._weigh(left.head)

    def _replace(self, pool: PoolKey, statuses: tuple[PullStatus, ...]) -> None:
        before, stay = self._pools.get(pool, ()), {status.pull for status in statuses}
        for status in before:
            if status.in_pool and status.pull not in stay and self._tells_of_progress(status.head):
                self._left[status.head] = (pool, status)
        for status in before:
            self._heads[status.head].pop((pool, status.pull), None)
        self._pools[pool] = statuses
        for status in statuses:
            self._heads.setdefault(status.head, {})[pool, status.pull] = status
        for head in dict.fromkeys(status.head for status in (*before, *statuses)):
            self._weigh(head)

    def _tells_of_progress(self, head: HeadKey) -> bool:
        shown = self._shown(head)
        return shown is not None and shown.state is ContextState.PENDING

    def _weigh(self, head: HeadKey) -> None:
        """Find out whether a head should show something else than it does."""
        if not self._heads.get(head):
            for kept in (self._heads, self._due, self._later, self._written, self._withheld):
                kept.pop(head, None)
            return
        expected, until = self._expected(head), self._progress_lasts_until(head)
        self._later.pop(head, None)
        if says_the_same(self._shown(head), expected) or says_the_same(self._withheld.get(head), expected):
            self._due.pop(head, None)
        elif until is not None and self.world.clock.now() < until:
            self._due.pop(head, None)
            self._later[head] = until
        else:
            self._due.setdefault(head)

    def _progress_lasts_until(self, head: HeadKey) -> datetime | None:
        """Tell until when a head need not show what it should, as only progress was told, None where it must."""
        written = self._written.get(head)
        if written is None or written.status is None or written.phase is Phase.NONE:
            return None
        if self._phase(head) is not written.phase:
            return None
        # Where somebody has written over it, it is put right.
        is_there = says_the_same(self._shown(head), written.status)
        return written.at + PROGRESS_LASTS if is_there else None

    def _phase(self, head: HeadKey) -> Phase:
        phases = {status.phase for status in self._heads[head].values()}
        return phases.pop() if len(phases) == 1 else Phase.NONE

    def _statuses(self, head: HeadKey) -> list[PullStatus]:
        """Give what the pull requests with a head should show, the latest decision last."""
        return sorted(self._heads[head].values(), key=lambda status: status.as_of)

    def _expected(self, head: HeadKey) -> Context:
        # A pull request that has changed its base is for a while in two pools.
        return status_of_head({status.pull.number: status.expected for status in self._statuses(head)})

    def _shown(self, head: HeadKey) -> Context | None:
        """Give what a head shows: what was written last, or what somebody has read since."""
        latest, written = self._statuses(head)[-1], self._written.get(head)
        if written and (written.status is None or latest.as_of < written.at + READING_LASTS):
            return written.status
        return latest.shown

    async def _write(self, head: HeadKey) -> bool:
        """Write the status of a head if it should be another one; tell whether it was written."""
        async with self._turn:
            if head not in self._due:
                return False
            expected = self._expected(head)
            written = await self.world.store.statuses_written(head)
            if not may_write(written, self._shown(head), expected):
                self._withhold(head, expected, written)
                return False
            if not await self._post(head, expected):
                self._withhold(head, expected, MOST_STATUSES)
                return False
            self._weigh(head)
            return True

    def _withhold(self, head: HeadKey, expected: Context, written: int) -> None:
        self._withheld[head] = expected
        self._weigh(head)
        self._tell(head, f"its commit has {written} of them already, and GitHub takes 1,000: {expected.description}")

    async def _post(self, head: HeadKey, expected: Context) -> bool:
        """Write a status; give False when the commit takes no more, whoever wrote the others."""
        if self.lease is None:
            raise AssertionError  # nothing is due in a dry run
        store, clock, deeds = self.world.store, self.world.clock, Deeds(self.world, self.lease())
        phase = self._phase(head)
        settled, self._settled = self._settled, 0
        intent = await self._begin(deeds, head, expected)
        self._written[head] = _Written(None, clock.now())
        try:
            is_taken = await deeds.do(lambda: self._send(head, expected))
        except RemoteError as error:
            self._postpone(head, error)
            await deeds.finish(intent, f"error: {error}")
            self._settled = settled
            raise
        if is_taken:
            self._written[head] = _Written(expected, clock.now(), phase)
            await store.status_written(head, expected, clock.now())
        else:
            del self._written[head]
        await deeds.finish(intent, "written" if is_taken else "the commit takes no more statuses")
        self._settled = settled
        if is_taken:
            for pull in sorted({pull for _, pull in self._heads.get(head, ())}):
                self.world.observer.status_written(pull)
        return is_taken

    async def _begin(self, deeds: Deeds, head: HeadKey, expected: Context) -> Intent:
        pool = min(pool for pool, _ in self._heads[head])
        numbers = " ".join(f"#{number}" for number in sorted({pull.number for _, pull in self._heads[head]}))
        detail = json.dumps({"sha": head.sha, "state": expected.state, "description": expected.description})
        return await deeds.begin(IntentKind.STATUS, pool, numbers, detail)

    async def _send(self, head: HeadKey, expected: Context) -> bool:
        status = StatusPost(expected.name, expected.state, expected.description, expected.target_url)
        return await self.world.code_host.post_status(head.repository, head.sha, status)

    def _postpone(self, head: HeadKey, error: RemoteError) -> None:
        """Let the others go first, and leave the organisation alone for a while."""
        if head in self._due:
            del self._due[head]
            self._due[head] = None
        until = self.world.code_host.now() + REFUSAL_LASTS
        self._paused[head.org] = error.until if isinstance(error, RateLimited) else until

    def _is_paused(self, org: str) -> bool:
        until = self._paused.get(org)
        return until is not None and self.world.code_host.now() < until

    def _tell(self, head: HeadKey, reason: str) -> None:
        for pull in sorted({pull for _, pull in self._heads.get(head, ())}):
            self.world.observer.status_withheld(pull, reason)
