import pytest

from tests.integration.git.conftest import REPO, WatchedGit
from tests.integration.git.origin import Origin
from tide.adapters.git.bare_repositories import BareRepositories
from tide.domain.errors import NotFound


@pytest.fixture
def base(origin: Origin) -> str:
    return origin.commit({"a.txt": "a\n", "docs/b.txt": "b\n"}, ref="refs/heads/main")


async def fetched(git: BareRepositories, *shas: str) -> None:
    await git.fetch(REPO, dict.fromkeys(shas, "refs/heads/main"))


async def test_changed_files_are_those_since_the_head_left_the_base(
    git: BareRepositories, origin: Origin, base: str
) -> None:
    head = origin.commit({"c.txt": "c", "a.txt": None}, base)
    moved = origin.commit({"elsewhere.txt": "x"}, base)
    await fetched(git, base, head, moved)
    assert await git.changed_files(REPO, moved, head) == ("a.txt", "c.txt")


async def test_a_rename_is_a_file_that_went_and_one_that_came(git: BareRepositories, origin: Origin, base: str) -> None:
    head = origin.commit({"docs/b.txt": None, "docs/z.txt": "b\n"}, base)
    await fetched(git, base, head)
    assert await git.changed_files(REPO, base, head) == ("docs/b.txt", "docs/z.txt")


async def test_names_are_told_as_they_are(git: BareRepositories, origin: Origin, base: str) -> None:
    names = ["a b.txt", 'quo"te.txt', "ünïcode.txt", "-x", "tab\tname"]
    head = origin.commit({f'"{name}"' if '"' not in name else '"quo\\"te.txt"': "x" for name in names}, base)
    await fetched(git, base, head)
    assert await git.changed_files(REPO, base, head) == tuple(sorted(names))


async def test_without_a_common_history_every_difference_counts(
    git: BareRepositories, origin: Origin, base: str
) -> None:
    stranger = origin.commit({"a.txt": "a\n", "new.txt": "x"})
    await fetched(git, base, stranger)
    assert await git.changed_files(REPO, base, stranger) == ("docs/b.txt", "new.txt")


async def test_several_merge_bases_are_no_obstacle(git: BareRepositories, origin: Origin, base: str) -> None:
    one, other = origin.commit({"one.txt": "1"}, base), origin.commit({"other.txt": "2"}, base)
    left = origin.commit({"other.txt": "2"}, one, other)
    right = origin.commit({"one.txt": "1", "right.txt": "r"}, other, one)
    await fetched(git, left, right)
    assert "right.txt" in await git.changed_files(REPO, left, right)


async def test_what_was_found_is_not_looked_for_again(
    git: BareRepositories, origin: Origin, base: str, program: WatchedGit
) -> None:
    head = origin.commit({"c.txt": "c"}, base)
    await fetched(git, base, head)
    first = (await git.changed_files(REPO, base, head), await git.in_repo_key(REPO, head))
    started = len(program.started)
    assert (await git.changed_files(REPO, base, head), await git.in_repo_key(REPO, head)) == first
    assert len(program.started) == started


async def test_what_was_not_fetched_is_not_answered(git: BareRepositories, base: str) -> None:
    await fetched(git, base)
    with pytest.raises(NotFound):
        await git.changed_files(REPO, base, "b" * 40)
    with pytest.raises(NotFound):
        await git.in_repo_key(REPO, "b" * 40)
