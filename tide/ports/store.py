"""What is remembered between syncs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tide.domain.decisions import Decision
from tide.domain.evidence import Batch, Evidence, Landing
from tide.domain.intents import Intent
from tide.domain.keys import HeadKey, PoolKey, PullKey, RepoKey
from tide.domain.outcomes import Outcome
from tide.domain.pulls import Context, Pull
from tide.domain.records import HistoryRecord
from tide.domain.retests import Retest
from tide.domain.runs import Candidate, Run
from tide.domain.snapshot import Snapshot, Standing


class Mirror(Protocol):
    """The open pull requests of the covered repositories, as they were last read."""

    async def reading_begins(self) -> datetime:
        """Give the moment that a reading is to be kept under; it is asked for before anything is read.

        It is by the clock of the store, and later than every one given before, whoever got it: the clocks of replicas
        may differ, and each of them may be set back.
        """
        ...

    async def save_pulls(self, pulls: Sequence[Pull], read_at: datetime) -> None:
        """Keep these as read at `read_at` (`reading_begins`); an older reading never overwrites a newer one."""
        ...

    async def open_pulls(self, repos: Collection[RepoKey] | None = None) -> tuple[Pull, ...]:
        """Give the open ones, sorted by key; None means of every repository."""
        ...

    async def pool_pulls(self, pool: PoolKey) -> tuple[Pull, ...]:
        """Give the open ones of one pool, sorted by number."""
        ...

    async def pulls_named(self, keys: Collection[PullKey]) -> tuple[Pull, ...]:
        """Give those of these that are open, sorted by key."""
        ...

    async def pulls_of_head(self, head: HeadKey) -> tuple[Pull, ...]:
        """Give the open ones with this head, sorted by number."""
        ...

    async def drop_pulls(self, keys: Collection[PullKey], at: datetime) -> None:
        """Mark these as no longer open (closed, deleted, or no longer covered), as read at that moment."""
        ...

    async def watermark(self, name: str) -> tuple[str, datetime] | None:
        """Give what `set_watermark` kept under a name: the search that it is for, and how far it got."""
        ...

    async def set_watermark(self, name: str, query: str, until: datetime) -> None:
        """Keep how far a search got."""
        ...


class Ledger(Protocol):
    """What was begun, tested, landed and decided in the pools."""

    async def standing(self, pool: PoolKey) -> Standing:
        """Give the standing of a pool's branch; PROVEN when nothing is known against it."""
        ...

    async def set_standing(self, pool: PoolKey, standing: Standing) -> None:
        """Change the standing of a pool's branch."""
        ...

    async def begin(self, intent: Intent) -> int:
        """Write down a deed before it is done; give its id.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        ...

    async def proceed(self, intent: Intent, at: datetime) -> None:
        """Write down that the next step of a deed (by its id) is begun at `at`.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        ...

    async def finish(self, intent_id: int, outcome: str, at: datetime) -> None:
        """Write down what came of a deed."""
        ...

    async def open_intents(self, pool: PoolKey | None = None) -> tuple[Intent, ...]:
        """Give the deeds of a pool, or of all, whose outcome is not known, oldest first."""
        ...

    async def save_runs(self, runs: Sequence[Run], at: datetime) -> None:
        """Keep these runs as last seen."""
        ...

    async def live_runs(self, pool: PoolKey | None = None) -> tuple[Run, ...]:
        """Give the runs of a pool, or of all, that had no verdict when they were last seen, sorted by name."""
        ...

    async def spent_attempts(self, candidate: Candidate) -> Mapping[str, int]:
        """Give, by the name of the job, the highest attempt on a candidate that has ended, however it ended."""
        ...

    async def first_runs(self, pool: PoolKey, heads: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Give (head SHA, context) of the first runs started for these heads."""
        ...

    async def add_evidence(self, evidence: Sequence[Evidence]) -> None:
        """Keep what runs have shown; the same run twice is kept once."""
        ...

    async def evidence(self, run_tree: str, digests: Collection[str]) -> tuple[Evidence, ...]:
        """Give what is known of these jobs on one tree, newest first."""
        ...

    async def save_batch(self, batch: Batch) -> None:
        """Keep a batch, known by its pool, base and members; a later state replaces an earlier one."""
        ...

    async def batches(self, pool: PoolKey, base_sha: str) -> tuple[Batch, ...]:
        """Give the batches that were tested on one base, oldest first."""
        ...

    async def failed_batches(self, pool: PoolKey, base_sha: str, since: datetime) -> tuple[Batch, ...]:
        """Give the batches that failed on one base, or on any since a moment, oldest first."""
        ...

    async def landings(self, pool: PoolKey) -> tuple[Landing, ...]:
        """Give what has landed last in a pool, oldest first: thousands of landings back, all pools together."""
        ...

    async def abandon_batches(self, pool: PoolKey, base_sha: str, at: datetime) -> None:
        """Mark the batches of a pool that are being tested on any other base as abandoned: the base has moved."""
        ...

    async def add_landing(self, landing: Landing) -> None:
        """Keep what landed."""
        ...

    async def record_decision(self, snapshot: Snapshot, decision: Decision) -> int:
        """Keep a decision with the snapshot it rests on and show it as the pool's state; give the decision's id.

        An equal decision on an equal snapshot (but for the time) only moves `last_seen`.
        """
        ...

    async def seen_again(self, decisions: Collection[int], at: datetime) -> frozenset[int]:
        """Move `last_seen` of those of these decisions (ids) that their pools show, without an error; give them."""
        ...

    async def record_outcome(self, decision_id: int, outcome: Outcome) -> None:
        """Keep what came of a decision, and what it was done for."""
        ...

    async def record_foreseen(self, decision_id: int, outcome: Outcome) -> None:
        """Keep what would be done after a decision, and what for."""
        ...

    async def record_failure(self, pool: PoolKey, error: str, at: datetime) -> None:
        """Show that a pool could not be decided; its last known state stays."""
        ...

    async def drop_pools(self, keep: Collection[PoolKey], at: datetime) -> None:
        """Stop showing all pools but these."""
        ...

    async def add_history(self, record: HistoryRecord) -> None:
        """Keep what was done, newest first for readers."""
        ...

    async def take_over_history(self, records: Sequence[HistoryRecord]) -> int:
        """Keep what was done elsewhere, but for the records that are here already; give how many were not.

        A record is known by its pool, time, action and base.
        """
        ...


class Retests(Protocol):
    """What somebody asked to be run again: a record, answered by the run that follows it."""

    async def ask_again(self, pull: PullKey, head_sha: str, contexts: Collection[str], at: datetime) -> tuple[str, ...]:
        """Ask for jobs of a head to be run once more; give those that nobody was waiting for already, sorted."""
        ...

    async def asked_again(self, pool: PoolKey, heads: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Give (head SHA, context) of what is asked for on these heads and no run has answered, sorted."""
        ...

    async def answer_asked(self, pool: PoolKey, heads: Collection[str], at: datetime) -> None:
        """Write down which runs have answered what is asked for on these heads: those that came after the asking."""
        ...

    async def retests(self, pull: PullKey, head_sha: str) -> tuple[Retest, ...]:
        """Give what was ever asked for on a head, oldest first."""
        ...

    async def runs_alone(self, pull: PullKey, head_sha: str) -> tuple[Run, ...]:
        """Give the runs that have tested a head alone, as last seen, sorted by name."""
        ...


class StatusLog(Protocol):
    """What was written of the status context `tide`."""

    async def statuses_written(self, head: HeadKey) -> int:
        """Give how many of our statuses a commit has got."""
        ...

    async def status_written(self, head: HeadKey, status: Context, at: datetime) -> None:
        """Count a status that was written, and show it on the open pull requests with this head."""
        ...


class Marks(Protocol):
    """What shows that nothing has changed of what is remembered."""

    async def marks(self, pools: Collection[PoolKey] | None = None) -> Mapping[PoolKey, str]:
        """Give marks of pools: of those of these that have an open pull request, without any given of all such.

        As long as a pool has the same mark, no pull request in it was changed here, none came or went, and neither its
        standing was changed nor a job asked for again, by whomever. It has none, "", while anything is under way: a run
        that has no verdict yet, a batch that is being tested, a deed whose outcome is not known.
        """
        ...


class Store(Mirror, Ledger, Retests, StatusLog, Marks, Protocol):
    """All that a sync remembers."""
