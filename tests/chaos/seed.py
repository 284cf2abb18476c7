"""One seed: a GitHub, a cluster, a database and two replicas, and everything that goes wrong."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.chaos.evidence import Broken, Evidence, Ledger, broken, is_misled
from tests.chaos.replicas import Replica
from tests.chaos.striker import REPLICA_HEADER, Striker
from tests.chaos.strikes import Cell, Strike, Trouble, strikes
from tests.golden.recording import keep, otherwise, stored
from tests.programs import free_port
from tide.adapters.clock import SystemClock
from tide.adapters.http_server import bound_socket, serving_on
from tide.adapters.postgres.embedded import embedded
from tide.adapters.postgres.engine import opened
from tide.adapters.postgres.migrate import upgrade
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.app.demo_config import demo_config
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.domain.jobs import Presubmit
from tide.domain.keys import RepoKey
from tide.sandbox.cluster.cluster import Cluster
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.kubernetes.api import KubernetesApi
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig
from tide.sandbox.model import Hook
from tide.sandbox.rate_limits import Limits
from tide.sandbox.scenarios.contributors import Contributors
from tide.sandbox.scenarios.story import Fate
from tide.sandbox.scenarios.truth import Truth
from tide.sandbox.scenarios.writing import demo_story
from tide.sandbox.server import LOOPBACK, Settings, build
from tide.sandbox.state import Forge

PULLS = 16
SPREAD = 10.0
BOUND = 240.0
"""Seconds in which all that is good has to land, once it is there; some answers ask for a minute of patience."""
QUIET_WITHIN = 60.0
"""Seconds in which everything that is under way has to end, once the last thing has gone wrong."""
SYNC_PERIOD = "3s"
LOOK_EVERY = 0.5
SECRET = "webhook-secret"
REPLICAS = ("one", "two")


@dataclass(frozen=True)
class Report:
    """What came of a seed."""

    seed: int
    hits: Counter[Cell]
    good: int
    landed: int
    broken: list[Broken]
    seconds: float
    left: list[str] = field(default_factory=list)


@dataclass
class Town:
    """Everything of one seed."""

    seed: int
    place: Path
    forge: Forge
    truth: Truth
    contributors: Contributors
    api: KubernetesApi
    striker: Striker
    engine: AsyncEngine
    evidence: Evidence
    replicas: list[Replica]
    tell: Callable[[str], None]

    async def play(self) -> Report:
        """Let the story happen, wait until all is well or the time is up, and judge."""
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asyncio.TaskGroup() as group:
            keeping = [group.create_task(replica.run()) for replica in self.replicas]
            worlds = [group.create_task(self._strike(one)) for one in self.striker.strikes if not one.nth]
            group.create_task(self.contributors.play())
            await self._wait_until(self._has_landed, SPREAD + BOUND)
            left = self._left()
            self.tell(f"left: {', '.join(left)}" if left else "everything good has landed")
            await asyncio.gather(*worlds)
            await self._wait_until(self._is_quiet, QUIET_WITHIN)
            # A strike on one of them that ends in good order would leave nobody to settle what it has begun.
            self.striker.disarm()
            await self._wait_until(self._is_quiet, QUIET_WITHIN)
            for replica in self.replicas:
                await replica.end()
            await asyncio.gather(*keeping)
        return await self._report(left, clock() - began)

    async def _wait_until(self, is_so: Callable[[], Awaitable[bool]], patience: float) -> None:
        until = asyncio.get_running_loop().time() + patience
        while not await is_so() and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 - the world rings no bell
            await asyncio.sleep(LOOK_EVERY)

    async def _has_landed(self) -> bool:
        return self.contributors.is_over and not self._left()

    async def _is_quiet(self) -> bool:
        try:
            quiet = (await Ledger.read(self.engine)).is_quiet and not self.evidence.live_runs
        except SQLAlchemyError:
            return False
        return quiet and not any(map(is_misled, self.contributors.pulls.values()))

    def _left(self) -> list[str]:
        """Name what is good and has not merged; of two that cannot both merge one has to."""
        opened = self.contributors.pulls.values()
        left = [one.name for one in opened if one.fate is Fate.MERGED and not one.pull.merged]
        either = [one for one in opened if one.fate is Fate.EITHER]
        if either and not any(one.pull.merged for one in either):
            left.append(" or ".join(one.name for one in either))
        return left

    async def _report(self, left: list[str], seconds: float) -> Report:
        opened = self.contributors.pulls.values()
        found = broken(self.evidence, await Ledger.read(self.engine), await self.truth.verdict(), opened)
        recorded = await stored(PostgresStore(self.engine), PostgresViews(self.engine))
        found += [Broken("decision that does not replay", told) for told in otherwise(recorded)]
        keep(recorded, f"chaos-{self.seed}")
        for replica in self.replicas:
            found += [Broken("clean stop", told) for told in replica.bad_stops]
            found += [Broken("end of its own", told) for told in replica.surprises]
            found += [Broken("unexpected error", told) for told in replica.errors]
        good = sum(one.fate is Fate.MERGED for one in opened) + 1
        return Report(self.seed, self.striker.count(), good, good - len(left), found, seconds, left)

    async def _strike(self, strike: Strike) -> None:
        """Do something to the world at its time."""
        await asyncio.sleep(strike.at)
        deeds: dict[Trouble, Callable[[], Awaitable[bool]]] = {
            Trouble.DATABASE_KILLED: self._kill_database,
            Trouble.LEADER_KILLED: self._kill_leader,
            Trouble.LEADER_STOPPED: self._stop_leader,
            Trouble.LEADER_PAUSED: self._pause_leader,
            Trouble.WATCHES_DROPPED: self._drop_watches,
            Trouble.WATCHES_EXPIRED: self._expire_watches,
        }
        self.tell(f"{strike.cell}")
        if await deeds[strike.cell.trouble]():
            self.striker.hits[strike.cell] += 1

    async def _leader(self) -> Replica:
        """Find who leads, waiting for somebody to do so."""
        while True:
            holder = await _holder(self.engine) or ""
            for replica in self.replicas:
                if replica.pid and f"/{replica.pid}/" in holder:
                    return replica
            await asyncio.sleep(LOOK_EVERY)

    async def _kill_leader(self) -> bool:
        return (await self._leader()).kill()

    async def _stop_leader(self) -> bool:
        return await (await self._leader()).stop()

    async def _pause_leader(self) -> bool:
        return await (await self._leader()).pause()

    async def _kill_database(self) -> bool:
        try:
            pid = int((self.place / "postgres" / "pgdata" / "postmaster.pid").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            return False  # it is down already
        return True

    async def _drop_watches(self) -> bool:
        self.api.drop_watches(cut=True)
        return True

    async def _expire_watches(self) -> bool:
        self.api.expire_watches()
        return True


async def _holder(engine: AsyncEngine) -> str | None:
    """Ask the database who leads: "" when nobody does, None when it does not answer."""
    try:
        async with engine.connect() as connection:
            query = "SELECT holder FROM leases WHERE expires_at > clock_timestamp()"
            return (await connection.execute(text(query))).scalar_one_or_none() or ""
    except SQLAlchemyError:
        return None


@dataclass(frozen=True)
class _Doorkeeper:
    """Sees that whoever changes something outside leads."""

    engine: AsyncEngine
    replicas: list[Replica]
    evidence: Evidence

    async def __call__(self, token: str) -> None:
        maker = next((replica for replica in self.replicas if replica.token == token), None)
        holder = await _holder(self.engine)
        if maker is None or holder is None or not maker.pid:
            return
        # One that was stopped between its last look at the clock and its call cannot know how late it is.
        if f"/{maker.pid}/" not in holder and not maker.has_just_resumed:
            self.evidence.late_deeds.append(f"by replica {maker.name} while {holder or 'nobody'} leads")


@asynccontextmanager
async def town(seed: int, place: Path, tell: Callable[[str], None]) -> AsyncIterator[Town]:
    """Build everything of a seed; the replicas do not run yet."""
    listening = bound_socket(LOOPBACK, 0)
    url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
    (place / "forge").mkdir()
    forge = Forge(SystemClock().now, place / "forge")
    story = demo_story(PULLS, seed, seconds=0.0, spread=SPREAD)
    truth, evidence = Truth(forge, story.jobs), Evidence(tell=tell)
    forge.subscribe(evidence.see_change)
    (place / "config.yaml").write_text(demo_config(story, url, sync_period=SYNC_PERIOD))
    config = load(read_sources(ConfigPaths(place / "config.yaml")), Parser())
    api = KubernetesApi(forge.now)
    api.prowjobs.subscribe(evidence.see_object)
    draw = random.Random(seed)  # noqa: S311 - a story, no secret
    settings = ClusterSettings(seed=seed, job_seconds=draw.uniform(0.4, 1.2), jitter=0.5)

    def jobs(repo: RepoKey) -> tuple[Presubmit, ...]:
        return config.presubmits(repo)

    cluster = Cluster(forge, api.prowjobs, jobs, settings)
    ports = [free_port() for _ in REPLICAS]
    hook = Hook(1, f"http://{LOOPBACK}:{ports[0]}/hook", SECRET, ("*",))
    sandbox = build(forge, url, Settings(limits=Limits.none(), hooks=(hook,), routes=api.routes(), seed=seed))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(embedded(place / "postgres"))
        await asyncio.to_thread(upgrade, database)
        engine = opened(database, is_tried=True)
        stack.push_async_callback(engine.dispose)
        replicas = [_replica(place, name, port, url, database) for name, port in zip(REPLICAS, ports, strict=True)]
        for replica in replicas:
            stack.callback(replica.destroy)
        striker = Striker(
            sandbox.app,
            sandbox.faults,
            strikes(seed),
            lambda token: any(replica.token == token and replica.kill() for replica in replicas),
            _Doorkeeper(engine, replicas, evidence),
            tell,
        )
        await stack.enter_async_context(serving_on(listening, striker, grace_seconds=1))
        await stack.enter_async_context(sandbox.webhooks.running())
        await stack.enter_async_context(cluster.running())
        contributors = Contributors(forge, story, asyncio.sleep)
        await contributors.prepare()
        yield Town(seed, place, forge, truth, contributors, api, striker, engine, evidence, replicas, tell)
        api.drop_watches()


def _replica(place: Path, name: str, port: int, url: str, database: str) -> Replica:
    home = place / name
    home.mkdir()
    token = f"token-of-{name}"
    (home / "token").write_text(f"{token}\n")
    (home / "webhook-secret").write_text(f"{SECRET}\n")
    write_kubeconfig(home / "kubeconfig", url, token)
    flags: dict[str, Any] = {
        "dry-run": "false",
        "config-path": place / "config.yaml",
        "kubeconfig": home / "kubeconfig",
        "github-endpoint": url,
        "github-graphql-endpoint": f"{url}/graphql",
        "github-host": url,
        "github-token-path": home / "token",
        "github-client.request-timeout": "4s",
        "github-client.max-retries": "3",
        "database-url": database,
        "data-dir": home / "data",
        "webhook-secret-file": home / "webhook-secret",
        "bind": LOOPBACK,
        "port": port,
        "metrics-port": 0,
        "health-port": 0,
    }
    told = {"KEY": "http.extraHeader", "VALUE": f"{REPLICA_HEADER}: {token}"}
    environment = {"GIT_CONFIG_COUNT": "1", **{f"GIT_CONFIG_{part}_0": value for part, value in told.items()}}
    given = [f"--{flag}={value}" for flag, value in flags.items()]
    return Replica(name, token, given, environment, place / f"{name}.log")
