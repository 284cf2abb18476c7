"""The contents of files, many in one process."""

from collections.abc import Sequence

from tide.adapters.git.failures import DamagedError
from tide.adapters.git.repository import BareRepository


async def sizes(repository: BareRepository, blobs: Sequence[str]) -> dict[str, int]:
    """Give the sizes of blobs in bytes; raise DamagedError when one is not there."""
    if not blobs:
        return {}
    answer = await repository.output("cat-file", "--batch-check", stdin=_named(blobs))
    return {blob: _size(repository, line) for blob, line in zip(blobs, answer.splitlines(), strict=True)}


async def contents(repository: BareRepository, blobs: Sequence[str]) -> dict[str, bytes]:
    """Read blobs; raise DamagedError when one is not there."""
    if not blobs:
        return {}
    answer = await repository.output("cat-file", "--batch", stdin=_named(blobs))
    found, position = dict[str, bytes](), 0
    for blob in blobs:
        end = answer.index(b"\n", position)
        size = _size(repository, answer[position:end])
        found[blob] = answer[end + 1 : end + 1 + size]
        position = end + size + 2
    return found


def _named(blobs: Sequence[str]) -> bytes:
    return "".join(f"{blob}\n" for blob in blobs).encode()


def _size(repository: BareRepository, line: bytes) -> int:
    """Read `NAME TYPE SIZE` (git-cat-file(1), BATCH OUTPUT)."""
    name, _, size = line.decode().partition(" blob ")
    if not size:
        raise DamagedError(f"{name} in {repository.name}: no such file content")
    return int(size)
