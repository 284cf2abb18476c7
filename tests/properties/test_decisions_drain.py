"""A queue that nobody adds to runs empty: what is good lands, what is bad never does."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import FAILURE, NOW, PENDING, POOL, SUCCESS, make_policy, make_pull, make_rules, make_run, sha
from tide.domain.actions import Action, Merge, MergeBatch, Trigger, TriggerBatch, targets_of
from tide.domain.pulls import Context, ContextState
from tide.domain.runs import Purpose, Run, RunState
from tide.domain.snapshot import PullView, Snapshot
from tide.policy.decide import decide

MANY_SYNCS = 400
JOB = "unit"


@dataclass
class World:
    """A branch with its truth: which changes break it alone, and which ones only together."""

    numbers: tuple[int, ...]
    bad: frozenset[int]
    clashes: frozenset[frozenset[int]]
    aborted: list[bool]
    has_trigger: bool
    is_slow: bool
    landed: list[int] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    contexts: dict[int, ContextState] = field(default_factory=dict)
    first_runs: set[tuple[str, str]] = field(default_factory=set)

    bases: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def base_sha(self) -> str:
        base_sha = sha(f"base {self.landed}")
        self.bases[base_sha] = tuple(self.landed)
        return base_sha

    def is_green(self, numbers: Iterable[int], base_sha: str = "") -> bool:
        there = {*self.bases.get(base_sha, self.landed), *numbers}
        return not there & self.bad and not any(clash <= there for clash in self.clashes)

    def snapshot(self) -> Snapshot:
        views = tuple(self.view(number) for number in self.numbers if number not in self.landed)
        rules = make_rules(trigger=self.has_trigger, context_policy=make_policy([JOB]))
        return Snapshot(
            POOL, NOW, self.base_sha, rules, views, tuple(self.runs), first_runs=tuple(sorted(self.first_runs))
        )

    def view(self, number: int) -> PullView:
        state = self.contexts.get(number)
        return PullView(make_pull(number, [Context(JOB, state)] if state else []), (JOB,))

    def finish_runs(self) -> None:
        """End all runs, or one at a time; some are aborted instead, which says nothing."""
        for place, run in enumerate(self.runs):
            if run.state is not RunState.PENDING:
                continue
            numbers = [number for number, _ in run.heads]
            state = RunState.SUCCESS if self.is_green(numbers, run.base_sha) else RunState.FAILURE
            if self.aborted and self.aborted.pop():
                state = RunState.ABORTED
            self.runs[place] = replace(run, state=state)
            if len(numbers) == 1:
                self.contexts[numbers[0]] = SUCCESS if state is RunState.SUCCESS else FAILURE
            if self.is_slow:
                return

    def start(self, numbers: list[int], purpose: Purpose) -> None:
        heads = tuple((number, sha(number)) for number in numbers)
        earlier = [run for run in self.runs if run.heads == heads and run.base_sha == self.base_sha]
        assert not any(run.state in {RunState.PENDING, RunState.SUCCESS} for run in earlier), "started twice"
        attempt = len(earlier) + 1
        run = make_run(JOB, numbers, RunState.PENDING, base_sha=self.base_sha, purpose=purpose, attempt=attempt)
        self.runs.append(replace(run, started_at=NOW + timedelta(seconds=len(self.runs))))
        if len(numbers) == 1:
            self.contexts[numbers[0]] = PENDING

    def land(self, numbers: list[int]) -> None:
        assert self.is_green(numbers), "the branch is red"
        self.landed += numbers

    def enact(self, action: Action) -> None:
        numbers = [target.number for target in targets_of(action)]
        match action:
            case Trigger():
                self.start(numbers, Purpose.RETEST)
            case TriggerBatch():
                self.start(numbers, Purpose.BATCH)
            case Merge() | MergeBatch():
                self.land(numbers)

    def sync(self) -> bool:
        """Decide and act once; tell whether anything was done."""
        decision = decide(self.snapshot())
        for trigger in decision.first_runs:
            self.first_runs.add((trigger.target.head_sha, JOB))
            self.start([trigger.target.number], Purpose.FIRST)
        self.enact(decision.action)
        return bool(decision.first_runs or targets_of(decision.action))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a queue of which some changes are bad, some clash, and whose first runs may still be to come."""
    numbers = tuple(sorted(draw(st.sets(st.integers(1, 30), min_size=1, max_size=9))))
    pairs = st.sets(st.sampled_from(numbers), min_size=2, max_size=2).map(frozenset)
    world = World(
        numbers=numbers,
        bad=frozenset(draw(st.sets(st.sampled_from(numbers), max_size=3))),
        clashes=frozenset(draw(st.sets(pairs, max_size=2))) if len(numbers) > 1 else frozenset(),
        aborted=draw(st.lists(st.booleans(), max_size=2)),
        has_trigger=draw(st.booleans()),
        is_slow=draw(st.booleans()),
    )
    if not world.has_trigger:
        world.contexts = dict.fromkeys(numbers, SUCCESS)  # another tool has tested the heads, on older bases
    return world


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_what_is_good_lands_and_what_is_bad_does_not(world: World) -> None:
    for _ in range(MANY_SYNCS):
        if not world.sync() and not any(run.state is RunState.PENDING for run in world.runs):
            break
        world.finish_runs()
    else:
        raise AssertionError("the queue never comes to rest")
    left = [number for number in world.numbers if number not in world.landed]
    assert all(not world.is_green([number]) for number in left)
