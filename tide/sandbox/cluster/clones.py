"""Makes the trees that jobs see, as clonerefs does: the pull requests merged one after the other onto the base.

Unlike GitHub's own merges these are made in a work tree, where the attributes in the tree have their say
(Prow: pod-utils/clone/clone.go).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tide.adapters.git.names import checked_sha
from tide.domain.errors import BadAnswer
from tide.sandbox.git_program import GitFailedError, run_git
from tide.sandbox.model import Repository
from tide.sandbox.registry import NoSuchRepositoryError
from tide.sandbox.scenarios.suite import is_part
from tide.sandbox.state import Forge

_KEPT = 1000
_Key = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Clone:
    """What a job finds: the files that its suite reads (path -> text), and which of them the base has already.

    ``problem`` says why there is no such tree, "" if there is.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    landed: frozenset[str] = frozenset()
    problem: str = ""


class Clones:
    """Merges refs in one kept clone of each repository of a forge, and remembers the latest trees."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._lock = asyncio.Lock()
        self._known: OrderedDict[_Key, Clone] = OrderedDict()

    async def make(self, refs: Mapping[str, Any]) -> Clone:
        """Merge the pulls of a ProwJob's refs, at the SHAs that stand there, in their order."""
        try:
            repository = self._forge.repository(f"{refs['org']}/{refs['repo']}")
            base = checked_sha(refs.get("base_sha") or repository.branches[refs["base_ref"]])
            heads = tuple(checked_sha(pull["sha"]) for pull in refs.get("pulls") or ())
        except (NoSuchRepositoryError, BadAnswer, KeyError) as error:
            return Clone(problem=f"cannot be cloned: {error}")
        key = (repository.full_name, base, heads)
        async with self._lock:
            if key not in self._known:
                self._known[key] = await self._merge(repository, base, heads)
            self._known.move_to_end(key)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return self._known[key]

    async def _merge(self, repository: Repository, base: str, heads: Sequence[str]) -> Clone:
        await repository.git.flush()
        place = await self._place(repository)
        try:
            await run_git(["reset", "-q", "--hard"], cwd=place)
            await run_git(["checkout", "-q", "--force", "--detach", base], cwd=place)
            await run_git(["clean", "-q", "-ffdx"], cwd=place)
            landed = frozenset(_parts(place))
            for head in heads:
                await run_git(["merge", "-q", "--no-ff", "--no-stat", "-m", "merge", head], cwd=place)
        except GitFailedError as error:
            return Clone(problem=str(error))
        return Clone(_parts(place), landed)

    async def _place(self, repository: Repository) -> Path:
        """Give the clone of a repository: it borrows the objects, and nothing of the configuration."""
        place = self._forge.root / "clones" / repository.owner / repository.name
        if not place.exists():
            place.mkdir(parents=True)
            await run_git(["init", "-q"], cwd=place)
            objects = (repository.git.path / "objects").absolute()
            (place / ".git" / "objects" / "info" / "alternates").write_text(f"{objects}\n")
        return place


def _parts(place: Path) -> dict[str, str]:
    """Read what the suite reads in a checkout; what is a link is none of it."""
    directory = place / "parts"
    if directory.is_symlink() or not directory.is_dir():
        return {}
    return {
        f"parts/{path.name}": path.read_bytes().decode(errors="surrogateescape")
        for path in directory.iterdir()
        if is_part(f"parts/{path.name}") and path.is_file() and not path.is_symlink()
    }
