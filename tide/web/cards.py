"""Pools as the page shows them: what happens now and why, who is being tested, who waits, who is outside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tide.domain.evidence import Batch, BatchState
from tide.domain.keys import PullKey
from tide.domain.pulls import Pull
from tide.domain.records import BATCH_FAILED, TEST_FAILED, HistoryRecord, PoolView
from tide.domain.runs import Run, RunKind
from tide.domain.snapshot import StandingKind
from tide.web.advice import advice_on
from tide.web.banners import Banner, Tone, pool_banners
from tide.web.verdicts import reason_of

_NOW = {
    "WAIT": ("Waiting", Tone.IDLE),
    "TRIGGER": ("Testing", Tone.TEST),
    "TRIGGER_BATCH": ("Testing a batch", Tone.TEST),
    "MERGE": ("Merging", Tone.MERGE),
    "MERGE_BATCH": ("Merging a batch", Tone.MERGE),
    "BLOCKED": ("Blocked", Tone.STOP),
    "PROVE": ("Proving the branch", Tone.TEST),
    "UPDATE_BRANCH": ("Updating a branch", Tone.TEST),
}
_DONE = {
    "TRIGGER": ("Started tests", "Tests not started", Tone.TEST),
    "TRIGGER_BATCH": ("Started a batch", "Batch not started", Tone.TEST),
    "MERGE": ("Merged", "Not merged", Tone.MERGE),
    "MERGE_BATCH": ("Merged a batch", "Batch stopped", Tone.MERGE),
    "PROVE": ("Started a proof", "Proof not started", Tone.TEST),
    TEST_FAILED: ("Tests failed", "Tests failed", Tone.STOP),
    BATCH_FAILED: ("Batch failed", "Batch failed", Tone.STOP),
}


@dataclass(frozen=True, slots=True)
class PullLine:
    """A pull request in a list: why it stands there, and its live runs."""

    key: PullKey
    title: str
    author: str
    head_sha: str
    updated_at: datetime
    summary: str = ""
    position: int | None = None
    runs: tuple[Run, ...] = ()
    is_in_batch: bool = False

    def matches(self, words: str) -> bool:
        """Tell whether a search for `words` (in lower case) finds it."""
        return words in f"{self.key} {self.title} {self.author}".lower()


@dataclass(frozen=True, slots=True)
class Lane:
    """Pull requests that stand alike."""

    name: str
    title: str
    hint: str
    lines: tuple[PullLine, ...]


@dataclass(frozen=True, slots=True)
class BatchJob:
    """One required job of a batch; no `run` means that it is not running any more, or not yet."""

    context: str
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class BatchPanel:
    """The batch in flight: its members in the order in which they are merged, and its jobs."""

    members: tuple[PullLine, ...]
    jobs: tuple[BatchJob, ...]
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class PoolCard:
    """Everything that the page says of one pool."""

    view: PoolView
    word: str
    tone: Tone
    banners: tuple[Banner, ...]
    lanes: tuple[Lane, ...]
    outside: tuple[PullLine, ...]
    batch: BatchPanel | None
    proof_runs: tuple[Run, ...]
    advice: str = ""

    @property
    def needs_human(self) -> bool:
        """Tell whether it stands still until somebody does something."""
        return bool(self.advice or self.view.error or self.view.action == "BLOCKED")

    @property
    def is_busy(self) -> bool:
        """Tell whether there is more to it than its name."""
        return bool(self.queued or self.batch or self.banners or self.proof_runs or self.needs_human)

    @property
    def queued(self) -> int:
        """How many pull requests are in the pool."""
        return sum(len(lane.lines) for lane in self.lanes)

    def narrowed(self, words: str) -> "PoolCard | None":
        """Keep what a search finds: the whole pool by its name, else its pull requests; None when there is nothing."""
        words = words.lower()
        if words in str(self.view.pool).lower():
            return self
        lanes = tuple(replace(lane, lines=_matching(lane.lines, words)) for lane in self.lanes)
        outside = _matching(self.outside, words)
        found = outside or any(lane.lines for lane in lanes)
        return replace(self, lanes=lanes, outside=outside) if found else None


def pool_card(view: PoolView, live_runs: Iterable[Run], batches: Iterable[Batch]) -> PoolCard:
    """Put together what is known of a pool; `live_runs` and `batches` may be of any pool."""
    runs = tuple(run for run in live_runs if run.pool == view.pool)
    proof_runs = tuple(run for run in runs if run.kind is RunKind.POSTSUBMIT)
    word, tone = _state(view, runs)
    lines = _Lines(view, runs)
    return PoolCard(
        view=view,
        word=word,
        tone=tone,
        banners=pool_banners(view),
        lanes=(
            Lane("passing", "Passing", "Tested on this base, ready to merge", lines.of(view.passing)),
            Lane("pending", "Pending", "Tests are running", lines.of(view.pending)),
            Lane("missing", "Missing", "To be tested on this base", lines.of(view.missing)),
        ),
        outside=lines.of(view.outside),
        batch=_batch_panel(view, lines, runs, batches),
        proof_runs=proof_runs,
        advice="" if proof_runs or view.action == "PROVE" else advice_on(view),
    )


def action_now(action: str) -> tuple[str, Tone]:
    """Say in plain words what a pool does now; a word that nobody knows stays as it is."""
    return _NOW.get(action, (action, Tone.IDLE))


def action_done(record: HistoryRecord) -> tuple[str, Tone]:
    """Say in plain words what was done, or was not."""
    done, failed, tone = _DONE.get(record.action, (record.action, f"{record.action} failed", Tone.IDLE))
    return (done if record.is_done else failed), Tone.STOP if record.error else tone


def _state(view: PoolView, runs: Sequence[Run]) -> tuple[str, Tone]:
    if view.standing.kind is StandingKind.FROZEN:
        return "Frozen", Tone.STOP
    word, tone = action_now(view.action)
    if view.error:
        return word, Tone.STOP
    if view.action == "WAIT" and (runs or view.batch_pending):
        return "Waiting for tests", Tone.TEST
    return word, tone


class _Lines:
    def __init__(self, view: PoolView, runs: Iterable[Run]) -> None:
        self._verdicts = {verdict.pull: verdict for verdict in view.verdicts}
        self._runs = _runs_alone(runs)
        self._batch = {pull.key for pull in view.batch_pending}

    def of(self, pulls: Iterable[Pull]) -> tuple[PullLine, ...]:
        return tuple(map(self._line, pulls))

    def _line(self, pull: Pull) -> PullLine:
        verdict = self._verdicts.get(pull.key)
        return PullLine(
            key=pull.key,
            title=pull.title,
            author=pull.author,
            head_sha=pull.head_sha,
            updated_at=pull.updated_at,
            summary=reason_of(verdict) if verdict else "",
            position=verdict.position if verdict else None,
            runs=self._runs.get((pull.number, pull.head_sha), ()),
            is_in_batch=pull.key in self._batch,
        )


def _runs_alone(runs: Iterable[Run]) -> Mapping[tuple[int, str], tuple[Run, ...]]:
    found: dict[tuple[int, str], tuple[Run, ...]] = {}
    for run in runs:
        if run.kind is RunKind.PRESUBMIT and len(run.heads) == 1:
            found[run.heads[0]] = (*found.get(run.heads[0], ()), run)
    return found


def _batch_panel(view: PoolView, lines: _Lines, runs: Iterable[Run], batches: Iterable[Batch]) -> BatchPanel | None:
    if not view.batch_pending:
        return None
    numbers = {pull.number for pull in view.batch_pending}
    live = [run for run in runs if run.kind is RunKind.BATCH and {number for number, _ in run.heads} == numbers]
    batch = next((batch for batch in batches if _is_tested(batch, view, numbers)), None)
    return BatchPanel(
        members=lines.of(view.batch_pending),
        jobs=_jobs(batch.contexts if batch else (), live),
        started_at=batch.created_at if batch else None,
    )


def _is_tested(batch: Batch, view: PoolView, numbers: set[int]) -> bool:
    return (
        batch.pool == view.pool
        and batch.state is BatchState.TESTING
        and {number for number, _ in batch.members} == numbers
    )


def _jobs(contexts: Sequence[str], live: Iterable[Run]) -> tuple[BatchJob, ...]:
    by_context = {run.context: run for run in live}
    names = dict.fromkeys((*contexts, *by_context))
    return tuple(BatchJob(name, by_context.get(name)) for name in names)


def _matching(lines: Iterable[PullLine], words: str) -> tuple[PullLine, ...]:
    return tuple(line for line in lines if line.matches(words))
