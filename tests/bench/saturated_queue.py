"""A queue at saturation in virtual time: the real rules decide; the branch, the jobs and their machines are played.

Every head has passed its jobs on a base of yesterday. Some would fail on the base of today: those are bad, and found by
testing only. Tide's side are the same rules without the memory that Tide does not have: what a failed batch has shown.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from heapq import heappop, heappush
from random import Random

from tests.builders import FAILURE, NOW, PENDING, POOL, SUCCESS, make_pull, make_rules, make_run, sha
from tide.domain.actions import Merge, MergeBatch, Trigger, TriggerBatch, targets_of
from tide.domain.evidence import Batch, BatchState, Landing
from tide.domain.pulls import Context, ContextState, MergeMethod
from tide.domain.runs import Run, RunState
from tide.domain.snapshot import PullView, Snapshot
from tide.policy.decide import decide
from tide.policy.failed_batches import still_failed

JOB = "unit"


@dataclass(frozen=True, slots=True)
class Load:
    """What the queue has to do: `open_pulls` at any time, of which `bad` is the share of those that fail.

    `slots` jobs run at once, each for `seconds` (least and most). `limit` is the largest batch, 0 for none. `flaky` is
    the share of runs that fail for nothing. A pull request that lands or is found guilty is followed by another one
    where it `refills`.
    """

    open_pulls: int = 60
    bad: float = 0.05
    slots: int = 8
    seconds: tuple[float, float] = (20.0, 30.0)
    limit: int = 0
    flaky: float = 0.0
    refills: bool = True


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it: merges and the runs that were started; `merged_at` are the seconds of each merge."""

    merged_at: tuple[float, ...]
    runs: int
    batches: tuple[int, ...]
    left: tuple[int, ...]

    @property
    def merges(self) -> int:
        return len(self.merged_at)


@dataclass(slots=True)
class SaturatedQueue:
    """Plays a load; equal seeds have the same pull requests be bad, and the same jobs take as long."""

    load: Load
    seed: int
    remembers: bool = True
    now: float = 0.0
    numbers: list[int] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)
    contexts: dict[int, ContextState] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    failed: list[Batch] = field(default_factory=list)
    landings: list[Landing] = field(default_factory=list)
    landed: dict[int, float] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    _ends: list[tuple[float, str]] = field(default_factory=list)
    _waiting: list[str] = field(default_factory=list)
    _started: int = 0
    _next: int = 1
    _base: int = 0

    def play(self, seconds: float) -> Played:
        """Play for so long, or until nothing happens any more."""
        for _ in range(self.load.open_pulls):
            self._open()
        while self.now < seconds:
            while self._sync():
                pass
            if not self._ends:
                break
            self._end_next()
        merged = tuple(sorted(at for at in self.landed.values() if at <= seconds))
        return Played(merged, self._started, tuple(self.batches), tuple(self.numbers))

    @property
    def base_sha(self) -> str:
        return sha(f"base {self._base}")

    def _open(self) -> None:
        number, self._next = self._next, self._next + 1
        self.numbers.append(number)
        self.contexts[number] = SUCCESS
        if self._chance("bad", number) < self.load.bad:
            self.bad.add(number)

    def _chance(self, what: str, name: object) -> float:
        return Random(f"{self.seed} {what} {name}").random()  # noqa: S311 - chance that can be played again

    def snapshot(self) -> Snapshot:
        views = tuple(
            PullView(make_pull(number, [Context(JOB, self.contexts[number])]), (JOB,)) for number in self.numbers
        )
        heads = frozenset((number, sha(number)) for number in self.numbers)
        runs = [run for run in self.runs.values() if self.remembers or not _has_failed_as_batch(run)]
        return Snapshot(
            pool=POOL,
            now=NOW + timedelta(seconds=self.now),
            base_sha=self.base_sha,
            rules=make_rules(batch_size_limit=self.load.limit),
            pulls=views,
            runs=tuple(runs),
            failed_batches=still_failed(self.failed, self.landings, self.base_sha, heads) if self.remembers else (),
        )

    def _sync(self) -> bool:
        """Decide and act once; tell whether anything was done."""
        action = decide(self.snapshot()).action
        match action:
            case Trigger():
                self._start([action.target.number])
            case TriggerBatch():
                limit = action.limit or len(action.candidates)
                numbers = [target.number for target in action.candidates[:limit]]
                self.batches.append(len(numbers))
                self._start(numbers)
            case Merge() | MergeBatch():
                for target in targets_of(action):
                    self._land(target.number)
            case _:
                return False
        return True

    def _start(self, numbers: list[int]) -> None:
        self._started += 1
        name = f"run-{self._started}"
        self.runs[name] = make_run(JOB, numbers, RunState.PENDING, base_sha=self.base_sha, name=name)
        if len(numbers) == 1:
            self.contexts[numbers[0]] = PENDING
        self._waiting.append(name)
        self._fill_slots()

    def _fill_slots(self) -> None:
        while self._waiting and len(self._ends) < self.load.slots:
            name = self._waiting.pop(0)
            least, most = self.load.seconds
            members = " ".join(str(number) for number, _ in self.runs[name].heads)
            heappush(self._ends, (self.now + least + (most - least) * self._chance("time", members), name))

    def _end_next(self) -> None:
        self.now, name = heappop(self._ends)
        run = self.runs[name]
        numbers = {number for number, _ in run.heads}
        is_bad = (
            bool(numbers & self.bad) or self._chance("flake", f"{sorted(numbers)} {run.base_sha}") < self.load.flaky
        )
        self.runs[name] = replace(run, state=RunState.FAILURE if is_bad else RunState.SUCCESS)
        if len(numbers) > 1:
            if is_bad and run.base_sha == self.base_sha:
                self.failed.append(Batch(POOL, run.base_sha, run.heads, (JOB,), "", "", state=BatchState.FAILED))
        else:
            (number,) = numbers
            if number in self.numbers:
                self.contexts[number] = FAILURE if is_bad else SUCCESS
                if is_bad:
                    self._leave(number)
        self._fill_slots()

    def _land(self, number: int) -> None:
        assert number not in self.bad, "the branch is red"
        before, self._base = self.base_sha, self._base + 1
        self.landings.append(
            Landing(POOL, number, sha(number), MergeMethod.MERGE, before, "", "", self.base_sha, "", NOW)
        )
        self.landed[number] = self.now
        self._leave(number)

    def _leave(self, number: int) -> None:
        """Take one out, and forget its runs."""
        self.numbers.remove(number)
        self.runs = {name: run for name, run in self.runs.items() if run.state.is_live or run.base_sha == self.base_sha}
        if self.load.refills:
            self._open()


def _has_failed_as_batch(run: Run) -> bool:
    return len(run.heads) > 1 and run.state is RunState.FAILURE
