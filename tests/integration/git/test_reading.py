from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.git.conftest import REPO, WatchedGit
from tests.integration.git.origin import Origin
from tide.adapters.git.bare_repositories import BareRepositories
from tide.adapters.git.program import Finished, GitProgram
from tide.domain.errors import NotFound, Unavailable


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


LINES = "".join(f"line {number}\n" for number in range(20))


@pytest.mark.parametrize("change", ["", "one more\n"])
async def test_a_renamed_file_counts_by_its_new_name_only(git: BareRepositories, origin: Origin, change: str) -> None:
    base = origin.commit({"src/engine.txt": LINES, "docs/b.txt": "b\n"}, ref="refs/heads/main")
    head = origin.commit({"src/engine.txt": None, "pkg/engine.txt": LINES + change, "docs/b.txt": "c\n"}, base)
    await fetched(git, base, head)
    assert await git.changed_files(REPO, base, head) == ("docs/b.txt", "pkg/engine.txt")


async def test_what_went_and_what_came_without_being_alike_both_count(git: BareRepositories, origin: Origin) -> None:
    base = origin.commit({"src/engine.txt": LINES}, ref="refs/heads/main")
    head = origin.commit({"src/engine.txt": None, "pkg/rocket.txt": "quite another thing\n"}, base)
    await fetched(git, base, head)
    assert await git.changed_files(REPO, base, head) == ("pkg/rocket.txt", "src/engine.txt")


async def test_nothing_is_compared_where_nothing_can_have_been_renamed(
    git: BareRepositories, origin: Origin, base: str, program: WatchedGit
) -> None:
    head = origin.commit({"c.txt": "c", "a.txt": "other"}, base)
    await fetched(git, base, head)
    started = len(program.started)
    assert await git.changed_files(REPO, base, head) == ("a.txt", "c.txt")
    assert len(program.started) == started + 1


async def test_where_contents_cannot_be_compared_in_time_both_names_count(origin: Origin, tmp_path: Path) -> None:
    base = origin.commit({"src/engine.txt": LINES}, ref="refs/heads/main")
    head = origin.commit({"src/engine.txt": None, "pkg/engine.txt": f"{LINES}more\n"}, base)
    git = BareRepositories(tmp_path / "slow", lambda _repo: origin.url, program=NoTimeToCompare())
    await fetched(git, base, head)
    assert await git.changed_files(REPO, base, head) == ("pkg/engine.txt", "src/engine.txt")


class NoTimeToCompare(GitProgram):
    """Runs git, but for what compares contents: there is no time for that."""

    async def run(self, arguments: Sequence[str], **given: Any) -> Finished:
        if "--find-renames=50%" in arguments:
            raise Unavailable("no time")
        return await super().run(arguments, **given)


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
