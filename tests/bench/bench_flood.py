"""What strangers can do to a daemon with 1,024 descriptors, 5,000 open pull requests and 100,000 records of history.

A real `tide run` against a simulated GitHub; its database, the code host, whoever floods it and whoever asks for its
health are processes of their own. At once, for FLOOD_SECONDS: IDLE connections that say nothing, SLOW ones that send a
byte of a request each second, ASKING at a time who ask for `/` and `/history`, as pages and as JSON, and one webhook of
24 MB, rightly signed, which is a long array of nothing. Meanwhile pull requests that are ready are to be merged.
"""

import asyncio
import gzip
import hashlib
import hmac
import json
import logging
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import structlog
import yaml
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.bench.big_forge import BUSY, JOBS, LABELS, ORGS, Size, big_forge
from tests.bench.full_store import fill_history
from tests.bench.meters import cpu_of_family
from tests.bench.tables import Row, show
from tide.adapters.postgres.embedded import embedded
from tide.adapters.postgres.engine import connected
from tide.adapters.postgres.migrate import upgrade

DESCRIPTORS = 1024
SIZE = Size(repos_per_org=25, pulls_per_repo=50, ready=400)
RECORDS = 100_000
IDLE, SLOW, ASKING, HOOK_BYTES = 2000, 600, 20, 24 * 1024 * 1024
FLOOD_SECONDS, QUIET_SECONDS, START_SECONDS, PATIENCE = 40.0, 25.0, 300.0, 60.0
REPEATS = 10
SECRET = "the-secret-of-the-benchmark"
LOOPBACK = "127.0.0.1"
HTML, JSON = {"accept": "text/html"}, {"accept": "application/json"}
PATHS = (("/", HTML), ("/", JSON), ("/history", HTML), ("/history", JSON))
AIM_CPU, AIM_HEALTH, AIM_HELD = "<= 50 ms", "<= 1 s", "<= 50 ms"


@dataclass(slots=True)
class _Daemon:
    """A daemon, with where it serves."""

    process: subprocess.Popen[bytes]
    log: Path
    meter: Path
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['port']}"

    @property
    def health(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['health_port']}/healthz"

    async def started(self, engine: AsyncEngine) -> None:
        """Wait until it has decided about everything once."""
        async with asyncio.timeout(START_SECONDS):
            while not self.ports or await _count(engine, "SELECT count(*) FROM verdicts") < SIZE.pulls:
                self._check()
                self.ports = _ports(self.log)
                await asyncio.sleep(0.5)

    def held(self) -> dict[str, float]:
        """Tell how long its loop was held, and how late it was, in seconds."""
        told: dict[str, float] = json.loads(self.meter.read_text())
        return told

    def forget(self) -> None:
        """Begin that anew."""
        self.meter.with_suffix(".command").touch()

    def _check(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the daemon has ended: {self.log.read_text()[-2000:]}")


@dataclass(slots=True)
class _Seen:
    """What came of a flood."""

    answers: Counter[str] = field(default_factory=Counter)
    incomplete: int = 0
    refused: int = 0
    hook: str = "no answer"


def main() -> None:
    """Print what came of a flood."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="tide-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # as root, the database's user has to get through
        with big_forge(directory / "forge", SIZE) as forge:
            asyncio.run(_measure(directory, forge))


async def _measure(directory: Path, forge: dict[str, str]) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(embedded(directory / "postgres"))
        await asyncio.to_thread(upgrade, url)
        engine = await stack.enter_async_context(connected(url, connections=4))
        await fill_history(engine, RECORDS, SIZE.pools)
        daemon = stack.enter_context(_daemon(directory, forge, url))
        await daemon.started(engine)
        await _show_costs(daemon)
        quiet = await _quiet(daemon)
        _write_config(directory, may_merge=True)
        await _merging(engine)
        await _show_flood(daemon, engine, quiet)


async def _merging(engine: AsyncEngine) -> None:
    """Wait until those that are ready have begun to be merged."""
    async with asyncio.timeout(START_SECONDS):
        while not await _merges(engine):  # noqa: ASYNC110 - the other side rings no bell
            await asyncio.sleep(0.5)


async def _quiet(daemon: _Daemon) -> dict[str, float]:
    """Tell how long syncs alone hold the loop."""
    daemon.forget()
    await asyncio.sleep(QUIET_SECONDS)
    return daemon.held()


async def _show_costs(daemon: _Daemon) -> None:
    rows = []
    async with httpx.AsyncClient(base_url=daemon.url, timeout=PATIENCE * 2, trust_env=False) as client:
        for path, headers in (("/", HTML), ("/", JSON), ("/api/v1/pools", JSON), ("/history", JSON)):
            cold, _ = await _cost(daemon, client, path, headers, 1)
            again, length = await _cost(daemon, client, path, headers, REPEATS)
            kind = "page" if headers is HTML else "JSON"
            rows += [
                Row(f"{path} as {kind} ({length / 1e6:.1f} MB), the first time", f"{cold * 1000:.0f} ms"),
                Row(f"{path} as {kind}, again (least of {REPEATS})", f"{again * 1000:.0f} ms", AIM_CPU),
            ]
    show(f"CPU of an answer, in ticks of the clock: {SIZE.pulls} pull requests, {RECORDS} records", rows)


async def _cost(
    daemon: _Daemon, client: httpx.AsyncClient, path: str, headers: dict[str, str], times: int
) -> tuple[float, int]:
    """Give the least that any of some answers took, as syncs take their part now and then, and the length of one."""
    spent, length = [], 0
    for _ in range(times):
        before = cpu_of_family(daemon.process.pid)
        answer = await client.get(path, headers=headers)
        answer.raise_for_status()
        spent.append(cpu_of_family(daemon.process.pid) - before)
        length = len(answer.content)
    return min(spent), length


async def _show_flood(daemon: _Daemon, engine: AsyncEngine, quiet: dict[str, float]) -> None:
    before, leases = await _merges(engine), [await _lease(engine)]
    daemon.forget()
    seen = _Seen()
    with _probe(daemon.health) as health:
        began = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLOOD_SECONDS), asyncio.TaskGroup() as group:
                for _ in range(IDLE):
                    group.create_task(_say_nothing(daemon, seen))
                for _ in range(SLOW):
                    group.create_task(_say_little(daemon))
                for number in range(ASKING):
                    group.create_task(_ask(daemon, seen, number))
                group.create_task(_send_hook(daemon, seen))
                group.create_task(_watch_lease(engine, leases))
        seconds = time.monotonic() - began
    merged, held = await _merges(engine) - before, daemon.held()
    _check(daemon, seen, health)
    show(
        f"{seconds:.0f} s of {IDLE} idle and {SLOW} slow connections, {ASKING} askers and a webhook of 24 MB, "
        f"with {DESCRIPTORS} descriptors",
        [
            Row("the lease was lost", f"{len(set(leases)) - 1} times", "never"),
            Row("longest time to say that it is well", f"{health['longest']:.2f} s", AIM_HEALTH),
            Row("asked whether it is well, and it was not", f"{health['failed']} of {health['asked']}", "0"),
            Row("merges meanwhile", str(merged), "they go on"),
            Row("longest hold of the event loop (CPU)", f"{held['held'] * 1000:.0f} ms", AIM_HELD),
            Row("the same in syncs alone", f"{quiet['held'] * 1000:.0f} ms"),
            Row("latest turn of the event loop (wall)", f"{held['late'] * 1000:.0f} ms"),
            Row("the same in syncs alone", f"{quiet['late'] * 1000:.0f} ms"),
            *(Row(f"answers: {told}", str(count)) for told, count in sorted(seen.answers.items())),
            Row("histories that were not whole", str(seen.incomplete), "0"),
            Row("the webhook was answered with", seen.hook, "202 or 413"),
        ],
    )


def _check(daemon: _Daemon, seen: _Seen, health: dict[str, float]) -> None:
    """Make sure that there was a flood, and a daemon in it."""
    if daemon.process.poll() is not None or not health["asked"] or not seen.answers.total():
        raise RuntimeError(f"nothing was measured: {health}, {seen}, {daemon.log.read_text()[-2000:]}")


async def _say_nothing(daemon: _Daemon, seen: _Seen) -> None:
    """Hold a connection; connect again when it is cut, a second later."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(LOOPBACK, daemon.ports["port"])
            try:
                await reader.read()
            finally:
                writer.transport.abort()
        seen.refused += 1
        await asyncio.sleep(1)


async def _say_little(daemon: _Daemon) -> None:
    """Send a byte of a request each second, again and again."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, daemon.ports["port"])
            try:
                for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 10_000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)
            finally:
                writer.transport.abort()
        await asyncio.sleep(1)


async def _ask(daemon: _Daemon, seen: _Seen, number: int) -> None:
    """Ask for pages and documents, one after the other."""
    path, headers = PATHS[number % len(PATHS)]
    while True:
        try:
            status, body = await _get(daemon.ports["port"], path, headers)
        except (OSError, EOFError, ValueError) as error:
            seen.answers[type(error).__name__] += 1
            await asyncio.sleep(0.5)
            continue
        seen.answers[f"{status} {path} {headers['accept']}"] += 1
        if path == "/history" and headers is JSON and status == httpx.codes.OK:
            seen.incomplete += await asyncio.to_thread(_count_records, body) < RECORDS
        await asyncio.sleep(0.2)


async def _get(port: int, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Get a compressed answer, by as little work as can be: whoever floods has to share the machine."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port, limit=2**20)
    try:
        told = {**headers, "host": LOOPBACK, "accept-encoding": "gzip", "connection": "close"}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        return int(head.split()[1]), await reader.read()
    finally:
        writer.transport.abort()


def _count_records(compressed: bytes) -> int:
    return gzip.decompress(compressed).count(b'"tenantids":')  # each record has one


async def _send_hook(daemon: _Daemon, seen: _Seen) -> None:
    head = b'{"repository": {"full_name": "acme-a/part-0"}, "ref": "refs/heads/main", "more": ['
    body = head + b"[]," * (HOOK_BYTES // 3) + b"[]]}"
    headers = {
        "content-type": "application/json",
        "x-github-event": "push",
        "x-github-delivery": "the-big-one",
        "x-hub-signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}",
    }
    try:
        async with httpx.AsyncClient(base_url=daemon.url, timeout=PATIENCE, trust_env=False) as client:
            seen.hook = str((await client.post("/hook", content=body, headers=headers)).status_code)
    except httpx.HTTPError as error:
        seen.hook = type(error).__name__


async def _watch_lease(engine: AsyncEngine, leases: list[str]) -> None:
    while True:
        await asyncio.sleep(0.5)
        leases.append(await _lease(engine))


async def _lease(engine: AsyncEngine) -> str:
    """Name who leads, by a token that changes whenever anybody takes the lead; whether it has expired is told too."""
    query = "SELECT holder || token || CASE WHEN expires_at < now() THEN ' expired' ELSE '' END FROM leases"
    async with engine.connect() as connection:
        return str((await connection.execute(text(query))).scalar_one())


async def _merges(engine: AsyncEngine) -> int:
    merged = f"org = '{BUSY[0]}' AND action LIKE 'MERGE%' AND error = ''"
    return await _count(engine, f"SELECT count(*) FROM history WHERE {merged}")  # noqa: S608 - a name of ours


async def _count(engine: AsyncEngine, query: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(query))).scalar_one())


def _ports(log: Path) -> dict[str, int]:
    for line in log.read_text().splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("msg") == "serving":
            return {name: told[name] for name in ("port", "health_port")}
    return {}


@contextmanager
def _probe(url: str) -> Iterator[dict[str, float]]:
    """Ask for the health while the block runs; what came of it is in the mapping afterwards."""
    told: dict[str, float] = {}
    command = [sys.executable, "-m", "tests.bench.health_probe", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield told
        finally:
            told |= json.loads(process.communicate()[0])


@contextmanager
def _daemon(directory: Path, forge: dict[str, str], database_url: str) -> Iterator[_Daemon]:
    secret = directory / "secret"
    secret.write_text(SECRET)
    config = _write_config(directory, may_merge=False)
    log, meter = directory / "tide.log", directory / "meter.json"
    command = [
        *(sys.executable, "-m", "tests.bench.held_loop", str(DESCRIPTORS), str(meter), "run", "--dry-run=false"),
        *("--prowjob-backend=local", "--i-trust-contributors"),
        f"--config-path={config}",
        f"--data-dir={directory / 'data'}",
        f"--database-url={database_url}",
        f"--github-endpoint={forge['url']}",
        f"--github-graphql-endpoint={forge['graphql']}",
        f"--github-host={forge['url']}",
        f"--github-token-path={forge['token_file']}",
        f"--webhook-secret-file={secret}",
        f"--bind={LOOPBACK}",
        *("--port=0", "--health-port=0", "--metrics-port=0", f"--max-records-per-pool={RECORDS}"),
    ]
    with log.open("wb") as out, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out) as process:
        try:
            yield _Daemon(process, log, meter)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _write_config(directory: Path, *, may_merge: bool) -> Path:
    """Write the configuration anew; those that are ready may merge, or lack a label that nobody gives them."""
    quiet = {"orgs": list(ORGS), "labels": list(LABELS), "missingLabels": ["hold"]}
    busy = {"orgs": [BUSY[0]], "labels": [*LABELS, *(() if may_merge else ("go",))]}
    spec = {"containers": [{"image": "x", "command": ["true"]}]}
    jobs = [{"name": job, "always_run": True, "spec": spec} for job in JOBS]
    config = {
        "tide": {"sync_period": "10s", "queries": [quiet, busy]},
        "presubmits": {f"{org}/{name}": jobs for org, name in SIZE.repos},
    }
    path, written = directory / "config.yaml", directory / "config.new"
    written.write_text(yaml.safe_dump(config))
    return written.replace(path)


if __name__ == "__main__":
    main()
