"""One turn of the loop: refresh, then for each pool observe, decide, enact, record.

One broken pool never stops the others, and one broken sync never stops the loop.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from tide.domain.actions import Action, Blocked, Merge, MergeBatch, TriggerBatch, Wait, targets_of
from tide.domain.decisions import Decision
from tide.domain.errors import ConfigError, LeaseLost, RemoteError, StoreError, TideError
from tide.domain.intents import IntentKind
from tide.domain.keys import HeadKey, Hint, PoolKey, RepoKey
from tide.domain.leases import Lease
from tide.domain.outcomes import Outcome
from tide.domain.records import TIDE_ACTIONS, HistoryRecord, HistoryTarget
from tide.domain.snapshot import Snapshot
from tide.policy.decide import decide
from tide.policy.search import covers
from tide.ports.job_config import JobConfig
from tide.sync.candidate_jobs import CandidateJobs, Evaluations
from tide.sync.contexts_seen import ContextsSeen
from tide.sync.enact import Enactor
from tide.sync.following import Following
from tide.sync.hints import pools_of
from tide.sync.holds import Holds
from tide.sync.inspection import Inspector
from tide.sync.landing import Lander
from tide.sync.observe import Observer
from tide.sync.readings import Readings
from tide.sync.recovery import recover
from tide.sync.refresh import Refreshed, drop_uncovered, org_searched, orgs_searched, refresh, refresh_pools
from tide.sync.reports import Reports
from tide.sync.resting import Ground, Rest, Resting, candidates, may_rest, rests_until
from tide.sync.settings import HostSettings, bear_on_merges
from tide.sync.standings import Standings
from tide.sync.statuses import Statuses
from tide.sync.turns import Line, Turns
from tide.sync.verdicts import Recorder
from tide.sync.world import World


@dataclass(slots=True)
class Sync:
    """Syncs pools, one at a time per pool.

    `config` gives the configuration in force; it is asked once for each turn of a pool. `lease` gives the lease under
    which we act and raises LeaseLost when there is none; None makes it a dry run, which needs none. `concurrency`
    bounds how many pools are synced at once. `wake` is called with a pool that wants another look: it has changed by
    our own doing, or something outside has hinted at it. `statuses` are told of each decision; without any nothing is
    shown. `errors` are those of the last round that no pool shows, the `search_errors` among them.
    """

    world: World
    config: Callable[[], JobConfig]
    lease: Callable[[], Lease] | None
    concurrency: int = 20
    wake: Callable[[PoolKey], None] = lambda _pool: None
    statuses: Statuses | None = None
    search_errors: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    _settings: HostSettings = field(default_factory=HostSettings)
    _holds: Holds = field(default_factory=Holds)
    _contexts_seen: ContextsSeen = field(default_factory=ContextsSeen)
    _remembers_contexts: bool = False
    _reports: Reports = field(default_factory=Reports)
    _following: Following = field(default_factory=Following)
    _evaluations: Evaluations = field(default_factory=Evaluations)
    _standings: Standings = field(default_factory=Standings)
    _resting: Resting = field(default_factory=Resting)
    # The pools without a deed whose outcome is not known, with the token of the lease under which that was seen:
    # whatever breaks off an action leaves one behind, and so may another leader.
    _settled: dict[PoolKey, int] = field(default_factory=dict)
    # What was read for the turn of each pool that is under way, and then for its deed where it is to be looked at again
    # for nothing but that. Whoever hears of any other change takes it away.
    _done_after: dict[PoolKey, Refreshed] = field(default_factory=dict)
    # In a dry run: the decision of each pool of which it was recorded what would be done.
    _foreseen: dict[PoolKey, int] = field(default_factory=dict)
    _turns: Turns = field(init=False)
    _readings: Readings = field(init=False)

    def __post_init__(self) -> None:
        """Bound what is done at once."""
        self._turns = Turns(lambda: self.concurrency)
        self._readings = Readings(
            lambda pools: refresh_pools(self.world, self.config(), self._following, pools),
            lambda pool: org_searched(self.config(), pool),
        )

    @property
    def is_dry_run(self) -> bool:
        """Tell whether nothing outside is changed."""
        return self.lease is None

    async def round(self) -> None:
        """Find out what has changed, then sync every pool that has an open pull request.

        Raises:
            StoreError: the database was out of reach; the pools that did not need it then were synced.
            LeaseLost: somebody else leads.
        """
        config, started = self.config(), self.world.clock.now()
        try:
            await self._remember_contexts()
            facts = await refresh(self.world, config, self._following)
            self.search_errors = self.errors = facts.errors
            pools = await self._pools(config, facts.marks.keys())
            awake = pools - await self._at_rest(pools, facts)
            await self._prepare(config, facts.opted_in & awake)
            await self._sync_pools(awake, facts)
            if self.lease:
                await self._look_back(pools, config, self.lease())
        finally:
            self.world.observer.synced("sync", self.world.clock.now() - started)

    async def _remember_contexts(self) -> None:
        """Know from the process before us, once, what the heads had that may have been pushed over since."""
        if not self._remembers_contexts:
            now = self.world.clock.now()
            for pull in await self.world.store.open_pulls():
                self._contexts_seen.note(pull, now)
            self._remembers_contexts = True

    async def look_again(self, pool: PoolKey) -> None:
        """Look at what has opted in to one pool, and sync it. A pool without pull requests is let be.

        Raises:
            StoreError: the database is out of reach.
            LeaseLost: somebody else leads.
        """
        if covers(self.config().queries, pool.repository):
            await self._sync(pool, Line.LOOK)

    async def look_near(self, hints: Collection[Hint]) -> None:
        """Wake the pools that these hints are about; the pull requests that they name are read anew first.

        Raises:
            RemoteError: the pull requests could not be read.
            StoreError: the database is out of reach.
        """
        doubted = {pool for hint in hints if isinstance(hint, RepoKey) for pool in self._settings.doubt_all(hint)}
        for pool in doubted:
            self._resting.disturb(pool)
        for pool in sorted(await pools_of(self.world, self.config(), hints) | doubted):
            self._done_after.pop(pool, None)  # not only we have changed it
            self.wake(pool)

    async def _sync_pools(self, pools: Collection[PoolKey], facts: Refreshed) -> None:
        errors = list[StoreError | LeaseLost]()

        async def sync(pool: PoolKey) -> None:
            try:
                await self._sync(pool, Line.ROUND, facts)
            except (StoreError, LeaseLost) as error:
                errors.append(error)  # raised when all have ended: another pool may be in the middle of a landing

        async with asyncio.TaskGroup() as group:
            for pool in sorted(pools):
                if self._turns.is_busy(pool):
                    # A landing there may take long, and keeps no other pool from the next round.
                    self.wake(pool)
                else:
                    group.create_task(sync(pool))
        if errors:
            raise errors[0]

    async def _look_back(self, pools: Collection[PoolKey], config: JobConfig, lease: Lease) -> None:
        """See what became of the runs and the deeds in pools that have vanished."""
        try:
            await Recorder(self.world, self._standings).follow(pools)
        except RemoteError as error:
            self.errors = (*self.errors, str(error))
        begun = {one.pool for one in await self.world.store.open_intents() if one.kind is not IntentKind.STATUS}
        for pool in sorted(begun - set(pools)):
            try:
                async with self._turns.alone(pool), self._turns.place(Line.ROUND):
                    await self._settle(pool, config, lease)
            except RemoteError as error:
                self.errors = (*self.errors, f"{pool}: {error}")

    async def _pools(self, config: JobConfig, found: Collection[PoolKey]) -> frozenset[PoolKey]:
        """Find the pools among those of the mirror; drop what is no longer covered."""
        store, now = self.world.store, self.world.clock.now()
        pools = frozenset(pool for pool in found if covers(config.queries, pool.repository))
        await drop_uncovered(self.world, config, {pool.repository for pool in set(found) - pools})
        await store.drop_pools(pools, now)
        self.world.observer.pools_vanished(pools)
        self._keep(pools, config)
        return pools

    def _keep(self, pools: frozenset[PoolKey], config: JobConfig) -> None:
        """Forget what is remembered of all pools but these, and those that somebody is about to sync."""
        self._resting.keep(pools)
        self._following.keep(pools, orgs_searched(config))
        if self.statuses:
            self.statuses.keep(pools)
        # Whoever is in the middle of a landing needs what it has noted.
        pools |= self._turns.busy
        self._contexts_seen.keep_pools(pools)
        self._reports.keep(pools)
        self._holds.keep(pools)
        self._settings.keep(pools)
        self._settled = {pool: token for pool, token in self._settled.items() if pool in pools}
        self._done_after = {pool: facts for pool, facts in self._done_after.items() if pool in pools}
        self._foreseen = {pool: decision for pool, decision in self._foreseen.items() if pool in pools}
        self.world.git.keep({pool.repository for pool in pools})

    async def _prepare(self, config: JobConfig, pools: Collection[PoolKey]) -> None:
        """Have the code host's own rules at hand where several pools are about to ask for them."""
        due = self._settings.due(pools, self.world.clock.now())
        asking = [pool for pool in due if _asks_host(config, pool)]
        if len(asking) > 1:
            await self.world.code_host.prepare_branch_rules(asking)

    async def _sync(self, pool: PoolKey, line: Line, facts: Refreshed | None = None) -> None:
        async with self._turns.alone(pool):
            try:
                facts = facts or await self._facts_after_deed(pool) or await self._readings.of(pool)
                async with self._turns.place(line):
                    # A pool without pull requests is let be; whether one rests, a round has asked for all together.
                    if pool in facts.marks and (line is Line.ROUND or not await self._at_rest([pool], facts)):
                        await self._sync_now(pool, facts)
            except (StoreError, LeaseLost):
                self._resting.disturb(pool)  # what it was woken for is still to be seen
                self._done_after.pop(pool, None)
                raise
            except Exception as error:  # noqa: BLE001 - one broken pool never stops the others; it is told and shown
                self._done_after.pop(pool, None)
                await self._failed(pool, error)

    async def _facts_after_deed(self, pool: PoolKey) -> Refreshed | None:
        """Give what was read before our own deed, where nobody else is known to have changed anything since.

        What we have changed by it we know: it is stored, or told by the runs and by the branch itself.
        """
        facts = self._done_after.pop(pool, None)
        if facts is None or self._is_old(pool, facts):
            return None
        return replace(facts, marks=await self.world.store.marks([pool]))

    def _is_old(self, pool: PoolKey, facts: Refreshed) -> bool:
        return self.world.clock.now() - facts.read_at > self.config().rules(pool).settings.freshness

    async def _at_rest(self, pools: Collection[PoolKey], facts: Refreshed) -> frozenset[PoolKey]:
        """Find the pools in which nothing has changed, and show them as synced."""
        rests = [rest for pool in pools if (rest := self._resting.of(pool)) and self._still_holds(rest, facts)]
        if not rests:
            return frozenset()
        shown = await self.world.store.seen_again([rest.decision_id for rest in rests], facts.read_at)
        resting = {rest.decision.pool: rest for rest in rests if rest.decision_id in shown}
        for pool, rest in resting.items():
            self._contexts_seen.seen_again(pool, rest.opted_in, facts.read_at)
            self.world.observer.standing_seen(pool, rest.standing)
            self.world.observer.decided(rest.decision)
        return frozenset(resting)

    def _still_holds(self, rest: Rest, facts: Refreshed) -> bool:
        pool = rest.decision.pool
        if facts.blockers.are_unread(pool.repository):
            return False
        return rest.holds(facts, self._ground(pool, self.config(), facts))

    def _ground(self, pool: PoolKey, config: JobConfig, facts: Refreshed) -> Ground:
        return Ground(
            digest=config.digest,
            token=self.lease().token if self.lease else 0,
            stored=facts.marks.get(pool, ""),
            runs=self.world.runner.mark(pool),
            blockers=facts.blockers.of(pool.repository),
        )

    async def _sync_now(self, pool: PoolKey, facts: Refreshed) -> None:
        self._resting.disturb(pool)
        config = self.config()
        # A landing in the same pool may have taken long, or what came first for a place: what a merge rests on is not
        # older than this.
        if self._is_old(pool, facts):
            facts = await self._readings.of(pool)
        self._done_after[pool] = facts
        await self._turn(pool, config, facts)

    async def _failed(self, pool: PoolKey, error: Exception) -> None:
        self.world.observer.pool_failed(pool, error)
        text = str(error) if isinstance(error, TideError) else f"internal error: {error!r}"
        await self.world.store.record_failure(pool, text, self.world.clock.now())

    async def _turn(self, pool: PoolKey, config: JobConfig, facts: Refreshed) -> None:
        if self._following.judged_otherwise(pool):
            self._settings.changed(pool)
        ground = self._ground(pool, config, facts)
        lease = self.lease() if self.lease else None
        if lease:
            await self._settle(pool, config, lease)
        jobs = self._jobs(pool, config)
        remembered = (self._settings, self._holds, self._contexts_seen, self._reports)
        observer = Observer(self.world, jobs, *remembered, is_dry_run=self.is_dry_run)
        observed = await observer.observe(blockers=ground.blockers, already_read=facts.read)
        self._following.seen(observed.snapshot)
        if self._settings.have_changed(pool):
            self.wake(pool)  # what its pull requests were judged by when they were read, holds no more
        snapshot = await self._recorded(observed.snapshot)
        self.world.observer.standing_seen(pool, snapshot.standing)
        decision = decide(snapshot)
        decision_id = await self.world.store.record_decision(snapshot, decision)
        self.world.observer.decided(decision)
        is_at_work = not isinstance(decision.action, Wait | Blocked) or bool(decision.first_runs)
        if lease is None or not is_at_work:
            self._done_after.pop(pool, None)
        if not is_at_work:
            self._show(snapshot, decision)
            if observed.is_whole and snapshot == observed.snapshot and ground.is_firm:
                self._lay_to_rest(ground, snapshot, decision, decision_id)
        elif lease is None:
            await self._foresee(snapshot, decision, decision_id, config)
        else:
            self._settled.pop(pool, None)
            await self._act(lease, snapshot, decision, decision_id, config)

    def _show(self, snapshot: Snapshot, decision: Decision) -> None:
        if self.statuses:
            self.statuses.decided(snapshot, decision)

    async def _foresee(self, snapshot: Snapshot, decision: Decision, decision_id: int, config: JobConfig) -> None:
        """Show what would be done, once for each decision: the same snapshot has the same heads merge."""
        if self._foreseen.get(snapshot.pool) == decision_id:
            return
        outcome = await self._enactor(snapshot.pool, config).foresee(snapshot, decision.action)
        await self.world.store.record_foreseen(decision_id, outcome)
        self._foreseen[snapshot.pool] = decision_id
        if outcome.error and self._stands_back(snapshot, decision):
            self.wake(snapshot.pool)

    async def _act(
        self, lease: Lease, snapshot: Snapshot, decision: Decision, decision_id: int, config: JobConfig
    ) -> None:
        """Do what was decided; what is started shows as started, and what is merged shows that it may be, before."""
        if _heads_to_land(decision.action, snapshot.pool):
            self._show(snapshot, decision)
        try:
            outcome = await self._enact(lease, snapshot, decision, config)
        except RemoteError:
            self._show(snapshot, decision)
            raise
        if outcome.error or outcome.action not in TIDE_ACTIONS:
            # Nobody was woken for the deed alone, or what is read anew may tell why it failed.
            self._done_after.pop(snapshot.pool, None)
        if not isinstance(decision.action, Wait | Blocked):
            await self.world.store.record_outcome(decision_id, outcome)
        if self.statuses and not isinstance(decision.action, Merge | MergeBatch):
            known = {run.name for run in snapshot.runs}
            started = [run for run in await self.world.store.live_runs(snapshot.pool) if run.name not in known]
            snapshot = replace(snapshot, runs=(*snapshot.runs, *started))
            self._show(snapshot, decide(snapshot))

    async def _recorded(self, snapshot: Snapshot) -> Snapshot:
        return snapshot if self.is_dry_run else await Recorder(self.world, self._standings).record(snapshot)

    def _lay_to_rest(self, ground: Ground, snapshot: Snapshot, decision: Decision, decision_id: int) -> None:
        """Let a pool rest if only a change of what was read can change the decision."""
        pool = snapshot.pool
        asks_host = bool(snapshot.base_sha) and bear_on_merges(snapshot.rules)
        settings_last = self._settings.last(pool, with_rules=asks_host)
        is_shown = self.is_dry_run or self.statuses is None or self.statuses.are_shown(pool)
        awaits = self._contexts_seen.are_awaited(pool)
        is_settled = is_shown and not awaits and not self._settings.have_changed(pool)
        if settings_last and is_settled and may_rest(snapshot, decision):
            rest = Rest(
                ground=ground,
                decision_id=decision_id,
                decision=decision,
                standing=snapshot.standing,
                base_sha=snapshot.base_sha,
                opted_in=frozenset(view.pull.key for view in candidates(snapshot)),
                until=self._rests_until(snapshot, settings_last),
            )
            self._resting.lay(rest)

    def _rests_until(self, snapshot: Snapshot, settings_last: datetime) -> datetime:
        """Tell when a pool is to be decided anew in any case; that a report does not come is seen by nothing else."""
        pool, now = snapshot.pool, snapshot.now
        until = rests_until(pool, now, settings_last)
        awaited = self._reports.awaited_for(pool, self.world.clock.steady())
        return until if awaited is None else min(until, now + awaited)

    async def _settle(self, pool: PoolKey, config: JobConfig, lease: Lease) -> None:
        if self._settled.get(pool) != lease.token:
            await recover(Inspector(self.world, self._standings, self._jobs(pool, config)))
            self._settled[pool] = lease.token

    async def _enact(self, lease: Lease, snapshot: Snapshot, decision: Decision, config: JobConfig) -> Outcome:
        if self.statuses:
            await self.statuses.show(_heads_to_land(decision.action, snapshot.pool))
        outcome = await self._enactor(snapshot.pool, config).enact(lease, snapshot, decision)
        self.world.observer.enacted(snapshot.pool, outcome)
        if outcome.action in TIDE_ACTIONS:
            await self.world.store.add_history(_history(snapshot, decision, outcome, self.world))
            if outcome.numbers or not outcome.error or self._stands_back(snapshot, decision):
                self.wake(snapshot.pool)
        return outcome

    def _enactor(self, pool: PoolKey, config: JobConfig) -> Enactor:
        jobs = self._jobs(pool, config)
        lander = Lander(self.world, jobs, self._holds, self._standings, self._settings)
        return Enactor(self.world, jobs, self._holds, lander)

    def _jobs(self, pool: PoolKey, config: JobConfig) -> CandidateJobs:
        return CandidateJobs(self.world, config, self._evaluations, pool)

    def _stands_back(self, snapshot: Snapshot, decision: Decision) -> bool:
        """Tell whether a target of the decision gives way to others now; else the same would be tried at once."""
        pool, base_sha, now = snapshot.pool, snapshot.base_sha, self.world.clock.now()
        held = (self._holds.of(pool, base_sha, target.member, now) for target in targets_of(decision.action))
        return any(one.reason for one in held)


def _asks_host(config: JobConfig, pool: PoolKey) -> bool:
    try:
        return bear_on_merges(config.rules(pool))
    except ConfigError:
        return False  # the turn of the pool tells what is wrong


def _heads_to_land(action: Action, pool: PoolKey) -> list[HeadKey]:
    """Name the heads that an action lands, or may land when there is no batch to start."""
    deed = action.otherwise if isinstance(action, TriggerBatch) else action
    is_merge = isinstance(deed, Merge | MergeBatch)
    return [HeadKey(pool.org, pool.repo, target.head_sha) for target in targets_of(deed)] if is_merge else []


def _history(snapshot: Snapshot, decision: Decision, outcome: Outcome, world: World) -> HistoryRecord:
    numbers = outcome.numbers or tuple(target.number for target in targets_of(decision.action))
    pulls = {view.pull.number: view.pull for view in snapshot.pulls}
    targets = tuple(HistoryTarget.of(pull) for pull in (pulls[number] for number in sorted(numbers)))
    return HistoryRecord(
        pool=snapshot.pool,
        time=world.clock.now(),
        action=outcome.action,
        base_sha=snapshot.base_sha,
        targets=targets,
        error=outcome.error,
        reason=outcome.reason,
        tenant_ids=snapshot.tenant_ids,
    )
