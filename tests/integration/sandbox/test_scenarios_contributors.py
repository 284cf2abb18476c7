import random
from pathlib import Path

from tests.integration.sandbox.play import Play
from tide.sandbox.git_program import run_git
from tide.sandbox.scenarios.story import DirectPush, Event, Fate, Open, Plot, Push, Retarget, SetLabels, Story
from tide.sandbox.scenarios.suite import SCRIPT_PATH, failures
from tide.sandbox.scenarios.writing import CONTESTED, LABELS, Author, base_files, demo_story

ROCKET = "acme/rocket"
FILES = base_files(0)
UNIT = frozenset({"unit"})


def author(base: str = "main") -> Author:
    return Author(ROCKET, base, LABELS, random.Random(1))  # noqa: S311 - a story, no secret


def story(*events: Event) -> Story:
    return Story((Plot(ROCKET, {"main": FILES, "release-1.0": FILES}),), events, {ROCKET: UNIT})


async def test_the_repositories_stand_with_their_branches_before_anything_happens(tmp_path: Path) -> None:
    play = Play(demo_story(24, 1), tmp_path)
    await play.contributors.prepare()
    rocket, engine = play.forge.repository(ROCKET), play.forge.repository("acme/engine")
    assert set(rocket.branches) == {"main", "release-1.0"}
    assert set(engine.branches) == {"main"}
    assert await play.files(ROCKET, rocket.branches["release-1.0"]) == base_files(1.0)
    assert not rocket.pulls
    assert play.slept == []


async def test_a_branch_may_start_with_other_files_than_the_default_one(tmp_path: Path) -> None:
    plot = Plot(ROCKET, {"main": FILES, "old": {"README.md": "old\n", CONTESTED: "Once.\n"}})
    play = await Play(Story((plot,), ()), tmp_path).end()
    branches = play.forge.repository(ROCKET).branches
    assert await play.files(ROCKET, branches["old"]) == {"README.md": "old\n", CONTESTED: "Once.\n"}
    assert await play.files(ROCKET, branches["main"]) == FILES


async def test_everyone_opens_what_the_story_tells(tmp_path: Path) -> None:
    tale = demo_story(24, 5)
    play = await Play(tale, tmp_path).end()
    assert set(play.contributors.pulls) == {event.name for event in tale.opened}
    for event in tale.opened:
        opened = play.opened(event.name)
        pull = opened.pull
        assert (opened.repository.full_name, pull.base_ref, pull.title) == (event.repo, event.base, event.title)
        assert (pull.author, tuple(pull.labels), opened.fate) == (event.author, event.labels, event.fate)
        tree = await play.files(event.repo, pull.head_sha)
        assert {path: tree[path] for path in event.files} == event.files


async def test_only_the_textual_conflict_conflicts(tmp_path: Path) -> None:
    tale = demo_story(24, 2)
    play = await Play(tale, tmp_path).end()
    for event in tale.opened:
        found = await play.mergeability(event.name)
        assert found.mergeable is not event.is_stale, event.name
    assert sum(event.is_stale for event in tale.opened) == 1


async def test_conflicts_are_real_on_every_branch(tmp_path: Path) -> None:
    on_main, on_release = author().conflicting(0), author("release-1.0").conflicting(0)
    play = await Play(story(on_main, on_release), tmp_path).end()
    assert not (await play.mergeability(on_main.name)).mergeable
    assert not (await play.mergeability(on_release.name)).mergeable


async def test_time_passes_as_the_story_tells(tmp_path: Path) -> None:
    writer = author()
    tale = story(writer.good(0), writer.good(1.5), writer.good(1.5), writer.good(4))
    play = await Play(tale, tmp_path).end()
    assert play.slept == [1.5, 2.5]
    moments = [play.opened(event.name).opened_at for event in tale.opened]
    assert [(moment - moments[0]).total_seconds() for moment in moments] == [0, 1.5, 1.5, 4]


async def test_a_story_stops_where_it_is_told_to(tmp_path: Path) -> None:
    writer = author()
    soon, later = writer.good(0), writer.good(3)
    play = await Play(story(soon, later), tmp_path).begin()
    assert set(play.contributors.pulls) == {soon.name}
    assert play.slept == []


async def test_a_push_adds_a_commit_that_the_pull_request_follows(tmp_path: Path) -> None:
    pull = author().failing(0)
    path = next(iter(pull.files))
    play = await Play(story(pull, Push(2, pull.name, {path: "provides new\n"})), tmp_path).begin()
    before = play.opened(pull.name).pull.head_sha
    await play.contributors.play()
    after = play.opened(pull.name).pull.head_sha
    assert (await play.opened(pull.name).repository.git.commit(after)).parents == (before,)
    assert (await play.files(ROCKET, after))[path] == "provides new\n"
    assert (await play.mergeability(pull.name)).mergeable


async def test_nobody_pushes_to_what_has_merged(tmp_path: Path) -> None:
    writer = author()
    pull = writer.good(0)
    play = await Play(story(pull, writer.another_try(2, pull)), tmp_path).begin()
    head = play.opened(pull.name).pull.head_sha
    await play.merge(pull.name)
    await play.contributors.play()
    assert play.opened(pull.name).pull.head_sha == head
    assert play.opened(pull.name).repository.branches[play.opened(pull.name).pull.head_ref] == head


async def test_labels_come_and_go(tmp_path: Path) -> None:
    pull = author().good(0)
    change = SetLabels(1, pull.name, add=("urgent",), remove=("lgtm",))
    play = await Play(story(pull, change), tmp_path).end()
    assert sorted(play.opened(pull.name).pull.labels) == ["approved", "urgent"]


async def test_a_retargeted_change_merges_into_its_new_base_and_brings_nothing_else(tmp_path: Path) -> None:
    writer = author()
    moved, other = writer.good(0), writer.good(0)
    play = await Play(story(moved, other, Retarget(2, moved.name, "release-1.0")), tmp_path).begin()
    await play.merge(other.name)
    await play.contributors.play()
    assert play.opened(moved.name).pull.base_ref == "release-1.0"
    (head,) = await play.merge(moved.name)
    assert await play.files(ROCKET, head) == {**FILES, **moved.files}
    assert play.forge.repository(ROCKET).branches["release-1.0"] == head


async def test_what_has_merged_is_not_retargeted(tmp_path: Path) -> None:
    pull = author().good(0)
    play = await Play(story(pull, Retarget(2, pull.name, "release-1.0")), tmp_path).begin()
    await play.merge(pull.name)
    await play.contributors.play()
    assert play.opened(pull.name).pull.base_ref == "main"


async def test_a_push_past_the_queue_lands_on_what_the_branch_has_become(tmp_path: Path) -> None:
    pull = author().good(0)
    push = DirectPush(2, ROCKET, "main", {"docs/note.md": "now\n"}, "Note it")
    play = await Play(story(pull, push), tmp_path).begin()
    (merged,) = await play.merge(pull.name)
    await play.contributors.play()
    head = play.forge.repository(ROCKET).branches["main"]
    assert (await play.forge.repository(ROCKET).git.commit(head)).parents == (merged,)
    assert await play.files(ROCKET, head) == {**FILES, **pull.files, "docs/note.md": "now\n"}


async def test_programs_can_be_executed_in_a_checkout(tmp_path: Path) -> None:
    play = await Play(story(Open(0, "x:one", ROCKET, "main", "One", "alice", {"a.part": "plain\n"})), tmp_path).end()
    checkout = tmp_path / "checkout"
    await run_git(["clone", "-q", str(play.forge.repository(ROCKET).git.path), str(checkout)], cwd=tmp_path)
    assert (checkout / SCRIPT_PATH).stat().st_mode & 0o111 == 0o111
    assert (checkout / "README.md").stat().st_mode & 0o111 == 0


async def test_all_good_changes_of_a_story_merge_into_green_branches(tmp_path: Path) -> None:
    tale = demo_story(16, 3)
    play = await Play(tale, tmp_path).end()
    await play.merge(*[event.name for event in tale.opened if event.fate is Fate.MERGED])
    for repo, branch in {(event.repo, event.base) for event in tale.opened}:
        head = play.forge.repository(repo).branches[branch]
        assert failures(await play.files(repo, head), UNIT) == ()
    assert (await play.verdict()).red == ()
