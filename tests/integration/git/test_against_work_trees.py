"""Merging in memory gives what git gives in a work tree, for histories that nobody chose."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.git.conftest import REPO
from tests.integration.git.origin import Origin, WorkTree
from tide.adapters.git.bare_repositories import BareRepositories
from tide.domain.evidence import Assembly, Proposal
from tide.domain.pulls import MergeMethod

LINES = [f"line {number}" for number in range(8)]
FILES = {"a.txt": "\n".join(LINES), "dir/b.txt": "\n".join(LINES), "dir/c.txt": "c"}
PATHS = [*FILES, "new.txt", "moved/b.txt"]


@dataclass(frozen=True)
class Edit:
    """One change of one file: a line replaced, the file deleted, or moved away."""

    path: str
    line: int
    text: str

    def apply(self, files: dict[str, str]) -> dict[str, str | None]:
        content = files.get(self.path)
        if content is None:
            return {self.path: self.text}
        if self.text == "delete":
            return {self.path: None}
        if self.text == "move":
            return {self.path: None, f"moved/{self.path.rpartition('/')[2]}": content}
        lines = content.split("\n")
        return {self.path: "\n".join([*lines[: self.line], self.text, *lines[self.line + 1 :]])}


@dataclass(frozen=True)
class Branch:
    """Commits on the base (-1) or on an earlier branch, and how they are to land."""

    below: int
    commits: tuple[tuple[Edit, ...], ...]
    method: MergeMethod


edits = st.builds(Edit, st.sampled_from(PATHS), st.integers(0, 7), st.sampled_from(["x", "y", "z", "delete", "move"]))
commits = st.lists(st.lists(edits, min_size=1, max_size=2).map(tuple), min_size=1, max_size=3).map(tuple)
branches = st.lists(
    st.builds(Branch, st.integers(-1, 2), commits, st.sampled_from(MergeMethod)), min_size=1, max_size=4
)


@given(moved=st.lists(edits, max_size=2), drawn=branches)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_merging_in_memory_is_merging_in_a_work_tree(moved: list[Edit], drawn: list[Branch]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        origin = Origin(Path(directory) / "rocket.git")
        base, heads = _build(origin, moved, drawn)
        proposals = [
            Proposal(n, head, branch.method) for n, (head, branch) in enumerate(zip(heads, drawn, strict=True), 1)
        ]
        assembly = asyncio.run(_assemble(Path(directory), origin, base, proposals))
        expected = _in_work_trees(Path(directory), origin, base, proposals)
    assert [(step.number, step.run_tree, step.plan_tree) for step in assembly.steps] == expected
    assert len(assembly.steps) + len(assembly.skips) == len(proposals)


async def _assemble(directory: Path, origin: Origin, base: str, proposals: Sequence[Proposal]) -> Assembly:
    git = BareRepositories(directory / "cache", lambda _: origin.url)
    await git.fetch(REPO, dict.fromkeys((base, *(proposal.head_sha for proposal in proposals)), "refs/heads/main"))
    return await git.assemble(REPO, base, proposals, 0)


def _in_work_trees(
    directory: Path, origin: Origin, base: str, proposals: Sequence[Proposal]
) -> list[tuple[int, str, str]]:
    """Do the same by hand: one work tree is the test's, the other one the branch that is landed on."""
    run, plan = WorkTree(origin, directory / "run"), WorkTree(origin, directory / "plan")
    taken = []
    for tree in (run, plan):
        tree.git("checkout", "-q", "--detach", base)
    for proposal in proposals:
        before = [tree.git("rev-parse", "HEAD").strip() for tree in (run, plan)]
        old = run.tree()
        if run.merge(proposal.head_sha) and _land(plan, proposal) and run.tree() == plan.tree() != old:
            taken.append((proposal.number, run.tree(), plan.tree()))
            continue
        for tree, commit in zip((run, plan), before, strict=True):
            tree.git("checkout", "-q", "--force", "--detach", commit)
    return taken


def _land(plan: WorkTree, proposal: Proposal) -> bool:
    by = {MergeMethod.MERGE: plan.merge, MergeMethod.SQUASH: plan.squash, MergeMethod.REBASE: plan.rebase}
    return by[proposal.method](proposal.head_sha)


def _build(origin: Origin, moved: list[Edit], drawn: list[Branch]) -> tuple[str, list[str]]:
    start = origin.commit(FILES)
    base, _ = _commit(origin, tuple(moved), start, dict(FILES)) if moved else (start, FILES)
    origin.git("update-ref", "refs/heads/main", base)
    tips: list[tuple[str, dict[str, str]]] = []
    for branch in drawn:
        tip, files = tips[branch.below] if 0 <= branch.below < len(tips) else (start, dict(FILES))
        for changes in branch.commits:
            tip, files = _commit(origin, changes, tip, files)
        tips.append((tip, files))
    return base, [tip for tip, _ in tips]


def _commit(
    origin: Origin, changes: tuple[Edit, ...], parent: str, files: dict[str, str]
) -> tuple[str, dict[str, str]]:
    whole: dict[str, str | None] = {}
    now = dict(files)
    for edit in changes:
        whole |= (change := edit.apply(now))
        now = {path: text for path, text in (now | change).items() if text is not None}
    return origin.commit(whole, parent), now
