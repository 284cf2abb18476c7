"""A real bare git repository: refs, commits, diffs, and commits written in bulk for scenarios."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tide.sandbox.commits import Commit
from tide.sandbox.diffs import parse_diff
from tide.sandbox.fast_import import import_command
from tide.sandbox.git_program import WEB_FLOW_EMAIL, WEB_FLOW_NAME, run_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tide.sandbox.commits import NewCommit
    from tide.sandbox.diffs import ChangedFile

CONFIGURATION = """\
[core]
\trepositoryformatversion = 0
\tbare = true
\tlogAllRefUpdates = false
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
\tallowReachableSHA1InWant = true
[receive]
\thideRefs = refs/pull
[gc]
\tauto = 0
[rerere]
\tenabled = false
"""

# GitHub merges without a work tree: attributes in the tree (`merge=union`, `eol`, filters) have no say there.
ATTRIBUTES = "* !merge !text !eol !crlf !filter !ident !working-tree-encoding\n"

UPDATE_HOOK = """\
#!/bin/sh
# The server decides before it starts receive-pack and hands the refusals over: lines "ref<TAB>message".
ref=$1 old=$2 new=$3
refuse() { echo "error: $1" >&2; exit 1; }
tab=$(printf '\\t')
while IFS=$tab read -r name message; do
  [ "$name" = "$ref" ] && refuse "$message"
done <<EOF_REFUSED
$SANDBOX_REFUSED
EOF_REFUSED
zero=$(printf '%040d' 0)
case "$SANDBOX_FAST_FORWARD_ONLY" in
  *"<$ref>"*)
    if [ "$old" != "$zero" ] && [ "$new" != "$zero" ] && ! git merge-base --is-ancestor "$old" "$new"; then
      refuse "GH006: Protected branch update failed for $ref. Cannot force-push to this branch"
    fi ;;
esac
exit 0
"""

_COMMIT_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B%x00"
_FIELDS = 10
_ANCESTRIES_KEPT = 64


@dataclass(eq=False)
class GitStore:
    """One bare repository at ``path``.

    Refs set "later" and objects made in memory are written by ``flush`` in one go; every method that lets git read
    refs flushes first. ``lock`` serializes merges and pushes.
    """

    path: Path
    work_tree: Path
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _commits: dict[str, Commit] = field(default_factory=dict)
    _ancestries: OrderedDict[str, frozenset[str]] = field(default_factory=OrderedDict)
    _signed: dict[str, bool] = field(default_factory=dict)
    _waiting_refs: dict[str, str | None] = field(default_factory=dict)
    _waiting_commits: dict[str, bytes] = field(default_factory=dict)
    _flushing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def create(cls, root: Path, *, owner: str, name: str, default_branch: str) -> GitStore:
        """Make the bare repository ``root/repositories/OWNER/NAME.git``."""
        path = root / "repositories" / owner / f"{name}.git"
        path.parent.mkdir(parents=True, exist_ok=True)
        await run_git(
            ["init", "-q", "--bare", f"--template={_template(root)}", "-b", default_branch, str(path)], cwd=root
        )
        return cls(path, root / "work_trees" / owner / name)

    async def run(self, *arguments: str, stdin: bytes = b"", accept: frozenset[int] = frozenset({0})) -> bytes:
        """Run git in the bare repository and return its output.

        Raises:
            GitFailedError: it failed.
        """
        return (await run_git(arguments, cwd=self.path, stdin=stdin, accept=accept))[1]

    def set_ref_later(self, ref: str, sha: str) -> None:
        """Let ``flush`` put a ref on a commit."""
        self._waiting_refs[ref] = sha

    def delete_ref_later(self, ref: str) -> None:
        """Let ``flush`` delete a ref."""
        self._waiting_refs[ref] = None

    def add_commit(self, *, tree: str, parents: Sequence[str], author: Commit, message: str) -> Commit:
        """Make a commit object in memory, written by ``flush``; its dates and author are those of another commit."""
        content = _commit_object(tree, parents, author, message)
        sha = hashlib.sha1(b"commit %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        self._waiting_commits[sha] = content
        made = replace(
            author,
            sha=sha,
            tree=tree,
            parents=tuple(parents),
            committer_name=WEB_FLOW_NAME,
            committer_email=WEB_FLOW_EMAIL,
            message=message,
        )
        return self._commits.setdefault(sha, made)

    async def has_unsigned(self, commits: Iterable[Commit]) -> bool:
        """Whether any of these commits has no signature; what GitHub committed itself, it has signed.

        No signature is verified: one that is there counts as good.
        """
        shas = [commit.sha for commit in commits if commit.committer_email != WEB_FLOW_EMAIL]
        asked = [sha for sha in shas if sha not in self._signed]
        if asked:
            await self.flush()
            self._signed.update(zip(asked, map(_is_signed, await self.contents(asked)), strict=True))
        return not all(self._signed[sha] for sha in shas)

    async def contents(self, objects: Sequence[str]) -> list[bytes]:
        """Return what is in these objects, in their order; all of them must be there."""
        answer = await self.run("cat-file", "--batch", stdin="".join(f"{name}\n" for name in objects).encode())
        found, start = list[bytes](), 0
        for _ in objects:
            end = answer.index(b"\n", start)
            size = int(answer[start:end].split(b" ")[2])
            found.append(answer[end + 1 : end + 1 + size])
            start = end + size + 2
        return found

    async def flush(self) -> None:
        """Write what waits: commits, then refs."""
        async with self._flushing:
            commits, self._waiting_commits = self._waiting_commits, {}
            refs, self._waiting_refs = self._waiting_refs, {}
            if commits:
                await self._write_commits(commits)
            if refs:
                lines = [f"update {ref} {sha}" if sha else f"delete {ref}" for ref, sha in refs.items()]
                await self.run("update-ref", "--stdin", stdin="".join(f"{line}\n" for line in lines).encode())

    async def _write_commits(self, commits: Mapping[str, bytes]) -> None:
        with tempfile.TemporaryDirectory(dir=self.path) as directory:
            paths = [Path(directory) / sha for sha in commits]
            for path, content in zip(paths, commits.values(), strict=True):
                path.write_bytes(content)
            names = "".join(f"{path}\n" for path in paths)
            await self.run("hash-object", "-t", "commit", "-w", "--stdin-paths", "--no-filters", stdin=names.encode())

    async def set_ref(self, ref: str, sha: str, *, expected: str | None = None) -> None:
        """Put a ref on a commit now; with ``expected`` only if it is still there.

        Raises:
            GitFailedError: the object is unknown, or the ref is elsewhere.
        """
        await self.flush()
        await self.run("update-ref", ref, sha, *([expected] if expected else []))

    async def branches(self) -> dict[str, str]:
        """Return the branches as git has them: name -> SHA."""
        await self.flush()
        output = await self.run("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads")
        pairs = (line.split(" ", 1) for line in output.decode().splitlines())
        return {name: sha for sha, name in pairs}

    async def commit(self, sha: str) -> Commit:
        """Return a commit.

        Raises:
            KeyError: there is none of that full SHA.
        """
        await self.load([sha])
        return self._commits[sha]

    async def load(self, shas: Iterable[str]) -> None:
        """Read the commits of these SHAs with all their ancestors into memory; unknown ones are passed over."""
        missing = [sha for sha in dict.fromkeys(shas) if sha not in self._commits]
        if not missing:
            return
        await self.flush()
        known = [f"^{sha}" for sha in self._tips()]
        wanted = "\n".join([*missing, *known, ""]).encode()
        arguments = ["log", "--ignore-missing", f"--format=format:{_COMMIT_FORMAT}", "--stdin"]
        output = await self.run(*arguments, stdin=wanted, accept=frozenset({0, 128}))
        for commit in _parse_commits(output):
            self._commits.setdefault(commit.sha, commit)

    def _tips(self) -> set[str]:
        """Return the loaded commits that no loaded commit has as a parent."""
        parents = {parent for commit in self._commits.values() for parent in commit.parents}
        return set(self._commits) - parents

    async def ancestors(self, sha: str) -> frozenset[str]:
        """Return a commit with everything reachable from it; empty for an unknown one."""
        if sha in self._ancestries:
            self._ancestries.move_to_end(sha)
            return self._ancestries[sha]
        await self.load([sha])
        found = frozenset(self._reachable(sha))
        if not found:
            return found
        self._ancestries[sha] = found
        if len(self._ancestries) > _ANCESTRIES_KEPT:
            self._ancestries.popitem(last=False)
        return found

    def _reachable(self, sha: str) -> set[str]:
        seen: set[str] = set()
        waiting = [sha]
        while waiting:
            commit = self._commits.get(waiting.pop())
            if commit is not None and commit.sha not in seen:
                seen.add(commit.sha)
                waiting.extend(commit.parents)
        return seen

    async def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether ``descendant`` contains ``ancestor``."""
        return ancestor in await self.ancestors(descendant)

    async def commits_between(self, base: str, head: str) -> list[Commit]:
        """Return the commits of ``head`` that ``base`` lacks, parents before children (as a pull lists them)."""
        excluded = await self.ancestors(base)
        await self.load([head])
        order: list[Commit] = []
        seen: set[str] = set(excluded)
        waiting: list[tuple[str, bool]] = [(head, False)]
        while waiting:
            sha, done = waiting.pop()
            commit = self._commits.get(sha)
            if commit is None or (sha in seen and not done):
                continue
            if done:
                order.append(commit)
                continue
            seen.add(sha)
            waiting.append((sha, True))
            waiting.extend((parent, False) for parent in reversed(commit.parents))
        return order

    async def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor, None for unrelated histories."""
        output = await self.run("merge-base", one, other, accept=frozenset({0, 1}))
        return output.decode().strip() or None

    async def changed_files(self, base: str, head: str) -> list[ChangedFile]:
        """Return the files that differ between two commits or trees, renames found as GitHub does."""
        counts = await self.run("diff", "--numstat", "-z", "-M", base, head)
        return parse_diff(counts.decode(errors="surrogateescape"))

    async def write_commits(self, commits: Sequence[NewCommit]) -> list[str]:
        """Write commits (``git fast-import``, one process for any number) and return their SHAs, in order.

        No branch moves: that is ``Forge.write_branch``.

        Raises:
            GitFailedError: a parent is unknown.
        """
        with tempfile.TemporaryDirectory(dir=self.path) as directory:
            marks = Path(directory) / "marks"
            stream = b"".join(import_command(number, commit) for number, commit in enumerate(commits, 1))
            stream += b"reset refs/sandbox/import\nfrom 0000000000000000000000000000000000000000\n\n"
            await self.run("fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=stream)
            found = dict(line.split(" ") for line in marks.read_text().splitlines())
        return [found[f":{number}"] for number in range(1, len(commits) + 1)]


def _template(root: Path) -> Path:
    template = root / "template"
    if not template.exists():
        (template / "hooks").mkdir(parents=True)
        (template / "info").mkdir()
        (template / "config").write_text(CONFIGURATION)
        (template / "info" / "attributes").write_text(ATTRIBUTES)
        hook = template / "hooks" / "update"
        hook.write_text(UPDATE_HOOK)
        hook.chmod(0o755)
    return template


def _commit_object(tree: str, parents: Sequence[str], author: Commit, message: str) -> bytes:
    lines = [
        f"tree {tree}",
        *(f"parent {parent}" for parent in parents),
        f"author {author.author_name} <{author.author_email}> {int(author.authored_at.timestamp())} +0000",
        f"committer {WEB_FLOW_NAME} <{WEB_FLOW_EMAIL}> {int(author.committed_at.timestamp())} +0000",
        "",
        message,
    ]
    return ("\n".join(lines) + "\n").encode()


def _is_signed(commit: bytes) -> bool:
    header = commit.partition(b"\n\n")[0]
    return any(line.startswith(b"gpgsig") for line in header.split(b"\n"))


def _parse_commits(output: bytes) -> list[Commit]:
    fields = output.decode(errors="replace").split("\0")
    rows = [fields[start : start + _FIELDS] for start in range(0, len(fields) - _FIELDS, _FIELDS)]
    return [_commit(row) for row in rows]


def _commit(row: Sequence[str]) -> Commit:
    sha, tree, parents, name, email, authored, committer, committer_email, committed, message = row
    return Commit(
        sha=sha.lstrip("\n"),
        tree=tree,
        parents=tuple(parents.split()),
        author_name=name,
        author_email=email,
        authored_at=datetime.fromtimestamp(int(authored), UTC),
        committer_name=committer,
        committer_email=committer_email,
        committed_at=datetime.fromtimestamp(int(committed), UTC),
        message=message.rstrip("\n"),
    )
