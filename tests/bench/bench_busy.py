"""What a busy queue writes and asks, beside what Tide would; and how much it gets done at saturation.

The first table is of one repository in which 60 pull requests wait, of which some fail on the base of today although
they have passed before, with machines for eight jobs at once. Whole rounds are played, as they come in polling mode
every ten seconds, with GitHub, git and Postgres at the other ends; jobs take as long as they do in virtual time. What
Tide would write and ask is counted for the same decisions. The second is of the same queue at rest. The last one plays
the rules alone, with many seeds, beside Tide's.
"""

import asyncio
import logging
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import structlog

from tests.bench.saturated_queue import Load, Played, SaturatedQueue
from tests.bench.tables import Row, show
from tests.bench.tide_cost import Term, TideCost
from tests.bench.tide_statuses import TideStatuses
from tests.integration.sync.story import Config, Story, told
from tests.stores import PostgresBackend
from tide.adapters.github.code_host import GitHub
from tide.adapters.postgres.embedded import embedded
from tide.adapters.postgres.engine import connected
from tide.adapters.postgres.migrate import upgrade
from tide.domain.runs import Purpose, Run, RunState

PULLS, SLOTS, BAD_EVERY, JOB_ROUNDS = 60, 8, 20, 3
MINUTES, ROUNDS_PER_MINUTE = 7, 6
SEEDS = 10
_SEARCHES = ('is:pr state:open archived:false label:lgtm -label:"hold" org:acme',)
_SATURATED = 1200.0  # seconds


def main() -> None:
    """Print what it takes and what it gets done."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="tide-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # as root, the database's user has to get through
        asyncio.run(_play(directory))
    _show_saturation()


async def _play(directory: Path) -> None:
    async with embedded(directory / "postgres", durable=False) as url:
        upgrade(url)
        async with connected(url) as engine:
            (directory / "story").mkdir()
            async with told(PostgresBackend(engine), directory / "story", Config(statuses=True)) as story:
                await _Busy(story).play()


@dataclass(slots=True)
class _Busy:
    """The queue at work: `ends` are the rounds in which the runs that have a machine end."""

    story: Story
    statuses: TideStatuses = field(default_factory=TideStatuses)
    bad: set[int] = field(default_factory=set)
    ends: dict[str, int] = field(default_factory=dict)
    rounds: int = 0

    async def play(self) -> None:
        for number in range(1, PULLS + 1):
            pull = await self.story.open_pull(f"part{number}")
            if number % BAD_EVERY == 0:
                self.bad.add(pull.number)
        model = TideCost(self.story.sandbox.index, _SEARCHES, "org:acme")
        busy = await self._rounds(MINUTES * ROUNDS_PER_MINUTE, model)
        _show_world(f"{MINUTES} busy minutes: {PULLS} pull requests, {SLOTS} jobs at once, 1 of {BAD_EVERY} bad", busy)
        for _ in range(MINUTES * ROUNDS_PER_MINUTE):
            await self._round()
        _show_world(f"{MINUTES} minutes at rest", await self._rounds(MINUTES * ROUNDS_PER_MINUTE, model))

    async def _rounds(self, count: int, model: TideCost) -> Counter[str]:
        """Play rounds; give what was counted in them, ours and Tide's."""
        before = await self._counted(model)
        for _ in range(count):
            await self._round()
            model.round(self.story.clock.now())
        return Counter({name: value - before[name] for name, value in (await self._counted(model)).items()})

    async def _counted(self, model: TideCost) -> Counter[str]:
        story = self.story
        if not isinstance(story.host, GitHub):
            raise TypeError(story.host)
        repository = story.repository()
        merged = [pull for pull in repository.pulls.values() if pull.merged]
        written = [one for head in repository.statuses.values() for one in head if one.context == "tide"]
        return Counter({
            "merges": len(merged),
            "statuses": len(written),
            "tides statuses": self.statuses.for_merges + self.statuses.others,
            "decisions": len(await story.rows("decisions")),
            "actions": sum(row["action"] != "WAIT" for row in await story.rows("decisions")),
            "points": story.host.calls.points,
            "tides points": sum(spent for term, spent in model.spent.items() if Term(term).is_points),
        })  # fmt: skip

    async def _round(self) -> None:
        """Let jobs end, and ten seconds pass."""
        story = self.story
        self.rounds += 1
        await self._end_jobs()
        seen = len(story.witness.decisions)
        await story.sync()
        while story.woken:
            woken = sorted(set(story.woken))
            story.woken.clear()
            for pool in woken:
                await story.sync_.look_again(pool)
        if story.sync_.statuses:
            await story.sync_.statuses.round()
        for decision in story.witness.decisions[seen:]:
            self.statuses.decided(decision)

    async def _end_jobs(self) -> None:
        """End what has run long enough; the machines that are free take the oldest of those that wait."""
        live = self.story.ci.live
        self.ends = {run.name: self.ends[run.name] for run in live if run.name in self.ends}
        for run in live:
            if run.name not in self.ends and len(self.ends) < SLOTS:
                self.ends[run.name] = self.rounds + JOB_ROUNDS
        for run in live:
            if self.ends.get(run.name) == self.rounds:
                await self.story.ci.finish(run, state=self._verdict(run))

    def _verdict(self, run: Run) -> RunState:
        is_bad = run.purpose is not Purpose.FIRST and any(number in self.bad for number, _ in run.heads)
        return RunState.FAILURE if is_bad else RunState.SUCCESS


def _show_world(title: str, counted: Counter[str]) -> None:
    show(
        title,
        [
            Row("merges", str(counted["merges"])),
            Row("statuses written", str(counted["statuses"]), f"<= {counted['tides statuses']} (Tide)"),
            Row("decisions stored", str(counted["decisions"])),
            Row("  of these, that do something", str(counted["actions"])),
            Row("points of GraphQL", str(counted["points"]), f"<= {counted['tides points']} (Tide)"),
        ],
    )


def _show_saturation() -> None:
    for limit in (0, 16):
        load = Load(limit=limit)
        pairs = [(_played(load, seed, remembers=True), _played(load, seed, remembers=False)) for seed in range(SEEDS)]
        slower = sum(ours.merges < tides.merges for ours, tides in pairs)
        ours, tides = zip(*pairs, strict=True)
        merges, runs = mean(one.merges for one in tides), mean(one.runs for one in tides)
        most = f"batches of {limit} at most" if limit else "no batch limit"
        show(
            f"{_SATURATED / 60:.0f} minutes at saturation, {most}, {SEEDS} seeds",
            [
                Row("merges", f"{mean(one.merges for one in ours):.0f}", f">= {merges:.0f} (Tide)"),
                Row("runs", f"{mean(one.runs for one in ours):.0f}", f"Tide {runs:.0f}"),
                Row("seeds in which Tide merges more", str(slower), "0"),
            ],
        )


def _played(load: Load, seed: int, *, remembers: bool) -> Played:
    return SaturatedQueue(load, seed, remembers=remembers).play(_SATURATED)


if __name__ == "__main__":
    main()
