"""`python -m tests.chaos`: play many seeds, each in a process of its own, and judge them together.

A seed fixes the story and what goes wrong in it. Time is real between processes: the interleaving is not fixed.
"""

import argparse
import asyncio
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.evidence import INVARIANTS
from tests.chaos.seed import Report, town
from tests.chaos.strikes import cells
from tests.programs import ROOT, open_directory

SHARE = 0.995
MANY = 200
FEWEST = 20
SEED_SECONDS = 900
# A seed takes two replicas and a database: some 500 MB, and a tenth of a core.
PARALLEL = min(16, 6 * (os.cpu_count() or 1))


def main() -> int:
    """Play the seeds that were asked for; give the exit code."""
    asked = _parser().parse_args()
    try:
        if asked.seed is not None:
            return _play_one(asked.seed, as_json=asked.json)
        seeds = range(asked.first, asked.first + asked.seeds)
        return asyncio.run(_play_all(seeds, asked.parallel))
    except (asyncio.CancelledError, KeyboardInterrupt):
        _note("stopped by a signal")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Play seeds full of trouble, and judge them together."
    )
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds are played")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--parallel", type=int, default=PARALLEL, help="how many at a time; they mostly wait")
    parser.add_argument("--seed", type=int, help="play one seed alone, tell its story, and keep the logs")
    parser.add_argument("--json", action="store_true", help="tell the result of --seed in JSON")
    return parser


def _play_one(seed: int, *, as_json: bool) -> int:
    logging.basicConfig(level=logging.CRITICAL)
    with open_directory(f"chaos-{seed}") as place:
        report = asyncio.run(_played(seed, place))
        if report.broken or report.left or not as_json:
            _note(f"seed {seed}: the logs of the replicas are in {_keep_logs(seed, place)}")
    print(json.dumps(_as_json(report)) if as_json else _in_words(report))
    return 1 if report.broken or report.left else 0


def _keep_logs(seed: int, place: Path) -> Path:
    kept = Path(tempfile.gettempdir(), f"tide-chaos-{seed}-logs")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    for log in (*place.glob("*.log"), *place.glob("postgres/postgres.log")):
        shutil.copy(log, kept)
    return kept


async def _played(seed: int, place: Path) -> Report:
    _end_in_good_order()
    began = time.monotonic()
    async with town(seed, place, lambda what: _note(f"seed {seed}: {time.monotonic() - began:6.1f} s: {what}")) as made:
        for strike in made.striker.strikes:
            when = f"request {strike.nth}" if strike.nth else f"after {strike.at:.1f} s"
            _note(f"seed {seed}: planned: {strike.cell} ({when})")
        return await made.play()


def _end_in_good_order() -> None:
    """Let SIGTERM cancel this task, so that no replica is left behind."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "seed": report.seed,
        "hits": {str(cell): count for cell, count in report.hits.items()},
        "good": report.good,
        "landed": report.landed,
        "left": report.left,
        "broken": [[one.invariant, one.evidence] for one in report.broken],
        "seconds": round(report.seconds, 1),
    }


def _in_words(report: Report) -> str:
    lines = [f"seed {report.seed}: {report.landed} of {report.good} good ones landed, in {report.seconds:.0f} s"]
    lines += [f"  hit: {cell}" for cell in report.hits]
    lines += [f"  NOT LANDED: {name}" for name in report.left]
    lines += [f"  BROKEN: {one.invariant}: {one.evidence}" for one in report.broken]
    return "\n".join(lines)


@dataclass
class _Sum:
    """What came of all seeds."""

    hits: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    good: int = 0
    landed: int = 0
    played: int = 0
    seconds: float = 0.0
    bad_seeds: list[int] = field(default_factory=list)

    def add(self, seed: int, told: dict[str, Any] | None) -> None:
        """Add one seed; None is one that could not be played."""
        if told is None:
            self.broken["seed that could not be played"] += 1
            self.bad_seeds.append(seed)
            return
        self.played += 1
        self.hits.update(told["hits"])
        self.good, self.landed = self.good + told["good"], self.landed + told["landed"]
        self.seconds += told["seconds"]
        self.broken.update(invariant for invariant, _ in told["broken"])
        if told["broken"] or told["left"]:
            self.bad_seeds.append(seed)


async def _play_all(seeds: Sequence[int], parallel: int) -> int:
    _end_in_good_order()
    total, gate, began = _Sum(), asyncio.Semaphore(parallel), time.monotonic()

    async def play(seed: int) -> None:
        async with gate:
            total.add(seed, await _in_a_process(seed))
            _note(
                f"[{total.played}/{len(seeds)}] seed {seed} done; landed {total.landed} of {total.good}, "
                f"broken {sum(total.broken.values())}, {time.monotonic() - began:.0f} s in all"
            )

    async with asyncio.TaskGroup() as group:
        for seed in seeds:
            group.create_task(play(seed))
    return _judge(total, len(seeds), time.monotonic() - began)


async def _in_a_process(seed: int) -> dict[str, Any] | None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", str(seed), "--json"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(SEED_SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        _note(f"seed {seed}: not over after {SEED_SECONDS} s")
        return None
    finally:
        if process.returncode is None:
            process.terminate()  # it takes its replicas with it
            await process.communicate()
    if process.returncode:
        _note(err.decode(errors="replace")[-8000:])
        _note(out.decode(errors="replace"))
    try:
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        return None
    return told


def _judge(total: _Sum, seeds: int, took: float) -> int:
    print(f"{'hits':>5}  what")
    counts = {str(cell): total.hits[str(cell)] for cell in cells()}
    for cell, count in counts.items():
        print(f"{count:5}  {cell}")
    rarest = min(counts, key=counts.__getitem__)
    fewest = counts[rarest]
    share = total.landed / total.good if total.good else 0.0
    mean = total.seconds / total.played if total.played else 0.0
    print(f"\n{total.played} of {seeds} seeds in {took:.0f} s, {mean:.0f} s each")
    print(f"{sum(counts.values())} strikes; fewest of a kind: {fewest} ({rarest})")
    print(f"good pull requests: {total.good}, landed within the bound: {total.landed} ({share:.2%})\n")
    for invariant in (*INVARIANTS, *(total.broken.keys() - INVARIANTS)):
        print(f"{total.broken[invariant]:5}  {invariant}")
    for seed in total.bad_seeds:
        print(f"look at it again: python -m tests.chaos --seed {seed}")
    is_bad = bool(total.broken) or share < SHARE or (seeds >= MANY and fewest < FEWEST)
    print("chaos: broken" if is_bad else "chaos: everything held")
    return 1 if is_bad else 0


if __name__ == "__main__":
    sys.exit(main())
