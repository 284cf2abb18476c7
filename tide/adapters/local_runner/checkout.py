"""Makes the work tree that a job runs in, as clonerefs does (Prow: pod-utils/clone/clone.go)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tide.adapters.git.credentials import Credentials
from tide.adapters.git.names import checked_ref, checked_sha
from tide.adapters.git.program import Finished, GitProgram
from tide.adapters.local_runner.instructions import CannotRunError
from tide.adapters.prowjobs import markers
from tide.domain.errors import RemoteError
from tide.domain.keys import RepoKey

_PATIENCE = timedelta(minutes=15)  # for one git command: a fetch may bring a whole repository


@dataclass(frozen=True, slots=True)
class Checkout:
    """Clones refs and merges their pull requests, from `clone_uri` or else the code host's own URL."""

    git: GitProgram
    url_of: Callable[[RepoKey], str]
    credentials: Credentials

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
            places = [await self._clone(refs, directory / "src") for refs in all_refs]
            await self._check_tree(prowjob, places[0])
        except RemoteError as error:
            raise CannotRunError(f"Job could not be cloned: {error}") from error
        chosen = [place for place, refs in zip(places, all_refs, strict=True) if refs.get("workdir")]
        return (chosen or places)[0]

    async def _clone(self, refs: Mapping[str, Any], root: Path) -> Path:
        repo = RepoKey(refs["org"], refs["repo"])
        url = refs.get("clone_uri") or self.url_of(repo)
        place = _place(refs, root)
        place.mkdir(parents=True, exist_ok=True)
        environment = await self.credentials.environment(repo, url)
        await self._git(place, ["init", "--quiet"])
        pulls = refs.get("pulls") or []
        base = checked_sha(refs["base_sha"]) if refs.get("base_sha") else f"refs/heads/{refs['base_ref']}"
        heads = [checked_sha(pull["sha"]) for pull in pulls]
        checked_ref(f"refs/heads/{refs['base_ref']}")
        await self._git(place, [*_fetch_options(refs), "--", url, base, *heads], environment)
        start = base if refs.get("base_sha") else "FETCH_HEAD"
        await self._git(place, ["checkout", "--quiet", "-B", refs["base_ref"], start, "--"], environment)
        await self._merge(place, heads, [pull.get("number") for pull in pulls])
        if not refs.get("skip_submodules") and (place / ".gitmodules").exists():
            await self._git(place, ["submodule", "--quiet", "update", "--init", "--recursive"], environment)
        return place

    async def _merge(self, place: Path, heads: Sequence[str], numbers: Sequence[Any]) -> None:
        if not heads:
            return
        date = int((await self._git(place, ["log", "-1", "--format=%ct"])).stdout)
        for offset, (head, number) in enumerate(zip(heads, numbers, strict=True), 1):
            when = f"@{date + offset} +0000"
            dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
            command = ["merge", "--quiet", "--no-ff", "--no-stat", "-m", f"Merge #{number}", head]
            finished = await self.git.run(command, cwd=place, patience=_PATIENCE, environment=dates)
            if finished.code:
                raise CannotRunError(f"Job could not be cloned: #{number} does not merge.")

    async def _check_tree(self, prowjob: Mapping[str, Any], place: Path) -> None:
        expected = (prowjob["metadata"].get("annotations") or {}).get(markers.RUN_TREE, "")
        found = (await self._git(place, ["rev-parse", "HEAD^{tree}"])).stdout.decode().strip()
        if expected and found != expected:
            raise CannotRunError(f"Job would test tree {found} instead of {expected}.")

    async def _git(
        self, place: Path, arguments: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> Finished:
        finished = await self.git.run(arguments, cwd=place, patience=_PATIENCE, environment=environment)
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
    """Say where refs are cloned to (Prow: clone.go PathForRefs); never outside of `root`."""
    link = str(refs.get("repo_link") or f"github.com/{refs['org']}/{refs['repo']}")
    relative = refs.get("path_alias") or link.rpartition("://")[2]
    place = (root / relative).resolve()
    if not place.is_relative_to(root.resolve()) or place == root.resolve():
        raise CannotRunError(f"Job cannot run here: {relative!r} is no path to clone to.")
    return place
