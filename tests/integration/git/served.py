"""Repositories over smart HTTP by git's own program, some of them private; what is shown at the door is noted."""

import base64
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.integration.git.origin import Origin

TOKEN = "s3cret"
_SERVICE = re.compile(r"/(info/refs|git-upload-pack|objects/.*|HEAD)$")


@dataclass
class GitServer:
    """A code host; `shown` are the credentials of each request with any, `asked` the paths of all."""

    root: Path
    url: str = ""
    private: set[str] = field(default_factory=set)
    moved: dict[str, str] = field(default_factory=dict)
    challenge: str = 'Basic realm="x"'
    shown: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def repository(self, name: str, *, private: bool = False) -> Origin:
        """Make a repository that is served as `/{name}.git`."""
        if private:
            self.private.add(name.lower())
        return Origin(self.root / f"{name}.git")

    def address(self, name: str) -> str:
        """Give the URL of a repository."""
        return f"{self.url}/{name}.git"

    def headers(self, kind: str) -> set[str]:
        """What was shown where the path begins so."""
        return {header for path, header in self.shown if path.startswith(f"/{kind}")}


class _Handler(BaseHTTPRequestHandler):
    host: GitServer

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        given = {name: self.headers[name] for name in ("Authorization", "Cookie", "X-Extra") if name in self.headers}
        self.host.asked.append(path)
        self.host.shown += [(path, f"{name}: {_decoded(value)}") for name, value in given.items()]
        name = _SERVICE.sub("", path.strip("/")).removesuffix(".git")
        wanted = f"Basic {base64.b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}"
        if name in self.host.moved:
            target = path.replace(f"/{name}.git", self.host.moved[name], 1)
            self._send(302, {"Location": f"{target}?{query}"}, b"")
        elif name.lower() in self.host.private and given.get("Authorization") != wanted:
            self._send(401, {"WWW-Authenticate": self.host.challenge}, b"")
        else:
            self._serve(path, query, body)

    def _serve(self, path: str, query: str, body: bytes) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.host.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        ran = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=False)
        head, _, content = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._send(int(headers.pop("Status", "200 OK").split()[0]), headers, content)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _decoded(value: str) -> str:
    return base64.b64decode(value.removeprefix("Basic ")).decode() if value.startswith("Basic ") else value


@contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    """Serve the repositories below a directory on a port of this host."""
    host = GitServer(root)
    handler = type("Handler", (_Handler,), {"host": host})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        host.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield host
        finally:
            server.shutdown()
            thread.join()
