"""Whether pulls merge cleanly, by ``git merge-tree``: one process for many pulls, remembered by (base, head)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tide.sandbox.model import Mergeability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tide.sandbox.commits import Commit
    from tide.sandbox.git_store import GitStore
    from tide.sandbox.model import PullRequest, Repository

Pair = tuple[str, str]


@dataclass
class MergeabilityCache:
    """Answers by (repository, base SHA, head SHA); they never change, so they are never dropped."""

    _known: dict[tuple[int, str, str], Mergeability] = field(default_factory=dict)

    async def of(self, repository: Repository, pulls: Sequence[PullRequest]) -> list[Mergeability]:
        """Return the mergeability of each pull with its base as it is now (``base_sha`` for one whose base is gone).

        The test merge commits are queued to be written with ``refs/pull/N/merge`` on them.
        """
        pairs = [(repository.branches.get(pull.base_ref, pull.base_sha), pull.head_sha) for pull in pulls]
        missing = [pair for pair in dict.fromkeys(pairs) if (repository.id, *pair) not in self._known]
        if missing:
            for answer in await _ask_git(repository.git, missing):
                self._known[repository.id, answer.base_sha, answer.head_sha] = answer
        answers = [self._known[repository.id, base, head] for base, head in pairs]
        for pull, answer in zip(pulls, answers, strict=True):
            if answer.merge_commit is not None and pull.state == "open":
                repository.git.set_ref_later(f"refs/pull/{pull.number}/merge", answer.merge_commit.sha)
        return answers


async def _ask_git(git: GitStore, pairs: Sequence[Pair]) -> list[Mergeability]:
    trees = await merged_trees(git, pairs)
    await git.load(sha for pair in pairs for sha in pair)
    return [await _answer(git, pair, tree) for pair, tree in zip(pairs, trees, strict=True)]


async def merged_trees(git: GitStore, pairs: Sequence[Pair]) -> list[str | None]:
    """Return the tree of merging each pair (base, head), None where they conflict."""
    await git.flush()
    lines = "".join(f"{base} {head}\n" for base, head in pairs).encode()
    arguments = ["merge-tree", "--write-tree", "--stdin", "--no-messages", "--allow-unrelated-histories"]
    return parse_merge_tree((await git.run(*arguments, stdin=lines, accept=frozenset({0, 1}))).decode())


def parse_merge_tree(output: str) -> list[str | None]:
    """Read the answers of ``git merge-tree --stdin``: status, tree, conflicted entries, each ended by NUL."""
    fields = iter(output.split("\0"))
    trees: list[str | None] = []
    for status in fields:
        if not status.strip():
            break
        tree = next(fields)
        while next(fields):
            pass
        trees.append(tree if status == "1" else None)
    return trees


async def _answer(git: GitStore, pair: Pair, tree: str | None) -> Mergeability:
    base_sha, head_sha = pair
    base, head = await git.commit(base_sha), await git.commit(head_sha)
    commits = await git.commits_between(base_sha, head_sha)
    return Mergeability(
        base_sha=base_sha,
        head_sha=head_sha,
        mergeable=tree is not None,
        rebaseable=tree is not None and await _replays(git, base, commits),
        behind=not await git.is_ancestor(base_sha, head_sha),
        merge_commit=_test_merge(git, base, head, tree) if tree is not None else None,
    )


async def _replays(git: GitStore, base: Commit, commits: Sequence[Commit]) -> bool:
    """Whether the commits of a pull apply one after the other onto its base.

    A single commit applies exactly when the merge is clean: both are the same three-way merge. With more, each commit
    is merged onto a stand-in with the tree reached so far and the commit's own parent, so that the parent is the merge
    base (git 2.39 has no ``merge-tree --merge-base``).
    """
    linear = [commit for commit in commits if len(commit.parents) == 1]
    if len(commits) <= 1:
        return True
    tree = base.tree
    for commit in linear:
        stand_in = git.add_commit(tree=tree, parents=commit.parents, author=commit, message="stand-in")
        (merged,) = await merged_trees(git, [(stand_in.sha, commit.sha)])
        if merged is None:
            return False
        tree = merged
    return True


def _test_merge(git: GitStore, base: Commit, head: Commit, tree: str) -> Commit:
    later = max(base, head, key=lambda commit: commit.committed_at)
    message = f"Merge {head.sha} into {base.sha}"
    return git.add_commit(tree=tree, parents=(base.sha, head.sha), author=later, message=message)
