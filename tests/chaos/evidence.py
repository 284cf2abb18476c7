"""What must hold whatever goes wrong, judged by what really happened."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.prowjobs.reading import runs_of
from tide.domain.runs import Run, RunState
from tide.domain.snapshot import StandingKind
from tide.policy.contexts import TIDE_CONTEXT
from tide.sandbox.changes import AnyChange, Pushed
from tide.sandbox.scenarios.contributors import Opened
from tide.sandbox.scenarios.story import Fate
from tide.sandbox.scenarios.truth import Verdict

Merged = tuple[str, int, str]
"""A repository, the number of a pull request, and the commit that the branch got by it."""

INVARIANTS = (
    "double merge",
    "lost merge",
    "merge that was none",
    "red head",
    "red intermediate head",
    "run started twice",
    "attempt begun too early",
    "deed without the lead",
    "merged what must not",
    "untold or untrue status",
    "open intent",
    "frozen pool",
    "unproven pool",
    "run that does not end",
    "decision that does not replay",
    "clean stop",
    "end of its own",
    "unexpected error",
)
"""What must hold, by the names under which a breach of it is told."""


@dataclass
class Evidence:
    """Keeps what GitHub and the cluster have seen."""

    merges: list[Merged] = field(default_factory=list)
    created: Counter[str] = field(default_factory=Counter)
    too_early: list[str] = field(default_factory=list)
    late_deeds: list[str] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda _what: None

    @property
    def live_runs(self) -> list[str]:
        """Name the runs of ours that have not ended."""
        return [f"{run.name} is {run.state}" for run in self.runs.values() if _is_ours(run) and run.state.is_live]

    def see_change(self, change: AnyChange) -> None:
        """Take note of what happened to a branch."""
        if isinstance(change, Pushed) and change.pull is not None:
            name, number = change.repository.full_name, change.pull.number
            self.merges.append((name, number, change.after or ""))
            self.tell(f"{name}#{number} was merged into {change.branch}")

    def see_object(self, kind: str, prowjob: Mapping[str, Any]) -> None:
        """Take note of what happened to a ProwJob."""
        for run in runs_of([prowjob]):
            if kind == "ADDED":
                self._begun(run)
            self.runs[run.name] = run

    def _begun(self, run: Run) -> None:
        self.created[run.name] += 1
        if _is_ours(run):
            numbers = ", ".join(f"#{number}" for number, _ in run.heads) or "the branch itself"
            pool = run.pool
            self.tell(f"a run of {run.job} on {numbers} of {pool} was created ({run.purpose}, attempt {run.attempt})")
        same = [one for one in self.runs.values() if _subject(one) == _subject(run) and _is_ours(one) and _is_ours(run)]
        self.too_early += [
            f"{run.job} on {run.heads}: attempt {run.attempt} was begun while {one.attempt} was {one.state}"
            for one in same
            if one.state.is_live or one.state is RunState.SUCCESS
        ]


def _subject(run: Run) -> tuple[object, ...]:
    return (run.job, run.pool, run.base_sha, run.heads)


def _is_ours(run: Run) -> bool:
    return run.purpose.value != "foreign"


@dataclass(frozen=True)
class Broken:
    """An invariant that does not hold, and what shows it."""

    invariant: str
    evidence: str


@dataclass(frozen=True)
class Ledger:
    """What the database says at the end."""

    landings: Counter[Merged]
    open_intents: list[str]
    frozen: list[str]
    unproven: list[str]

    @property
    def is_quiet(self) -> bool:
        """Tell whether nothing is under way."""
        return not self.open_intents and not self.unproven

    @classmethod
    async def read(cls, engine: AsyncEngine) -> "Ledger":
        """Read it."""

        async def ask(query: str) -> list[Any]:
            async with engine.connect() as connection:
                return list((await connection.execute(text(query))).all())

        landed = await ask("SELECT org || '/' || repo, number, landed_sha FROM landings")
        opened = await ask("SELECT kind || ' ' || subject FROM intents WHERE ended_at IS NULL")
        doubted = await ask("SELECT kind, org || '/' || repo || ':' || branch || ' ' || reason FROM standings")
        return cls(
            Counter((repo, number, sha) for repo, number, sha in landed),
            [one for (one,) in opened],
            [told for kind, told in doubted if kind == StandingKind.FROZEN],
            [told for kind, told in doubted if kind == StandingKind.UNPROVEN],
        )


def broken(evidence: Evidence, ledger: Ledger, verdict: Verdict, opened: Collection[Opened]) -> list[Broken]:
    """List every invariant that does not hold."""
    merged = set(evidence.merges)
    known = set(ledger.landings)
    times = Counter((repo, number) for repo, number, _ in evidence.merges)
    return [
        *_told("double merge", (f"{one} merged {count} times" for one, count in times.items() if count > 1)),
        *_told("lost merge", (f"{one} merged, and no landing is known" for one in merged - known)),
        *_told("merge that was none", (f"{one} is known to have landed" for one in known - merged)),
        *_told("red head", (f"{one.repo}:{one.branch} {one.sha} {one.failures}" for one in verdict.red)),
        *_told("red intermediate head", (f"{one.repo} {one.sha} {one.failures}" for one in verdict.passing_by)),
        *_told("run started twice", (f"{name} {count} times" for name, count in evidence.created.items() if count > 1)),
        *_told("attempt begun too early", evidence.too_early),
        *_told("deed without the lead", evidence.late_deeds),
        *_told("merged what must not", (one.name for one in opened if one.pull.merged and _must_not(one.fate))),
        *_told("untold or untrue status", (one.name for one in opened if is_misled(one))),
        *_told("open intent", ledger.open_intents),
        *_told("frozen pool", ledger.frozen),
        *_told("unproven pool", ledger.unproven),
        *_told("run that does not end", evidence.live_runs),
    ]


def is_misled(one: Opened) -> bool:
    """Tell whether an open pull request that is not to merge is silent about it, or says that it will."""
    if one.pull.state != "open" or not _must_not(one.fate):
        return False
    told = [status for status in one.repository.statuses.get(one.pull.head_sha, ()) if status.context == TIDE_CONTEXT]
    return not told or told[-1].state == "success"


def _must_not(fate: Fate) -> bool:
    return fate in {Fate.REJECTED, Fate.WAITING}


def _told(invariant: str, cases: Iterable[str]) -> list[Broken]:
    return [Broken(invariant, case) for case in cases]
