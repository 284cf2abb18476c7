"""Merges and replays in a bare repository: nothing is checked out, only trees and commits are written."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tide.adapters.git.failures import failure, is_damage, is_environmental
from tide.adapters.git.program import Finished
from tide.adapters.git.repository import BareRepository
from tide.domain.errors import Unavailable
from tide.domain.memo import Memo

# What a clone without any configuration of its host does; the last names no driver, as `merge.default` could.
_DEFAULTS = (
    "merge.default=text",
    "merge.directoryRenames=conflict",
    "merge.renames=true",
    "merge.renameLimit=7000",
    "merge.renormalize=false",
    "diff.algorithm=default",
)
_FILES_NAMED = 3
_LONGEST_REPLAY = 250  # commits; a longer series is held rather than replayed
_OTHERWISE = "Make it fewer commits, or choose another merge method."
_EARLIEST, _LATEST = 1_000_000_000, 4_000_000_000  # dates that every git accepts, in seconds since 1970


@dataclass(frozen=True, slots=True)
class Tip:
    """A commit with its tree and its date (seconds since 1970)."""

    commit: str
    tree: str
    date: int


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why something does not merge, for people, and what its author can do, "" where it `may_pass` as it is."""

    reason: str
    remedy: str = ""

    @property
    def may_pass(self) -> bool:
        """Tell whether the same may merge later."""
        return not self.remedy

    def within(self, what: str) -> "Obstacle":
        """Give the same obstacle, with `what` it was met in before its reason."""
        return replace(self, reason=f"{what}: {self.reason}")


@dataclass(eq=False)
class Merger:
    """Merges and replays commits of one repository; what was found once is remembered."""

    repository: BareRepository
    _lists: Memo[tuple[str, str], tuple[tuple[str, ...], ...]] = field(default_factory=lambda: Memo(1024))
    _tips: Memo[str, Tip] = field(default_factory=lambda: Memo(64))
    _trees: Memo[tuple[str, str, str], str | Obstacle] = field(default_factory=lambda: Memo(8192))
    _commits: Memo[tuple[str, tuple[str, ...], int], str] = field(default_factory=lambda: Memo(8192))

    def __post_init__(self) -> None:
        self.repository.on_loss.extend((self._trees.clear, self._commits.clear))

    async def tip(self, sha: str) -> Tip:
        """Read a commit."""
        return self._tips.get(sha) or self._tips.keep(sha, await self._tip(sha))

    async def _tip(self, sha: str) -> Tip:
        line = await self.repository.output("log", "-1", "--format=%T %ct", sha, "--")
        tree, date = line.decode().split()
        return Tip(sha, tree, min(max(int(date), _EARLIEST), _LATEST))

    async def merge(self, ours: str, theirs: str, attributes: str = "") -> str | Obstacle:
        """Merge two commits; give the tree, or why not. `attributes` is the path of an attributes file, "" for none."""
        key = (ours, theirs, attributes)
        known = self._trees.get(key)
        if known is not None:
            return known
        command = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
        settings = (f"core.attributesFile={attributes or '/dev/null'}", *_DEFAULTS)
        try:
            finished = await self.repository.run(*command, settings=settings)
        except Unavailable as error:
            # Not kept: it may have been the machine's fault, or that of a server that gave the contents too slowly.
            return Obstacle(f"could not be merged: {error}")
        return self._trees.keep(key, _read(finished))

    async def commit(self, tree: str, parents: Sequence[str], date: int) -> Tip:
        """Write a commit; the same arguments always give the same SHA."""
        key = (tree, tuple(parents), date)
        sha = self._commits.get(key) or self._commits.keep(key, await self._commit(*key))
        return Tip(sha, tree, date)

    async def _commit(self, tree: str, parents: Sequence[str], date: int) -> str:
        options = [part for parent in parents for part in ("-p", parent)]
        when = f"@{date} +0000"
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        finished = await self.repository.run("commit-tree", tree, *options, stdin=b"merge\n", environment=dates)
        if finished.code:
            raise failure("git commit-tree", finished)
        return finished.stdout.decode().strip()

    async def replay(self, onto: Tip, head: str) -> Tip | Obstacle:
        """Replay the commits of `head` that `onto` lacks, one by one, as `git rebase` does: merges are left out."""
        tip = onto
        series = await self._series(onto.commit, head)
        if len(series) > _LONGEST_REPLAY:
            return Obstacle(f"it has more than {_LONGEST_REPLAY} commits", _OTHERWISE)
        for sha, *parents in series:
            if not parents:
                return Obstacle(f"commit {sha[:12]} has no parent", _OTHERWISE)
            tree = await self._picked(tip, sha, parents[0])
            if isinstance(tree, Obstacle):
                return tree.within(f"commit {sha[:12]}")
            if tree != tip.tree:
                tip = await self.commit(tree, [tip.commit], tip.date + 1)
        return tip

    async def _series(self, onto: str, head: str) -> tuple[tuple[str, ...], ...]:
        """List the commits to replay, oldest first, each with its parents."""
        known = self._lists.get((onto, head))
        if known is not None:
            return known
        listing = await self.repository.output(
            *("rev-list", "--reverse", "--topo-order", "--no-merges", "--right-only", "--cherry-pick"),
            *("--no-commit-header", "--format=%H %P", f"{onto}...{head}", "--"),
        )
        return self._lists.keep((onto, head), tuple(tuple(line.split()) for line in listing.decode().splitlines()))

    async def _picked(self, onto: Tip, sha: str, parent: str) -> str | Obstacle:
        """Cherry-pick one commit onto a tree.

        `merge-tree` takes no merge base before git 2.40. A commit with our tree and the picked one's parent makes
        that parent the base.
        """
        stand_in = await self.commit(onto.tree, [parent], onto.date)
        return await self.merge(stand_in.commit, sha)


def _read(finished: Finished) -> str | Obstacle:
    """Read what `merge-tree` says (git-merge-tree(1), OUTPUT)."""
    tree, *files = finished.stdout.decode(errors="replace").split("\0")
    # A commit that is missing also makes it exit with 1, but then no tree is told.
    if tree and finished.code == 0:
        return tree
    if tree and finished.code == 1:
        return Obstacle(f"conflicts in {_named(files)}", "Resolve its conflict with its base branch.")
    return _gave_up(finished)


def _named(files: Sequence[str]) -> str:
    unique = list(dict.fromkeys(filter(None, files)))
    named, more = ", ".join(unique[:_FILES_NAMED]), len(unique) - _FILES_NAMED
    return f"{named} and {more} more" if more > 0 else named or "what could not be named"


def _gave_up(finished: Finished) -> Obstacle:
    """Tell why git could not merge at all; raise what it means when it is not the commits' own fault."""
    if "unrelated histories" in finished.stderr:
        return Obstacle("has no history in common with the branch", "Begin its branch anew from its base branch.")
    if is_environmental(finished) or is_damage(finished):
        raise failure("git merge-tree", finished)
    return Obstacle(f"could not be merged: {finished.complaint}", "Update its branch from its base branch.")
