"""`tide demo`: GitHub, Postgres and CI on this machine, contributors who open pull requests, and the daemon between."""

import asyncio
import json
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from tide.adapters.clock import SystemClock
from tide.adapters.git.program import GitProgram
from tide.app.assembly import assembled
from tide.app.demo_config import demo_config
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.domain.decisions import VerdictKind
from tide.domain.keys import PullKey
from tide.domain.records import HistoryRecord, PullRecord
from tide.sandbox.model import Hook
from tide.sandbox.rate_limits import Limits
from tide.sandbox.scenarios.contributors import Contributors, Opened
from tide.sandbox.scenarios.story import Fate, Story
from tide.sandbox.scenarios.truth import Truth
from tide.sandbox.server import Sandbox, Settings, running
from tide.sandbox.state import Forge

SYNC_PERIOD = "10s"
LOOK_EVERY = 0.5
QUIET_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of one pull request."""

    pull: str
    outcome: str
    reason: str
    batch: tuple[int, ...]
    seconds: float | None

    def as_json(self) -> dict[str, Any]:
        """Give the ending as JSON."""
        return {
            "pull": self.pull,
            "outcome": self.outcome,
            "reason": self.reason,
            "batch": list(self.batch) or None,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What the demonstration showed.

    `red` counts heads that a branch rested on and that fail, `intermediate_red` those that passed by inside a batch.
    `left_behind` are good pull requests that did not merge.
    """

    pulls: tuple[Ending, ...]
    batches: int
    runs: int
    red: int
    intermediate_red: int
    left_behind: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Tell whether no branch was red and no good pull request was left."""
        return not self.red and not self.left_behind

    def as_json(self) -> dict[str, Any]:
        """Give the result as JSON."""
        return {
            "pulls": [ending.as_json() for ending in self.pulls],
            "batches": self.batches,
            "runs": self.runs,
            "red": self.red,
            "intermediate_red": self.intermediate_red,
            "left_behind": list(self.left_behind),
        }


@dataclass(frozen=True, slots=True)
class _Stage:
    """Who takes part in the story, and who knows what is true."""

    daemon: Daemon
    contributors: Contributors
    truth: Truth


@dataclass(slots=True)
class Demo:
    """The demonstration at work. `tell` prints one line of progress, `show` the result when the story has ended."""

    story: Story
    tell: Callable[[str], None]
    show: Callable[[Result], None]
    _merged_in: dict[PullKey, tuple[int, ...]] = field(default_factory=dict)
    _told: int = 0
    _batches: int = 0

    async def run(
        self,
        port: int,
        local_jobs: int,
        stop: asyncio.Event,
        *,
        on_begin: Callable[[], None] = lambda: None,
        keep_running: bool,
    ) -> Result:
        """Play the story to its end, or until `stop` is set; with `keep_running` serve on after the end until then.

        Until `on_begin` is called, as the story begins, nothing looks at `stop`: there is nothing to show yet.

        Raises:
            TideError: the port is taken, or something that is needed is not on this machine.
        """
        clock = SystemClock()
        await GitProgram().version()
        with _workplace() as place:
            forge = Forge(clock.now, place / "github")
            truth = Truth(forge, self.story.jobs)
            contributors = Contributors(forge, self.story, asyncio.sleep)
            async with running(forge, settings=Settings(limits=Limits.none())) as sandbox:
                await contributors.prepare()
                secret = secrets.token_hex(20)
                options = _options(place, sandbox.url, port, local_jobs, self.story, secret)
                async with assembled(options) as daemon:
                    on_port = partial(self._open, sandbox, secret, options.data_dir if keep_running else None)
                    stage = _Stage(daemon, contributors, truth)
                    on_begin()
                    return await self._play(stage, stop, on_port=on_port, keep_running=keep_running)

    def _open(self, sandbox: Sandbox, secret: str, data_dir: Path | None, port: int) -> None:
        """Tell people and the simulated GitHub's webhooks where the daemon is; and its data, for who may ask it."""
        url = f"http://127.0.0.1:{port}"
        hook = Hook(id=1, url=f"{url}/hook", secret=secret, events=("*",))
        sandbox.webhooks.hooks = (hook,)
        self.tell(f"the page is at {url}/")
        if data_dir:
            self.tell(f"ask it by: tide explain --data-dir {data_dir} ORG/REPO#N; so too pools, history and decisions")

    async def _play(
        self,
        stage: _Stage,
        stop: asyncio.Event,
        *,
        on_port: Callable[[int], None],
        keep_running: bool,
    ) -> Result:
        stopping, found = asyncio.Event(), None
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(stage.daemon.run(stopping, on_port=on_port))
            story = group.create_task(stage.contributors.play())
            watch = group.create_task(self._watch(stage.daemon, story))
            stopped = group.create_task(stop.wait())
            await asyncio.wait({serving, watch, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if keep_running and watch.done():
                found = await self._shown(stage)
                self.tell("nothing can change without a human any more; serving on until Ctrl-C")
                await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopping.set()
            for task in (story, watch, stopped):
                task.cancel()
        return found or await self._shown(stage)

    async def _watch(self, daemon: Daemon, story: asyncio.Task[None]) -> None:
        """Tell what happens; return when nothing can change without a human."""
        quiet_since = daemon.loop.rounds_done
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self._tell_news(daemon)
            if not story.done() or not await _is_quiet(daemon):
                quiet_since = daemon.loop.rounds_done
            elif daemon.loop.rounds_done >= quiet_since + QUIET_ROUNDS:
                return
            else:
                daemon.wakeups.look_at_all()

    async def _tell_news(self, daemon: Daemon) -> None:
        records = await daemon.views.recent_history(200)
        for record in sorted((one for one in records if one.id > self._told), key=lambda one: one.id):
            self._told = record.id
            self._note(record)
            self.tell(_line(record))

    def _note(self, record: HistoryRecord) -> None:
        numbers = tuple(target.number for target in record.targets)
        if record.action == "TRIGGER_BATCH" and not record.error:
            self._batches += 1
        if record.action == "MERGE_BATCH":
            for number in numbers:
                self._merged_in[PullKey(record.pool.org, record.pool.repo, number)] = numbers

    async def _shown(self, stage: _Stage) -> Result:
        """Show what came of it, and give it."""
        result = await self._result(stage)
        self.show(result)
        return result

    async def _result(self, stage: _Stage) -> Result:
        daemon, contributors = stage.daemon, stage.contributors
        await self._tell_news(daemon)
        opened = [contributors.pulls[event.name] for event in self.story.opened if event.name in contributors.pulls]
        endings = [await self._ending(daemon, one) for one in sorted(opened, key=lambda one: PullKey.parse(one.name))]
        verdict = await stage.truth.verdict()
        good = [one for one in opened if one.fate is Fate.MERGED and not one.pull.merged]
        return Result(
            pulls=tuple(endings),
            batches=self._batches,
            runs=await daemon.views.count_runs(),
            red=len(verdict.red),
            intermediate_red=len(verdict.passing_by),
            left_behind=tuple(one.name for one in good),
        )

    async def _ending(self, daemon: Daemon, opened: Opened) -> Ending:
        key = PullKey.parse(opened.name)
        if opened.pull.merged_at is not None:
            batch = self._merged_in.get(key, ())
            reason = f"merged in a batch of {len(batch)}" if batch else "merged alone"
            return Ending(opened.name, "merged", reason, batch, _seconds(opened, opened.pull.merged_at))
        record = await daemon.views.pull(key)
        if record is None or record.verdict is None:
            return Ending(opened.name, "waiting", "it has not been read", (), None)
        return Ending(opened.name, _outcome(record), record.verdict.summary, (), None)


async def _is_quiet(daemon: Daemon) -> bool:
    pools = await daemon.views.pools()
    busy = any(view.passing or view.pending or view.missing or view.error for view in pools)
    return not busy and not await daemon.views.live_runs()


def _outcome(record: PullRecord) -> str:
    """Tell a pull request that nobody asked for yet from one that has to be changed."""
    if record.verdict is None or record.verdict.kind is not VerdictKind.BLOCKED:
        return "waiting"
    unmet = [one for one in record.verdict.requirements if not one.met]
    return "waiting" if any(one.query is not None for one in unmet) else "rejected"


def _seconds(opened: Opened, merged_at: datetime) -> float:
    return round((merged_at - opened.opened_at).total_seconds(), 1)


def _line(record: HistoryRecord) -> str:
    numbers = " ".join(f"#{target.number}" for target in record.targets)
    why = record.error or record.reason
    return f"{record.time:%H:%M:%S}  {record.pool!s:28}  {record.action:13}  {numbers}{f'  ({why})' if why else ''}"


@contextmanager
def _workplace() -> Iterator[Path]:
    """Give a directory that every user may enter, as the jobs and the database may run as another one."""
    with tempfile.TemporaryDirectory(prefix="tide-demo-", ignore_cleanup_errors=True) as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "github").mkdir()
        yield place


def _options(place: Path, url: str, port: int, local_jobs: int, story: Story, secret: str) -> RunOptions:
    config = place / "config.yaml"
    config.write_text(demo_config(story, url, sync_period=SYNC_PERIOD))
    token, hook_secret = place / "token", place / "webhook-secret"
    for path, text in ((token, "sandbox-token"), (hook_secret, secret)):
        path.write_text(f"{text}\n")
        path.chmod(0o600)
    return RunOptions(
        config_path=config,
        data_dir=place / "data",
        is_durable=False,
        dry_run=False,
        github_endpoint=(url,),
        github_graphql_endpoint=f"{url}/graphql",
        github_host=url,
        github_token_path=token,
        local_jobs=local_jobs,
        port=port,
        metrics_port=None,
        health_port=None,
        bind="127.0.0.1",
        public_url=f"http://127.0.0.1:{port}" if port else "",
        webhook_secret_file=hook_secret,
        log_format="console",
        log_level="error",
    )


def as_table(result: Result) -> str:
    """Write a result for people."""
    width = max((len(ending.pull) for ending in result.pulls), default=0)
    lines = [
        f"{one.pull:{width}}  {one.outcome:8}  {'' if one.seconds is None else f'{one.seconds:.1f} s':>8}  {one.reason}"
        for one in result.pulls
    ]
    merged = sum(ending.outcome == "merged" for ending in result.pulls)
    in_batches = sum(bool(ending.batch) for ending in result.pulls)
    lines.append("")
    lines.append(
        f"{merged} of {len(result.pulls)} merged, {in_batches} of them in batches; "
        f"batches tested: {result.batches}; runs: {result.runs}; red heads: {result.red}; "
        f"good pull requests left behind: {len(result.left_behind)}"
    )
    return "\n".join(lines)


def as_json(result: Result) -> str:
    """Write a result for programs."""
    return json.dumps(result.as_json(), indent=2)
