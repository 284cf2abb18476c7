"""The job files that a repository holds itself, read from its trees: nothing is checked out, no link is followed.

A key names the content: the entries that a tree has under the names that Prow looks for, as git lists them. Whoever
writes a pull request chooses what is there, so what is read is bounded.
"""

import re
from collections.abc import Mapping, Sequence

from tide.adapters.git.attribute_files import EMPTY_TREES
from tide.adapters.git.blobs import contents, sizes
from tide.adapters.git.repository import BareRepository
from tide.domain.in_repo import InRepoFile

DIRECTORY, FILE, IGNORE_FILE = ".prow", ".prow.yaml", ".prowignore"
MOST_FILES = 1_000
LARGEST_FILE, LARGEST_TOTAL = 1 << 20, 4 << 20  # bytes
_TREE, _LINK, _SUBMODULE = "040000", "120000", "160000"
_TROUBLES = {
    _LINK: "is a symbolic link; put the file itself there",
    _SUBMODULE: "is a submodule; put the file itself there",
}
_READ = re.compile(r"(?:.*/)?(?:[^/]*\.ya?ml|\.prowignore)", re.DOTALL)
_READ_BY_GIT = (":(glob)**/*.yaml", ":(glob)**/*.yml", f":(glob)**/{IGNORE_FILE}")

Entries = Mapping[str, tuple[str, str]]
"""Path -> mode and object name."""


async def read_key(repository: BareRepository, sha: str) -> str:
    """Give the key of the job files at a commit that was fetched, or in a tree that was assembled; "" for none.

    Equal keys stand for equal files (Prow: ReadProwYAML: a directory takes precedence over the file).
    """
    names = (DIRECTORY, FILE, IGNORE_FILE)
    entries = _entries(await repository.output("--literal-pathspecs", "ls-tree", "-z", sha, "--", *names))
    if entries.get(DIRECTORY, ("", ""))[0] in {_TREE, *_TROUBLES}:
        entries = {name: entry for name, entry in entries.items() if name != FILE}
    elif FILE in entries:
        entries = {FILE: entries[FILE]}
    else:
        return ""
    return "\n".join(f"{mode} {blob} {name}" for name, (mode, blob) in sorted(entries.items()))


async def read_files(repository: BareRepository, key: str) -> tuple[InRepoFile, ...]:
    """Read the files that a key stands for, those that say what to ignore included.

    What is no plain file, or too large, comes with its trouble instead of its content; where there is too much in all,
    that is told of the directory.
    """
    entries = {name: (mode, blob) for mode, blob, name in (line.split(" ") for line in key.splitlines())}
    if entries.get(DIRECTORY, ("", ""))[0] == _TREE:
        entries |= await _below(repository, entries.pop(DIRECTORY)[1])
    if len(entries) > MOST_FILES:
        return (InRepoFile(DIRECTORY, trouble=f"holds more than {MOST_FILES} YAML files"),)
    blobs = sorted({blob for mode, blob in entries.values() if mode not in _TROUBLES})
    lengths = await sizes(repository, blobs)
    small = [blob for blob in blobs if lengths[blob] <= LARGEST_FILE]
    if sum(lengths[blob] for mode, blob in entries.values() if blob in set(small)) > LARGEST_TOTAL:
        return (InRepoFile(DIRECTORY, trouble=f"holds more than {LARGEST_TOTAL >> 20} MiB of YAML"),)
    found = await contents(repository, small)
    return tuple(_file(path, mode, found.get(blob)) for path, (mode, blob) in entries.items())


async def _below(repository: BareRepository, tree: str) -> dict[str, tuple[str, str]]:
    entries = _entries(await repository.output("ls-tree", "-r", "-z", tree))
    wanted = {path: entry for path, entry in entries.items() if _READ.fullmatch(path)}
    if 1 < len(wanted) <= MOST_FILES:
        # In a partial clone this fetches all contents at once, which reading them would do one by one.
        await repository.output("diff-tree", "-r", "--shortstat", EMPTY_TREES[len(tree)], tree, "--", *_READ_BY_GIT)
    return {f"{DIRECTORY}/{path}": entry for path, entry in wanted.items()}


def _entries(listing: bytes) -> dict[str, tuple[str, str]]:
    """Read `MODE TYPE NAME<tab>PATH` (git-ls-tree(1), OUTPUT FORMAT)."""
    lines = (line.partition("\t") for line in listing.decode(errors="backslashreplace").split("\0")[:-1])
    fields: Sequence[tuple[str, list[str]]] = [(path, entry.split(" ")) for entry, _, path in lines]
    return {path: (mode, name) for path, (mode, _, name) in fields}


def _file(path: str, mode: str, text: bytes | None) -> InRepoFile:
    if mode in _TROUBLES:
        return InRepoFile(path, trouble=_TROUBLES[mode])
    if text is None:
        return InRepoFile(path, trouble=f"is larger than {LARGEST_FILE >> 20} MiB")
    return InRepoFile(path, text)
