"""What must hold whatever goes wrong, judged by what really happened."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.prowjobs.reading import runs_of
from tide.domain.runs import Run, RunState
from tide.sandbox.changes import AnyChange, Pushed
from tide.sandbox.scenarios.contributors import Opened
from tide.sandbox.scenarios.story import Fate
from tide.sandbox.scenarios.truth import Verdict

Merged = tuple[str, int]
"""A repository and the number of a pull request."""


@dataclass
class Evidence:
    """Keeps what GitHub and the cluster have seen."""

    merges: Counter[Merged] = field(default_factory=Counter)
    created: Counter[str] = field(default_factory=Counter)
    too_early: list[str] = field(default_factory=list)
    late_deeds: list[str] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)

    def see_change(self, change: AnyChange) -> None:
        """Take note of what happened to a branch."""
        if isinstance(change, Pushed) and change.pull is not None:
            self.merges[change.repository.full_name, change.pull.number] += 1

    def see_object(self, kind: str, prowjob: Mapping[str, Any]) -> None:
        """Take note of what happened to a ProwJob."""
        for run in runs_of([prowjob]):
            if kind == "ADDED":
                self._begun(run)
            self.runs[run.name] = run

    def _begun(self, run: Run) -> None:
        self.created[run.name] += 1
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

    @classmethod
    async def read(cls, engine: AsyncEngine) -> "Ledger":
        """Read it."""

        async def ask(query: str) -> list[Any]:
            async with engine.connect() as connection:
                return list((await connection.execute(text(query))).all())

        landed = await ask("SELECT org || '/' || repo, number FROM landings")
        opened = await ask("SELECT kind || ' ' || subject FROM intents WHERE ended_at IS NULL")
        frozen = await ask(
            "SELECT org || '/' || repo || ':' || branch || ' ' || reason FROM standings WHERE kind = 'frozen'"
        )
        return cls(
            Counter((repo, number) for repo, number in landed), [one for (one,) in opened], [one for (one,) in frozen]
        )


def broken(evidence: Evidence, ledger: Ledger, verdict: Verdict, opened: Collection[Opened]) -> list[Broken]:
    """List every invariant that does not hold."""
    merged = {(one.repository.full_name, one.pull.number) for one in opened if one.pull.merged}
    return [
        *_told("double merge", (f"{one} merged {times} times" for one, times in evidence.merges.items() if times > 1)),
        *_told("lost merge", (f"{one} merged, and no landing is known" for one in merged - set(ledger.landings))),
        *_told("merge that was none", (f"{one} is known to have landed" for one in set(ledger.landings) - merged)),
        *_told("red head", (f"{one.repo}:{one.branch} {one.sha} {one.failures}" for one in verdict.red)),
        *_told("red intermediate head", (f"{one.repo} {one.sha} {one.failures}" for one in verdict.passing_by)),
        *_told("run started twice", (f"{name} {times} times" for name, times in evidence.created.items() if times > 1)),
        *_told("attempt begun too early", evidence.too_early),
        *_told("deed without the lead", evidence.late_deeds),
        *_told("merged what must not", (one.name for one in opened if one.pull.merged and _must_not(one.fate))),
        *_told("open intent", ledger.open_intents),
        *_told("frozen pool", ledger.frozen),
    ]


def _must_not(fate: Fate) -> bool:
    return fate in {Fate.REJECTED, Fate.WAITING}


def _told(invariant: str, cases: Iterable[str]) -> list[Broken]:
    return [Broken(invariant, case) for case in cases]
