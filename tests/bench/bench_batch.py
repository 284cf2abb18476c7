"""How long it takes to pick a batch: 32 pull requests out of 300 branches of a repository with 20,000 files."""

import asyncio
import subprocess
import tempfile
from pathlib import Path

from tests.bench.meters import Spent, measured
from tests.bench.tables import Row, show
from tide.adapters.git.bare_repositories import BareRepositories
from tide.domain.evidence import Assembly, Proposal
from tide.domain.keys import RepoKey
from tide.domain.pulls import MergeMethod

_FILES, _BRANCHES, _BATCH = 20_000, 300, 32
_REPO = RepoKey("acme", "rocket")
_AIM = "< 2 s"


def main() -> None:
    """Print the seconds for each merge method, and for the same again with nothing new."""
    with tempfile.TemporaryDirectory() as directory:
        server = Path(directory) / "server.git"
        base, heads = _make_server(server)
        rows = []
        for method in MergeMethod:
            git = BareRepositories(Path(directory) / method, lambda _: server.as_uri())
            rows += asyncio.run(_measure(git, base, heads, method))
    show(f"a batch of {_BATCH} out of {_BRANCHES} branches of a repository with {_FILES:,} files", rows)


async def _measure(git: BareRepositories, base: str, heads: list[str], method: MergeMethod) -> list[Row]:
    wanted = {head: f"refs/heads/pull-{number}" for number, head in enumerate(heads)} | {base: "refs/heads/main"}
    with measured() as fetching:
        await git.fetch(_REPO, wanted)
    rows = [_timed(f"{method}: first fetch of {len(wanted)} commits", fetching)]
    proposals = [Proposal(number, head, method) for number, head in enumerate(heads, 1)]
    for what in ("batch", "the same again"):
        with measured() as assembling:
            assembly = await git.assemble(_REPO, base, proposals, _BATCH)
        rows.append(_timed(f"{method}: {what}: {_told(assembly)}", assembling, _AIM))
    return rows


def _timed(what: str, spent: Spent, aim: str = "") -> Row:
    return Row(what, f"{spent.wall:.3f} s wall", aim)


def _told(assembly: Assembly) -> str:
    return f"{len(assembly.steps)} picked, {len(assembly.skips)} skipped, git {assembly.git_version}"


def _make_server(path: Path) -> tuple[str, list[str]]:
    """Make the repository: every tenth branch conflicts with the one before it."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    subprocess.run(["git", "-C", str(path), "config", "uploadpack.allowFilter", "true"], check=True)
    stream = [_commit("main", "", {_name(number): f"content {number}\n" * 20 for number in range(_FILES)})]
    for branch in range(_BRANCHES):
        target = branch - 1 if branch % 10 == 9 else branch
        stream.append(_commit(f"pull-{branch}", "refs/heads/main", {_name(target * 61): f"changed by {branch}\n"}))
    subprocess.run(["git", "-C", str(path), "fast-import", "--quiet"], input="".join(stream).encode(), check=True)
    listing = subprocess.run(
        ["git", "-C", str(path), "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"],
        check=True,
        capture_output=True,
        text=True,
    )
    tips = dict(line.split() for line in listing.stdout.splitlines())
    return tips["main"], [tips[f"pull-{branch}"] for branch in range(_BRANCHES)]


def _name(number: int) -> str:
    return f"dir{number % 100}/sub{number % 7}/file{number}.txt"


def _commit(branch: str, parent: str, files: dict[str, str]) -> str:
    lines = [f"commit refs/heads/{branch}\ncommitter bench <bench@localhost> 1700000000 +0000\ndata 4\nwork\n"]
    lines += [f"from {parent}\n"] if parent else []
    lines += [f"M 100644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in files.items()]
    return "".join(lines) + "\n"


if __name__ == "__main__":
    main()
