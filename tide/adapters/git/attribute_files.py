"""Finds the `.gitattributes` of trees that matter to merging, and lays them out for `core.attributesFile`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tide.adapters.git.attributes import merge_attributes
from tide.adapters.git.blobs import contents
from tide.adapters.git.repository import BareRepository
from tide.domain.memo import Memo

EMPTY_TREES = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The tree without entries, by the length of object names; git knows it in every repository."""

_ANY_DIRECTORY = ":(glob)**/.gitattributes"
_REGULAR_FILE = "100"  # how the mode of one starts; a symbolic link of that name is ignored by git


@dataclass(eq=False)
class AttributeFiles:
    """The attributes that a work tree of the repository would have, tree by tree."""

    repository: BareRepository
    _files: Memo[str, str] = field(default_factory=lambda: Memo(256))
    _changing: Memo[tuple[str, tuple[str, ...]], frozenset[str]] = field(default_factory=lambda: Memo(64))

    def __post_init__(self) -> None:
        self.repository.on_loss.append(self._files.clear)

    async def of_tree(self, tree: str) -> str:
        """Give the path of an attributes file that stands for a tree's own; "" when they cannot change a merge."""
        known = self._files.get(tree)
        if known is not None:
            return known
        content = merge_attributes(await self._read(tree))
        return self._files.keep(tree, str(_laid_out(self.repository.path, content)) if content else "")

    async def changing(self, base_sha: str, heads: Sequence[str]) -> frozenset[str]:
        """Tell which heads have other `.gitattributes` than the base, and so may change those of what they go into."""
        key = (base_sha, tuple(heads))
        known = self._changing.get(key)
        return known if known is not None else self._changing.keep(key, await self._find_changing(base_sha, heads))

    async def _find_changing(self, base_sha: str, heads: Sequence[str]) -> frozenset[str]:
        # "COMMIT PARENT": each is compared with the base as if that were its parent (git-diff-tree(1), --stdin).
        pairs = "".join(f"{head} {base_sha}\n" for head in heads).encode()
        options = ("--stdin", "-r", "-z", "--name-only", "--no-renames")
        listing = await self.repository.output("diff-tree", *options, "--", _ANY_DIRECTORY, stdin=pairs)
        return frozenset(listing.decode(errors="replace").split("\0")) & frozenset(heads)

    async def _read(self, tree: str) -> dict[bytes, bytes]:
        """Read all `.gitattributes` of a tree: directory -> content."""
        options = ("-r", "-z", "--raw", "--no-abbrev", "--no-renames")
        listing = await self.repository.output(
            "diff-tree", *options, EMPTY_TREES[len(tree)], tree, "--", _ANY_DIRECTORY
        )
        fields = listing.split(b"\0")
        entries = [(entry.decode().split(), path) for entry, path in zip(fields[::2], fields[1::2], strict=False)]
        blobs = {path: entry[3] for entry, path in entries if entry[1].startswith(_REGULAR_FILE)}
        found = await contents(self.repository, list(blobs.values()))
        return {path.rpartition(b"/")[0]: found[blob] for path, blob in blobs.items()}


def _laid_out(repository: Path, content: bytes) -> Path:
    path = repository / "tide-attributes" / hashlib.sha256(content).hexdigest()
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(path)
    return path
