"""One bare repository of the cache.

Every commit that was asked for is held by a ref named after itself (`refs/tide/SHA`), so that what is there is known
from the refs alone, history and trees included: git writes a ref only after it has checked that all it leads to has
arrived. Refs of the server are never copied, hence never stale.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from tide.adapters.coreutils import remove
from tide.adapters.git.failures import DamagedError, failure, refused_sha
from tide.adapters.git.file_lock import locked
from tide.adapters.git.names import checked_ref, checked_sha
from tide.adapters.git.program import Finished, GitProgram
from tide.domain.errors import BadAnswer, NotFound, Unavailable

T = TypeVar("T")
log = logging.getLogger(__name__)

_HELD = "refs/tide/"
_REMOTE = "server"
_CONFIGURATION = f"""\
[core]
\trepositoryformatversion = 1
\tbare = true
\tlogAllRefUpdates = false
[extensions]
\tpartialClone = {_REMOTE}
[remote "{_REMOTE}"]
\tpromisor = true
\tpartialCloneFilter = blob:none
"""
_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
    "--filter=blob:none",
    "--stdin",
    _REMOTE,
)
_REFUSALS = 8  # SHAs that a server may refuse one by one before each is looked for through its ref


@dataclass(frozen=True, slots=True)
class Patience:
    """How long git may take: to fetch (a first clone included), and for anything done here."""

    fetch: timedelta = timedelta(minutes=10)
    local: timedelta = timedelta(seconds=60)


@dataclass(eq=False)
class BareRepository:
    """The local copy at `path` of the repository that people call `name`.

    `environment` gives the variables for processes that may speak to the server; a partial clone fetches contents
    on its own whenever it needs them. `lock` serializes whatever writes; `on_loss` are called when objects that
    nothing refers to may be gone. Every `tidy_every` fetches, commits that nobody asks for any more are let go.
    """

    name: str
    path: Path
    url: str
    program: GitProgram
    environment: Callable[[], Awaitable[Mapping[str, str]]]
    patience: Patience
    tidy_every: int = 64
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    on_loss: list[Callable[[], None]] = field(default_factory=list)
    _held: dict[str, str] = field(default_factory=dict)
    _asked_lately: set[str] = field(default_factory=set)
    _is_open: bool = False
    _generation: int = 0
    _fetches: int = 0

    async def fetch(self, wanted: Mapping[str, str]) -> None:
        """Make commits present: SHA -> ref of the server that is known to lead, or to have led, to it.

        What can be had is fetched even when NotFound is raised for the rest.
        """
        for sha, ref in wanted.items():
            checked_sha(sha)
            checked_ref(ref)
        self._asked_lately.update(wanted)
        if all(sha in self._held for sha in wanted):
            return
        await self.repairing(lambda: self._fetch_missing(wanted))

    async def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        settings: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run git here, with `settings` as `name=value`; raise Unavailable when it takes too long."""
        options = [part for setting in (f"remote.{_REMOTE}.url={self.url}", *settings) for part in ("-c", setting)]
        return await self.program.run(
            [*options, *arguments],
            patience=self.patience.local,
            stdin=stdin,
            environment={**await self.environment(), **(environment or {}), "GIT_DIR": str(self.path)},
        )

    async def output(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git here and give what it writes; raise what its failure means."""
        finished = await self.run(*arguments, stdin=stdin)
        if finished.code:
            raise failure(f"git {arguments[0]} in {self.name}", finished)
        return finished.stdout

    async def repairing(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`; when the local copy turns out to be damaged, make it anew and do it once more.

        Raise BadAnswer when that does not help either.
        """
        generation = self._generation
        try:
            return await work()
        except DamagedError as damage:
            log.warning("the local copy of %s is made anew: %s", self.name, damage)
        await self._make_anew(generation)
        try:
            return await work()
        except DamagedError as damage:
            raise BadAnswer(f"{damage} (also in a fresh copy)") from damage

    def require(self, *shas: str) -> None:
        """Raise NotFound unless all these commits were fetched."""
        for sha in shas:
            if checked_sha(sha) not in self._held:
                raise NotFound(f"commit {sha} of {self.name} was not fetched")

    async def _fetch_missing(self, wanted: Mapping[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = self.path.with_suffix(".lock")
        async with self.lock, locked(lock_file, self.patience.fetch) as held:
            await self._open()
            missing = {sha: ref for sha, ref in wanted.items() if sha not in self._held}
            if missing:
                await self._fetch(missing, held)
                await self._tidy_now_and_then()

    async def _open(self) -> None:
        # Whoever held these locks is dead, or we would not have got ours.
        _remove_remains(self.path)
        if self._is_open:
            return
        if not (self.path / "config").exists():
            _initialize(self.path)
        listing = await self.output("for-each-ref", "--format=%(objectname)", _HELD)
        self._held.update(dict.fromkeys(listing.decode().split(), ""))
        self._is_open = True

    async def _fetch(self, missing: Mapping[str, str], held: int) -> None:
        left, refused = dict(missing), dict[str, str]()
        while left:
            finished = await self._fetch_refspecs([f"+{sha}:{_HELD}{sha}" for sha in left], held)
            if finished.code == 0:
                self._held.update(left)
                break
            sha = refused_sha(finished)
            if sha not in left:
                raise failure(f"fetching {self.name}", finished)
            refused[sha] = left.pop(sha)
            if len(refused) > _REFUSALS:
                refused, left = refused | left, {}
        lost = [sha for sha, ref in refused.items() if not await self._fetch_through_ref(sha, ref, held)]
        if lost:
            raise NotFound(f"{self.name} does not have commit {', '.join(lost)}")

    async def _fetch_through_ref(self, sha: str, ref: str, held: int) -> bool:
        """Fetch a ref that has moved on from `sha`, where the server gives out nothing but what refs point to."""
        if not ref:
            return False
        landing = f"refs/tide-moved/{sha}"
        finished = await self._fetch_refspecs([f"+{ref}:{landing}"], held)
        if finished.code:
            error = failure(f"fetching {ref} of {self.name}", finished)
            if isinstance(error, NotFound):
                return False
            raise error
        contained = (await self.run("merge-base", "--is-ancestor", sha, landing)).code == 0
        if contained:
            await self.output("update-ref", f"{_HELD}{sha}", sha)
            self._held[sha] = ref
        await self.output("update-ref", "-d", landing)
        return contained

    async def _fetch_refspecs(self, refspecs: Sequence[str], held: int) -> Finished:
        settings = (f"remote.{_REMOTE}.url={self.url}", "http.lowSpeedLimit=1000", "http.lowSpeedTime=60")
        options = [part for setting in settings for part in ("-c", setting)]
        return await self.program.run(
            [*options, *_FETCH],
            patience=self.patience.fetch,
            stdin="".join(f"{refspec}\n" for refspec in refspecs).encode(),
            environment={**await self.environment(), "GIT_DIR": str(self.path)},
            held=(held,),
        )

    async def _tidy_now_and_then(self) -> None:
        """Let go of commits that nobody has asked for since the last time, and let git repack."""
        self._fetches += 1
        if self._fetches % self.tidy_every:
            return
        idle = [sha for sha in self._held if sha not in self._asked_lately]
        self._asked_lately.clear()
        for sha in idle:
            del self._held[sha]
        await self.output("update-ref", "--stdin", stdin="".join(f"delete {_HELD}{sha}\n" for sha in idle).encode())
        await self._collect_garbage()
        self._objects_lost()

    async def _collect_garbage(self) -> None:
        # Merges that were only tried leave objects that nothing refers to.
        settings = ("gc.auto=2000", "gc.autoDetach=false", "gc.pruneExpire=1.day.ago")
        options = [part for setting in settings for part in ("-c", setting)]
        try:
            await self.program.run(
                [*options, "gc", "--auto", "--quiet"],
                patience=self.patience.fetch,
                environment={"GIT_DIR": str(self.path)},
            )
        except Unavailable as error:
            log.warning("%s is not tidied up: %s", self.name, error)

    async def _make_anew(self, generation: int) -> None:
        lock_file = self.path.with_suffix(".lock")
        async with self.lock, locked(lock_file, self.patience.fetch) as held:
            if generation != self._generation:
                return  # somebody else found the same damage and has repaired it
            self._generation += 1
            wanted = {sha: ref for sha, ref in self._held.items() if sha in self._asked_lately}
            self._held.clear()
            self._is_open = False
            self._objects_lost()
            await _put_away(self.path)
            await self._open()
            if wanted:
                # What the server no longer has is missed by whoever needs it, not by the one who repairs.
                with contextlib.suppress(NotFound):
                    await self._fetch(wanted, held)

    def _objects_lost(self) -> None:
        for forget in self.on_loss:
            forget()


def _initialize(path: Path) -> None:
    """Lay out an empty repository: what `git init` makes, without the host's templates and defaults.

    The configuration comes last, so that a directory with one is whole. HEAD leads nowhere, as newer versions of git
    read attributes from it in a bare repository.
    """
    for part in ("objects/info", "objects/pack", "refs/tide", "info"):
        (path / part).mkdir(parents=True, exist_ok=True)
    (path / "HEAD").write_text("ref: refs/heads/none\n")
    fresh = path / "config.new"
    fresh.write_text(_CONFIGURATION)
    fresh.replace(path / "config")


def _remove_remains(path: Path) -> None:
    """Remove what a killed git leaves behind: lock files that would block the next, and half of a pack."""
    patterns = ("*.lock", "refs/tide/*.lock", "refs/tide-moved/*.lock", "objects/info/*.lock", "objects/pack/tmp_*")
    for pattern in patterns:
        for remains in path.glob(pattern):
            remains.unlink(missing_ok=True)


async def _put_away(path: Path) -> None:
    """Remove a copy; it is out of the way at once, also when we are killed half-way."""
    aside = path.with_name(f"{path.name}.damaged")
    await remove(aside)
    with contextlib.suppress(FileNotFoundError):
        await asyncio.to_thread(path.rename, aside)
    if not await remove(aside):
        log.warning("a damaged copy cannot be removed, and stays at %s", aside)
