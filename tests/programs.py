"""Programs under test: started as processes, watched, and ended; they tell what they said when something fails."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

# To make a client takes long; what a server keeps open would be in the way of its end.
BROWSER = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))

TIDE = (sys.executable, "-m", "tide")
ROOT = Path(__file__).parent.parent
_PATIENCE = 60.0
_EVERY = 0.1
_TAIL = 6000


@dataclass(frozen=True)
class Program:
    """A running program; its output goes to files, so that it can be read at any time."""

    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    @property
    def told(self) -> str:
        """What it has said so far, for people."""
        out, err = (path.read_text(errors="replace")[-_TAIL:] for path in (self.stdout, self.stderr))
        return f"{' '.join(map(str, self.process.args))}\n--- stdout\n{out}\n--- stderr\n{err}"  # type: ignore[arg-type] # a list

    def wait_for(self, find: Callable[[], T | None], what: str, *, patience: float = _PATIENCE) -> T:
        """Ask again and again until `find` gives something, as long as the program lives."""
        deadline = time.monotonic() + patience
        waiting = threading.Event()
        while True:
            found = find()
            if found:
                return found
            code = self.process.poll()
            assert code is None, f"ended with {code} before {what}: {self.told}"
            assert time.monotonic() < deadline, f"no {what} within {patience:.0f} seconds: {self.told}"
            waiting.wait(_EVERY)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its log so far; what else it has said is left out."""
        return [json.loads(line) for line in self.stderr.read_text().splitlines() if line.endswith("}")]

    def serving(self, *, patience: float = _PATIENCE) -> dict[str, Any]:
        """Wait for the line of the log that tells where a daemon serves: its ports, and the address of its page."""
        return self.wait_for(
            lambda: next((line for line in self.log if line.get("msg") == "serving"), None),
            "line that tells where it serves",
            patience=patience,
        )

    def first_line(self, path: Path) -> str:
        """Wait for the first whole line of one of its outputs."""
        return self.wait_for(lambda: path.read_text().partition("\n")[0] if "\n" in path.read_text() else None, "line")

    def end(self, *, patience: float = 30.0) -> int:
        """Ask it to end by SIGTERM; give the exit code."""
        self.process.terminate()
        return self.ended(patience=patience)

    def ended(self, *, patience: float) -> int:
        """Wait for its end; give the exit code."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            raise AssertionError(f"still running after {patience:.0f} seconds: {self.told}") from None


@contextmanager
def started(
    command: Sequence[str | Path], place: Path, name: str, environment: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """Start a program in a session of its own; whatever is left of that at the end is killed."""
    stdout, stderr = place / f"{name}.out", place / f"{name}.err"
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        yield Program(process, stdout, stderr)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass(frozen=True)
class Sandbox:
    """A simulated GitHub that runs as a process of its own; `places` is its first line."""

    program: Program
    places: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where its REST API is."""
        return self.places["url"]

    @property
    def flags(self) -> list[str]:
        """The flags by which a daemon finds it."""
        return [
            f"--github-endpoint={self.url}",
            f"--github-graphql-endpoint={self.places['graphql']}",
            f"--github-host={self.url}",
            f"--github-token-path={self.places['token_file']}",
        ]

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which jobs find their programs, and git the sandbox in GitHub's stead."""
        path = ":".join(filter(None, (self.places.get("programs"), os.environ["PATH"])))
        return {"GIT_CONFIG_GLOBAL": self.places["gitconfig"], "PATH": path}

    def get(self, path: str) -> Any:
        """Read one of its resources; who shows a token may do so more often."""
        headers = {"Authorization": "token onlooker"}
        answer = BROWSER.get(f"{self.url}{path}", headers=headers)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Make one of its resources."""
        token = Path(self.places["token_file"]).read_text().strip()
        headers = {"Authorization": f"token {token}"}
        answer = BROWSER.post(f"{self.url}{path}", json=body, headers=headers)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    @contextmanager
    def faulty(self, **fault: Any) -> Iterator[None]:
        """Let something go wrong while the block runs."""
        self.post("/_sandbox/faults", fault)
        try:
            yield
        finally:
            BROWSER.delete(f"{self.url}/_sandbox/faults")


@contextmanager
def sandbox(place: Path, *flags: str | Path) -> Iterator[Sandbox]:
    """Start `tide sandbox`."""
    with started([*TIDE, "sandbox", "--data-dir", place / "sandbox", *flags], place, "sandbox") as program:
        yield Sandbox(program, json.loads(program.first_line(program.stdout)))


@contextmanager
def open_directory(prefix: str) -> Iterator[Path]:
    """Give a new directory that every user may enter, as Postgres and the jobs may run as another one."""
    place = Path(tempfile.mkdtemp(prefix=f"tide-{prefix}-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def processes_that_name(text: str) -> list[str]:
    """List the command lines of this machine's processes in which a text occurs."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            lines.append(line)
    return lines


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
