from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.git.conftest import REPO, WatchedGit
from tests.integration.git.origin import Origin
from tide.adapters.git.bare_repositories import BareRepositories
from tide.adapters.git.program import Finished
from tide.domain.errors import NotFound, Unavailable
from tide.domain.evidence import Assembly, Proposal
from tide.domain.pulls import MergeMethod

MERGE, SQUASH, REBASE = MergeMethod
LINES = "".join(f"{number}\n" for number in range(1, 10))


async def assemble(
    git: BareRepositories, base: str, *heads: str, method: MergeMethod = MERGE, limit: int = 0
) -> Assembly:
    await git.fetch(REPO, dict.fromkeys((base, *heads), "refs/heads/main"))
    proposals = [Proposal(number, head, method) for number, head in enumerate(heads, 1)]
    return await git.assemble(REPO, base, proposals, limit)


def numbers(assembly: Assembly) -> list[int]:
    return [step.number for step in assembly.steps]


def reasons(assembly: Assembly) -> dict[int, str]:
    return {skip.number: skip.reason for skip in assembly.skips}


@pytest.fixture
def base(origin: Origin) -> str:
    return origin.commit({"a.txt": LINES, "b.txt": LINES}, ref="refs/heads/main")


async def test_heads_that_merge_go_in_one_after_the_other(git: BareRepositories, origin: Origin, base: str) -> None:
    first = origin.commit({"a.txt": LINES.replace("1\n", "one\n")}, base)
    second = origin.commit({"a.txt": LINES.replace("9\n", "nine\n")}, base)
    assembly = await assemble(git, base, first, second)
    assert numbers(assembly) == [1, 2]
    assert assembly.base_tree == origin.tree(base)
    expected = origin.tree(origin.commit({"a.txt": LINES.replace("1\n", "one\n").replace("9\n", "nine\n")}, base))
    assert assembly.run_tree == assembly.plan_tree == expected
    assert assembly.git_version[0].isdigit()


async def test_a_head_that_conflicts_is_skipped_naming_up_to_three_files(
    git: BareRepositories, origin: Origin, base: str
) -> None:
    names = [f"{letter}.txt" for letter in "vwxyz"]
    first = origin.commit(dict.fromkeys(names, "first\n"), base)
    second = origin.commit(dict.fromkeys(names, "second\n"), base)
    third = origin.commit({"c.txt": "new\n"}, base)
    assembly = await assemble(git, base, first, second, third)
    assert numbers(assembly) == [1, 3]
    assert reasons(assembly) == {2: "conflicts in v.txt, w.txt, x.txt and 2 more"}


@pytest.mark.parametrize("method", list(MergeMethod))
async def test_a_head_that_changes_nothing_is_skipped(
    git: BareRepositories, origin: Origin, base: str, method: MergeMethod
) -> None:
    undone = origin.commit({"c.txt": None}, origin.commit({"c.txt": "x"}, base))
    merged_already = base
    assembly = await assemble(git, base, undone, merged_already, method=method)
    assert reasons(assembly) == {
        1: "changes nothing: the tree stays as it is",
        2: "changes nothing: the tree stays as it is",
    }


async def test_a_head_without_common_history_is_skipped(git: BareRepositories, origin: Origin, base: str) -> None:
    stranger = origin.commit({"other.txt": "x"})
    good = origin.commit({"c.txt": "x"}, base)
    assembly = await assemble(git, base, stranger, good)
    assert numbers(assembly) == [2]
    assert reasons(assembly) == {1: "has no history in common with the branch"}


async def test_the_limit_counts_what_went_in(git: BareRepositories, origin: Origin, base: str) -> None:
    heads = [origin.commit({f"new{number}.txt": "x"}, base) for number in range(4)]
    assert numbers(await assemble(git, base, base, *heads, limit=2)) == [2, 3]


async def test_no_limit_takes_all(git: BareRepositories, origin: Origin, base: str) -> None:
    heads = [origin.commit({f"new{number}.txt": "x"}, base) for number in range(4)]
    assert numbers(await assemble(git, base, *heads)) == [1, 2, 3, 4]


async def test_a_stacked_head_whose_squash_lands_otherwise_is_held(
    git: BareRepositories, origin: Origin, base: str
) -> None:
    below = origin.commit({"a.txt": LINES.replace("1\n", "one\n")}, base)
    above = origin.commit({"a.txt": LINES.replace("1\n", "uno\n")}, below)
    assert numbers(await assemble(git, base, below, above, method=MERGE)) == [1, 2]
    squashed = await assemble(git, base, below, above, method=SQUASH)
    assert numbers(squashed) == [1]
    assert reasons(squashed) == {2: "cannot land by squash: conflicts in a.txt"}


async def test_a_head_that_would_land_as_another_tree_than_tested_is_held_with_both(
    git: BareRepositories, origin: Origin, base: str
) -> None:
    # The head did something and took it back, and the branch did the same thing: a merge keeps the branch's change,
    # a replay takes it back again.
    there = origin.commit({"a.txt": LINES.replace("5\n", "five\n")}, base)
    and_back = origin.commit({"a.txt": LINES, "c.txt": "new\n"}, there)
    branch = origin.commit({"a.txt": LINES.replace("5\n", "five\n")}, base, ref="refs/heads/moved")
    assembly = await assemble(git, branch, and_back, method=REBASE)
    seen = origin.tree(origin.commit({"c.txt": "new\n"}, branch))
    made = origin.tree(and_back)
    assert reasons(assembly) == {1: f"a test would see tree {seen}, landing by rebase would make tree {made}"}


async def test_a_head_that_cannot_be_replayed_is_held(git: BareRepositories, origin: Origin, base: str) -> None:
    # Commit by commit it conflicts; taken together it does not.
    branch = origin.commit({"a.txt": LINES.replace("5\n", "five\n")}, base, ref="refs/heads/moved")
    first = origin.commit({"a.txt": LINES.replace("5\n", "V\n")}, base)
    second = origin.commit({"a.txt": LINES.replace("5\n", "five\n"), "c.txt": "new\n"}, first)
    assert numbers(await assemble(git, branch, second, method=MERGE)) == [1]
    assembly = await assemble(git, branch, second, method=REBASE)
    assert reasons(assembly) == {1: f"cannot land by rebase: commit {first[:12]}: conflicts in a.txt"}


@dataclass(eq=False)
class SlowGit(WatchedGit):
    """The git program on a machine that is too busy for a while: `slow` merges take too long."""

    slow: int = 0

    async def run(self, arguments: Any, **options: Any) -> Finished:
        if "merge-tree" in arguments and self.slow:
            self.slow -= 1
            raise Unavailable("git merge-tree took longer than 60 seconds")
        return await super().run(arguments, **options)


@pytest.mark.parametrize("method", list(MergeMethod))
@pytest.mark.parametrize("nth", [1, 2])
async def test_a_merge_that_took_too_long_is_skipped_for_now_only(
    tmp_path: Path, origin: Origin, base: str, method: MergeMethod, nth: int
) -> None:
    program = SlowGit(slow=nth)
    git = BareRepositories(tmp_path / "cache", lambda _: origin.url, program=program)
    head = origin.commit({"c.txt": "new\n"}, base)
    for _ in range(nth):
        (skip,) = (await assemble(git, base, head, method=method)).skips
        assert "took longer" in skip.reason
        assert skip.may_pass
    assert numbers(await assemble(git, base, head, method=method)) == [1]


async def test_a_conflict_does_not_pass_by_itself(git: BareRepositories, origin: Origin, base: str) -> None:
    branch = origin.commit({"a.txt": LINES.replace("5\n", "five\n")}, base, ref="refs/heads/moved")
    head = origin.commit({"a.txt": LINES.replace("5\n", "V\n")}, base)
    for method in MergeMethod:
        (skip,) = (await assemble(git, branch, head, method=method)).skips
        assert not skip.may_pass


async def test_a_series_that_is_too_long_is_not_replayed(git: BareRepositories, origin: Origin, base: str) -> None:
    lines = [
        f"commit refs/heads/long\ncommitter A <a@b> {1700000000 + number} +0000\ndata 0\n"
        + (f"from {base}\n" if number == 0 else "")
        + f"M 100644 inline n.txt\ndata 3\n{number:03}\n"
        for number in range(251)
    ]
    origin.git("fast-import", "--quiet", stdin="\n".join(lines))
    head = origin.git("rev-parse", "refs/heads/long").strip()
    assembly = await assemble(git, base, head, method=REBASE)
    assert reasons(assembly) == {1: "cannot land by rebase: it has more than 250 commits"}


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({".gitattributes": "*.txt merge=union\n"}, "list.txt"),
        ({"docs/.gitattributes": "list.txt merge=union\n"}, "docs/list.txt"),
        ({"docs/.gitattributes": "# merging\n/deep/*.txt merge=union\n"}, "docs/deep/list.txt"),
        ({"docs/a b/.gitattributes": '"list*.txt" merge=union\n'}, "docs/a b/deep/list.txt"),
        ({".gitattributes": "[attr]joined merge=union\n", "docs/.gitattributes": "* joined\n"}, "docs/list.txt"),
    ],
)
@pytest.mark.parametrize("method", [MERGE, SQUASH])
async def test_what_only_attributes_let_merge_is_held_for_the_code_host_ignores_them(
    git: BareRepositories, origin: Origin, attributes: dict[str, str], path: str, method: MergeMethod
) -> None:
    base = origin.commit({**attributes, path: "start\n"}, ref="refs/heads/main")
    first = origin.commit({path: "start\nfirst\n"}, base)
    second = origin.commit({path: "start\nsecond\n"}, base)
    assembly = await assemble(git, base, first, second, method=method)
    assert numbers(assembly) == [1]
    assert reasons(assembly) == {2: f"cannot land by {method}: conflicts in {path}"}


async def test_a_file_that_attributes_call_binary_conflicts_as_in_a_work_tree(
    git: BareRepositories, origin: Origin
) -> None:
    base = origin.commit({".gitattributes": "*.lock binary\n", "x.lock": LINES}, ref="refs/heads/main")
    first = origin.commit({"x.lock": LINES.replace("1\n", "one\n")}, base)
    second = origin.commit({"x.lock": LINES.replace("9\n", "nine\n")}, base)
    assert reasons(await assemble(git, base, first, second)) == {2: "conflicts in x.lock"}


async def test_attributes_that_a_member_brings_hold_for_those_behind_it(git: BareRepositories, origin: Origin) -> None:
    base = origin.commit({"x.lock": LINES}, ref="refs/heads/main")
    bringer = origin.commit({".gitattributes": "*.lock binary\n"}, base)
    first = origin.commit({"x.lock": LINES.replace("1\n", "one\n")}, base)
    second = origin.commit({"x.lock": LINES.replace("9\n", "nine\n")}, base)
    assert numbers(await assemble(git, base, first, second)) == [1, 2]
    assert reasons(await assemble(git, base, bringer, first, second)) == {3: "conflicts in x.lock"}


async def test_attributes_of_the_host_do_not_matter(
    git: BareRepositories, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "git").mkdir(parents=True)
    (tmp_path / "home" / "git" / "attributes").write_text("* merge=union\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    base = origin.commit({"list.txt": "start\n"}, ref="refs/heads/main")
    first = origin.commit({"list.txt": "start\nfirst\n"}, base)
    second = origin.commit({"list.txt": "start\nsecond\n"}, base)
    assert reasons(await assemble(git, base, first, second)) == {2: "conflicts in list.txt"}


@pytest.mark.parametrize("method", list(MergeMethod))
async def test_the_same_again_starts_no_process(
    git: BareRepositories, origin: Origin, base: str, program: WatchedGit, method: MergeMethod
) -> None:
    heads = [origin.commit({f"new{number}.txt": "x"}, base) for number in range(3)]
    first = await assemble(git, base, *heads, method=method)
    started = len(program.started)
    assert await assemble(git, base, *heads, method=method) == first
    assert len(program.started) == started


async def test_where_all_are_merged_nothing_is_done_twice(
    git: BareRepositories, origin: Origin, base: str, program: WatchedGit
) -> None:
    heads = [origin.commit({f"new{number}.txt": "x"}, base) for number in range(10)]
    await assemble(git, base)
    before = len(program.started)
    await assemble(git, base, *heads)
    # To fetch; to look for attributes; and for each head a merge and a commit.
    assert len(program.started) - before <= 2 + 2 * len(heads)


async def test_only_commits_that_were_fetched_are_assembled(git: BareRepositories, base: str) -> None:
    await git.fetch(REPO, {base: "refs/heads/main"})
    with pytest.raises(NotFound, match="was not fetched"):
        await git.assemble(REPO, base, [Proposal(1, "a" * 40, MERGE)], 0)
