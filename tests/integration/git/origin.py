"""A repository on a server, made with git itself."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Files = Mapping[str, str | None]

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Alice",
    "GIT_AUTHOR_EMAIL": "alice@example.com",
    "GIT_COMMITTER_NAME": "Alice",
    "GIT_COMMITTER_EMAIL": "alice@example.com",
    "GIT_AUTHOR_DATE": "@1700000000 +0000",
    "GIT_COMMITTER_DATE": "@1700000000 +0000",
}


@dataclass
class Origin:
    """A bare repository that gives out parts of itself, and any commit by its SHA."""

    path: Path
    commits: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        git("init", "-q", "--bare", "-b", "main", str(self.path), cwd=self.path.parent)
        self.git("config", "uploadpack.allowFilter", "true")

    @property
    def url(self) -> str:
        return self.path.as_uri()

    def git(self, *arguments: str, stdin: str = "") -> str:
        return git(*arguments, cwd=self.path, stdin=stdin)

    def commit(self, files: Files, *parents: str, ref: str = "") -> str:
        """Write a commit that changes files (None deletes) on top of its first parent, and put a ref on it."""
        self.commits += 1
        message = f"change {self.commits}"
        lines = ["reset refs/tmp\n", "commit refs/tmp\ncommitter Alice <alice@example.com> "]
        lines.append(f"{1700000000 + self.commits} +0000\ndata {len(message)}\n{message}\n")
        lines += [f"{'merge' if index else 'from'} {parent}\n" for index, parent in enumerate(parents)]
        for path, content in files.items():
            if content is None:
                lines.append(f"D {path}\n")
            else:
                lines.append(f"M 100644 inline {path}\ndata {len(content.encode())}\n{content}\n")
        self.git("fast-import", "--quiet", "--force", stdin="".join(lines))
        sha = self.git("rev-parse", "refs/tmp").strip()
        self.git("update-ref", "-d", "refs/tmp")
        # Something has to lead to a commit, or nobody can fetch it.
        self.git("update-ref", ref or f"refs/keep/{sha}", sha)
        return sha

    def tree(self, sha: str) -> str:
        return self.git("rev-parse", f"{sha}^{{tree}}").strip()

    def read(self, tree: str, path: str) -> str:
        return self.git("cat-file", "blob", f"{tree}:{path}")


@dataclass
class WorkTree:
    """A work tree of an origin: what git does there is what merging in memory has to match."""

    origin: Origin
    path: Path

    def __post_init__(self) -> None:
        git("clone", "-q", "--no-checkout", str(self.origin.path), str(self.path), cwd=self.origin.path)
        self.git("fetch", "-q", "origin", "+refs/*:refs/origin/*")

    def git(self, *arguments: str) -> str:
        return git(*arguments, cwd=self.path)

    def tries(self, *arguments: str) -> bool:
        return run(arguments, self.path).returncode == 0

    def tree(self) -> str:
        return self.git("rev-parse", "HEAD^{tree}").strip()

    def merge(self, head: str) -> bool:
        return self._or_back(["merge", "-q", "--no-ff", "-m", "merge", head])

    def squash(self, head: str) -> bool:
        merged = self._or_back(["merge", "-q", "--squash", head])
        if merged:
            self.git("commit", "-q", "--allow-empty", "-m", "squash")
        return merged

    def rebase(self, head: str) -> bool:
        onto = self.git("rev-parse", "HEAD").strip()
        self.git("checkout", "-q", "--detach", head)
        # GitHub always makes new commits, also where git would keep them (docs: About merge methods on GitHub).
        if self.tries("rebase", "-q", "--no-fork-point", "--no-ff", onto):
            return True
        self.tries("rebase", "--abort")
        self.git("checkout", "-q", "--force", "--detach", onto)
        return False

    def _or_back(self, command: Sequence[str]) -> bool:
        before = self.git("rev-parse", "HEAD").strip()
        if self.tries(*command):
            return True
        self.git("reset", "-q", "--hard", before)
        self.git("clean", "-qfd")
        return False


def git(*arguments: str, cwd: Path, stdin: str = "") -> str:
    """Run git; raise with what it said when it fails."""
    finished = run(arguments, cwd, stdin)
    if finished.returncode:
        raise RuntimeError(f"git {' '.join(arguments)}: {finished.stderr}")
    return finished.stdout


def run(arguments: Sequence[str], cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run git and tell how it ended."""
    return subprocess.run(
        ["git", *arguments], cwd=cwd, env=_ENVIRONMENT, input=stdin, capture_output=True, text=True, check=False
    )
