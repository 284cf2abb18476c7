from tests.unit.sandbox.forges import START
from tide.sandbox.commits import NewCommit
from tide.sandbox.diffs import ChangedFile
from tide.sandbox.mergeability import parse_merge_tree
from tide.sandbox.model import Repository
from tide.sandbox.state import Forge, NewPull

AUTHOR = ("Alice", "alice@example.com")


def change(*parents: str | int, **files: str | None) -> NewCommit:
    contents = {name: None if text is None else text.encode() for name, text in files.items()}
    return NewCommit(parents=parents, files=contents, message="Change", author=AUTHOR, at=START)


async def test_commits_are_written_in_bulk_and_read_back(repository: Repository) -> None:
    git = repository.git
    first, second, merge = await git.write_commits(
        [change(one="1"), change(0, two="2", one=None), change(1, 0, three="3")]
    )
    assert (await git.commit(merge)).parents == (second, first)
    files = await git.changed_files(first, merge)
    assert files == [ChangedFile("one", 0, 1), ChangedFile("three", 1, 0), ChangedFile("two", 1, 0)]


async def test_the_same_commits_have_the_same_shas_in_any_repository(forge: Forge, repository: Repository) -> None:
    other = await forge.create_repository("acme", "probe")
    commits = [change(one="1"), change(0, two="2")]
    assert await repository.git.write_commits(commits) == await other.git.write_commits(commits)


async def test_commits_between_lists_what_the_base_lacks_parents_first(repository: Repository) -> None:
    git = repository.git
    shas = await git.write_commits([change(a="1"), change(0, b="1"), change(1, c="1"), change(0, d="1")])
    found = await git.commits_between(shas[3], shas[2])
    assert [commit.sha for commit in found] == [shas[1], shas[2]]
    assert await git.is_ancestor(shas[0], shas[2])
    assert not await git.is_ancestor(shas[3], shas[2])


async def test_a_renamed_file_is_told_by_its_new_name(repository: Repository) -> None:
    text = "".join(f"line {number}\n" for number in range(50))
    before, after = await repository.git.write_commits([change(old=text), change(0, old=None, new=text)])
    assert await repository.git.changed_files(before, after) == [ChangedFile("new", 0, 0)]


async def test_refs_set_later_are_there_when_git_is_asked(repository: Repository) -> None:
    (sha,) = await repository.git.write_commits([change(a="1")])
    repository.git.set_ref_later("refs/heads/later", sha)
    assert await repository.git.branches() == {"later": sha}


async def test_a_pull_of_several_commits_may_merge_but_not_rebase(forge: Forge, repository: Repository) -> None:
    # Its first commit conflicts with the base, its second takes that back.
    shas = await repository.git.write_commits(
        [change(a="1\n"), change(0, a="base\n"), change(0, a="mine\n"), change(2, a="1\n", b="new\n")]
    )
    await forge.write_branch(repository, "main", shas[1])
    await forge.write_branch(repository, "topic", shas[3])
    pull = forge.open_pull(repository, NewPull(title="Topic", head_ref="topic", base_ref="main"))
    answer = await forge.mergeability(repository, pull)
    assert (answer.mergeable, answer.rebaseable, answer.behind) == (True, False, True)


async def test_the_test_merge_is_a_commit_that_git_has(forge: Forge, repository: Repository) -> None:
    base, head = await repository.git.write_commits([change(a="1\n"), change(0, b="2\n")])
    await forge.write_branch(repository, "main", base)
    await forge.write_branch(repository, "topic", head)
    pull = forge.open_pull(repository, NewPull(title="Topic", head_ref="topic", base_ref="main"))
    answer = await forge.mergeability(repository, pull)
    assert answer.merge_commit is not None
    await repository.git.flush()
    shown = (await repository.git.run("log", "-1", "--format=%H %T %P", "refs/pull/1/merge")).decode().split()
    assert shown == [answer.merge_commit.sha, answer.merge_commit.tree, base, head]


def test_answers_of_merge_tree_are_told_apart() -> None:
    clean, conflict = "1\0tree1\0\0", "0\0tree2\0entry 1\0entry 2\0\0"
    assert parse_merge_tree(conflict + clean + conflict) == [None, "tree1", None]
    assert parse_merge_tree("") == []
