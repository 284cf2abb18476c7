"""Makes the work tree that a job runs in, as clonerefs does (Prow: pod-utils/clone/clone.go).

Whoever opens a pull request says what is cloned: by a job that the repository holds itself, by `.gitmodules`, by
`.lfsconfig`. So the operator's own means (helpers, ssh keys) serve one `git fetch` each, of an address that the
operator named; all else is done as a stranger would, with our token for the repositories alone that jobs may read.
"""

import os.path
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tide.adapters.git.addresses import is_same_place
from tide.adapters.git.credentials import Credentials
from tide.adapters.git.names import checked_ref, checked_sha
from tide.adapters.git.program import Finished, GitProgram
from tide.adapters.git.strangers import for_strangers
from tide.adapters.local_runner.instructions import CannotRunError
from tide.adapters.prowjobs import markers
from tide.domain.errors import RemoteError
from tide.domain.grants import CloneGrants
from tide.domain.keys import PoolKey, RepoKey

_AS_A_STRANGER = "asked for without the token: see `jobs_may_read` in the merge queue's own file"
_PATIENCE = timedelta(minutes=15)  # for one git command: a fetch may bring a whole repository


@dataclass(frozen=True, slots=True)
class Checkout:
    """Clones refs and merges their pull requests, from `clone_uri` or else the code host's own URL."""

    git: GitProgram
    credentials: Credentials
    grants_of: Callable[[PoolKey], CloneGrants]

    async def make(self, prowjob: Mapping[str, Any], directory: Path) -> Path:
        """Clone all refs of a ProwJob below `directory`/src; give the directory that the job starts in.

        Raise CannotRunError when that is not possible, and when the tree that comes out of the merges is not the one
        that the ProwJob says it tests.
        """
        spec = prowjob["spec"]
        all_refs = [spec["refs"], *(spec.get("extra_refs") or [])]
        if (spec.get("decoration_config") or {}).get("skip_cloning"):
            return directory
        try:
            clones = await self._clones(spec["refs"])
            places = [await clones.make(refs, directory / "src") for refs in all_refs]
            await clones.check_tree(prowjob, places[0])
        except RemoteError as error:
            raise CannotRunError(f"Job could not be cloned: {error}") from error
        chosen = [place for place, refs in zip(places, all_refs, strict=True) if refs.get("workdir")]
        return (chosen or places)[0]

    async def _clones(self, refs: Mapping[str, Any]) -> "_Clones":
        pool = PoolKey(refs["org"], refs["repo"], refs["base_ref"])
        grants, url_of = self.grants_of(pool), self.credentials.url_of
        ours = {repo for address, repo in grants.addresses.items() if is_same_place(address, url_of(repo))}
        readable = {pool.repository} | grants.repositories | ours
        strangers = await for_strangers(self.git, await self.credentials.for_repositories(readable))
        return _Clones(self.git, strangers, self.credentials, frozenset(readable), frozenset(grants.addresses))


@dataclass(frozen=True, slots=True)
class _Clones:
    """The clones of one ProwJob.

    Attributes:
        git: the program with the operator's own means.
        strangers: the program for every command that a stranger can lead elsewhere.
        credentials: give our token.
        readable: what these jobs may read with our token.
        addresses: what the operator's own means may be shown to.
    """

    git: GitProgram
    strangers: GitProgram
    credentials: Credentials
    readable: frozenset[RepoKey]
    addresses: frozenset[str]

    async def make(self, refs: Mapping[str, Any], root: Path) -> Path:
        """Clone refs below `root`; give where."""
        place = _place(refs, root)
        place.mkdir(parents=True, exist_ok=True)
        await self._git(place, ["init", "--quiet"])
        pulls = refs.get("pulls") or []
        base = checked_sha(refs["base_sha"]) if refs.get("base_sha") else f"refs/heads/{refs['base_ref']}"
        heads = [checked_sha(pull["sha"]) for pull in pulls]
        checked_ref(f"refs/heads/{refs['base_ref']}")
        await self._fetch(place, refs, [base, *heads])
        start = base if refs.get("base_sha") else "FETCH_HEAD"
        await self._git(place, ["checkout", "--quiet", "-B", refs["base_ref"], start, "--"])
        await self._merge(place, heads, [pull.get("number") for pull in pulls])
        if not refs.get("skip_submodules") and (place / ".gitmodules").exists():
            await self._as_a_stranger(place, ["submodule", "--quiet", "update", "--init", "--recursive"])
        return place

    async def check_tree(self, prowjob: Mapping[str, Any], place: Path) -> None:
        """Raise CannotRunError unless the tree in `place` is the one that a ProwJob says it tests."""
        expected = (prowjob["metadata"].get("annotations") or {}).get(markers.RUN_TREE, "")
        found = (await self._git(place, ["rev-parse", "HEAD^{tree}"])).stdout.decode().strip()
        if expected and found != expected:
            raise CannotRunError(f"Job would test tree {found} instead of {expected}.")

    async def _fetch(self, place: Path, refs: Mapping[str, Any], wanted: Sequence[str]) -> None:
        url_of = self.credentials.url_of
        url = refs.get("clone_uri") or url_of(RepoKey(refs["org"], refs["repo"]))
        readable = next((repo for repo in sorted(self.readable) if is_same_place(url, url_of(repo))), None)
        if readable is not None:
            # Never in the words of the ProwJob: what it calls one place may be another.
            means = await self.credentials.for_server(readable)
            command = [*_fetch_options(refs), "--", url_of(readable), *wanted]
            _check(await self.git.run(command, cwd=place, patience=_PATIENCE, environment=means))
        elif url in self.addresses:
            # What a partial clone leaves out would be asked for later, without the operator's own means.
            options = _fetch_options({**refs, "blobless_fetch": False})
            _check(await self.git.run([*options, "--", url, *wanted], cwd=place, patience=_PATIENCE))
        else:
            await self._as_a_stranger(place, [*_fetch_options(refs), "--", url, *wanted])

    async def _merge(self, place: Path, heads: Sequence[str], numbers: Sequence[Any]) -> None:
        if not heads:
            return
        date = int((await self._git(place, ["log", "-1", "--format=%ct"])).stdout)
        for offset, (head, number) in enumerate(zip(heads, numbers, strict=True), 1):
            when = f"@{date + offset} +0000"
            dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
            command = ["merge", "--quiet", "--no-ff", "--no-stat", "-m", f"Merge #{number}", head]
            finished = await self.strangers.run(command, cwd=place, patience=_PATIENCE, environment=dates)
            if finished.code:
                raise CannotRunError(f"Job could not be cloned: #{number} does not merge.")

    async def _as_a_stranger(self, place: Path, arguments: Sequence[str]) -> None:
        """Fetch what others name; say where that fails that it was asked for without the token."""
        try:
            await self._git(place, arguments)
        except CannotRunError as error:
            raise CannotRunError(f"{error} ({_AS_A_STRANGER})") from error

    async def _git(self, place: Path, arguments: Sequence[str]) -> Finished:
        return _check(await self.strangers.run(arguments, cwd=place, patience=_PATIENCE))


def _check(finished: Finished) -> Finished:
    if finished.code:
        raise CannotRunError(f"Job could not be cloned: {finished.complaint}")
    return finished


def _fetch_options(refs: Mapping[str, Any]) -> list[str]:
    depth = refs.get("clone_depth") or 0
    return [
        "fetch",
        "--quiet",
        "--no-recurse-submodules",
        "--no-tags" if refs.get("skip_fetch_head") else "--tags",
        *([f"--depth={int(depth)}"] if depth else []),
        *(["--filter=blob:none"] if refs.get("blobless_fetch") else []),
    ]


def _place(refs: Mapping[str, Any], root: Path) -> Path:
    """Say where refs are cloned to (Prow: clone.go PathForRefs): inside of `root`, and in no other clone's own files.

    What is checked out must never become git's configuration of another clone: that would run programs as us.
    """
    link = str(refs.get("repo_link") or f"github.com/{refs['org']}/{refs['repo']}")
    relative = refs.get("path_alias") or link.rpartition("://")[2]
    root = root.resolve()
    place = (root / relative).resolve()
    inside = place.relative_to(root).parts if place.is_relative_to(root) else ()
    if not inside or ".git" in map(str.lower, inside) or os.path.lexists(place / ".git"):
        raise CannotRunError(f"Job cannot run here: {relative!r} is no path to clone to.")
    return place
