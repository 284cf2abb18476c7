import pytest

from tests.builders import BASE, POOL, make_run, sha
from tide.adapters.prowjobs.attempts import current_attempt
from tide.adapters.prowjobs.writing import run_name
from tide.domain.runs import Candidate, Head, Run, RunState

ALONE = Candidate(POOL, BASE, (Head(7, sha(7)),))


class Records:
    """Runs by attempt; `rival` appears when somebody tries to begin the first."""

    def __init__(self, *states: RunState | None, rival: RunState | None = None) -> None:
        self.runs = {attempt: make_run("unit", 7, state) for attempt, state in enumerate(states, 1) if state}
        self.rival = rival
        self.begun: list[int] = []

    async def known(self, name: str) -> Run | None:
        return next((run for attempt, run in self.runs.items() if run_name(ALONE, "unit", attempt) == name), None)

    async def begin(self, attempt: int) -> Run | None:
        if self.rival is not None:
            self.runs[attempt], self.rival = make_run("unit", 7, self.rival), None
            return None
        self.begun.append(attempt)
        return make_run("unit", 7, RunState.TRIGGERED)

    async def current(self, spent: int = 0) -> Run:
        return await current_attempt(ALONE, "unit", spent, known=self.known, begin=self.begin)


@pytest.mark.parametrize(
    ("records", "spent", "begun"),
    [
        (Records(), 0, [1]),
        (Records(RunState.FAILURE), 0, [2]),
        (Records(RunState.ABORTED, RunState.ERROR), 0, [3]),
        (Records(), 2, [3]),
        (Records(None, RunState.FAILURE), 1, [3]),
        (Records(RunState.FAILURE), 4, [5]),
        (Records(RunState.SUCCESS), 0, []),
        (Records(RunState.SUCCESS), 1, [2]),
        (Records(RunState.PENDING), 3, []),
        (Records(None, RunState.SCHEDULING), 1, []),
        (Records(rival=RunState.TRIGGERED), 0, []),
        (Records(rival=RunState.FAILURE), 0, [2]),
    ],
)
async def test_the_first_attempt_is_begun_that_is_neither_known_nor_remembered_to_have_ended(
    records: Records, spent: int, begun: list[int]
) -> None:
    await records.current(spent)
    assert records.begun == begun


async def test_a_known_run_that_may_still_pass_or_did_is_given() -> None:
    records = Records(RunState.FAILURE, RunState.PENDING)
    assert await records.current() == records.runs[2]
