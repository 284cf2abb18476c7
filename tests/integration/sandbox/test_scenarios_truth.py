import json
import random
from dataclasses import replace
from pathlib import Path

from tests.integration.sandbox.play import Play
from tests.integration.sandbox.world import Clock
from tide.sandbox.evidence import NewStatus
from tide.sandbox.git_program import run_git
from tide.sandbox.scenarios.story import DirectPush, Event, Open, Plot, Retarget, Story
from tide.sandbox.scenarios.truth import RESTS_AFTER, Truth, read_parts
from tide.sandbox.scenarios.writing import LABELS, Author, base_files
from tide.sandbox.state import Forge

ROCKET = "acme/rocket"
FILES = base_files(0)


def author() -> Author:
    return Author(ROCKET, "main", LABELS, random.Random(1))  # noqa: S311 - a story, no secret


def story(*events: Event) -> Story:
    plot = Plot(ROCKET, {"main": FILES, "release-1.0": FILES})
    return Story((plot,), events, {ROCKET: frozenset({"unit"})})


async def test_a_branch_where_nothing_landed_has_nothing_to_judge(tmp_path: Path) -> None:
    play = await Play(story(author().failing(0)), tmp_path).end()
    assert (await play.verdict()).heads == ()


async def test_a_failing_change_that_was_merged_makes_the_branch_red(tmp_path: Path) -> None:
    writer = author()
    good, failing = writer.good(0), writer.failing(0)
    play = await Play(story(good, failing), tmp_path).end()
    green, red = await play.merge(good.name, failing.name)
    verdict = await play.verdict()
    assert [head.sha for head in verdict.heads] == [green, red]
    assert [(head.sha, head.branch, head.pull) for head in verdict.red] == [
        (red, "main", play.opened(failing.name).pull.number)
    ]
    assert verdict.red[0].failures == (f"{next(iter(failing.files))} breaks unit",)


async def test_each_of_a_pair_lands_green_and_the_second_one_red(tmp_path: Path) -> None:
    rename, use = author().pair(0)
    play = await Play(story(rename, use), tmp_path).end()
    await play.merge(rename.name)
    assert (await play.verdict()).red == ()
    (red,) = await play.merge(use.name)
    assert [head.sha for head in (await play.verdict()).red] == [red]


async def test_what_a_run_or_a_status_says_counts_for_nothing(tmp_path: Path) -> None:
    failing = author().failing(0)
    play = await Play(story(failing), tmp_path).end()
    opened = play.opened(failing.name)
    play.forge.create_status(opened.repository, opened.pull.head_sha, NewStatus(context="unit", state="success"))
    await play.merge(failing.name)
    assert len((await play.verdict()).red) == 1


async def test_a_red_head_that_the_next_merge_follows_at_once_was_passed_by(tmp_path: Path) -> None:
    writer = author()
    needs, offers = _adding(writer.good(0), "needs fuel"), _adding(writer.good(0), "provides fuel")
    play = await Play(story(needs, offers), tmp_path).end()
    first, second = await play.merge(needs.name, offers.name)
    verdict = await play.verdict()
    assert verdict.red == ()
    assert [head.sha for head in verdict.passing_by] == [first]
    assert [(head.sha, head.is_resting) for head in verdict.heads] == [(first, False), (second, True)]


async def test_a_red_head_that_stands_for_a_while_was_rested_on(tmp_path: Path) -> None:
    writer = author()
    needs, offers = _adding(writer.good(0), "needs fuel"), _adding(writer.good(0), "provides fuel")
    play = await Play(story(needs, offers), tmp_path).end()
    (first,) = await play.merge(needs.name)
    play.clock.now += RESTS_AFTER
    await play.merge(offers.name)
    verdict = await play.verdict()
    assert [head.sha for head in verdict.red] == [first]
    assert verdict.passing_by == ()


async def test_who_pushed_past_the_queue_does_not_make_it_red(tmp_path: Path) -> None:
    writer = author()
    good, later = writer.good(0), writer.good(0)
    broken, mended = writer.breakage(2, 3)
    play = await Play(story(good, later, broken, mended), tmp_path).begin()
    await play.contributors.play(until=2)
    pushed = play.forge.repository(ROCKET).branches["main"]
    (merged,) = await play.merge(good.name)
    verdict = await play.verdict()
    assert [(head.sha, head.pull > 0, bool(head.failures)) for head in verdict.heads] == [
        (pushed, False, True),
        (merged, True, True),
    ]
    assert verdict.red == ()
    assert verdict.heads[1].foreign == verdict.heads[1].failures


async def test_a_merge_that_breaks_more_on_a_broken_branch_makes_it_red(tmp_path: Path) -> None:
    writer = author()
    failing = writer.failing(0)
    broken, mended = writer.breakage(2, 3)
    play = await Play(story(failing, broken, mended), tmp_path).end()
    (merged,) = await play.merge(failing.name)
    assert [head.sha for head in (await play.verdict()).red] == [merged]


async def test_a_push_past_the_queue_does_not_wash_off_what_was_merged(tmp_path: Path) -> None:
    failing = author().failing(0)
    note = DirectPush(2, ROCKET, "main", {"parts/hasty.part": "needs nothing-there\n"}, "Note it")
    play = await Play(story(failing, note), tmp_path).begin()
    await play.merge(failing.name)
    await play.contributors.play()
    verdict = await play.verdict()
    assert [len(head.failures) - len(head.foreign) for head in verdict.heads] == [1, 1]
    assert len(verdict.red) == 2


async def test_pushes_to_the_branches_of_contributors_are_not_judged(tmp_path: Path) -> None:
    writer = author()
    failing = writer.failing(0)
    play = await Play(story(failing, writer.another_try(1, failing)), tmp_path).end()
    assert (await play.verdict()).heads == ()


async def test_a_merge_into_a_branch_that_no_pull_request_is_for_any_more_is_judged(tmp_path: Path) -> None:
    failing = author().failing(0)
    play = await Play(story(failing, Retarget(1, failing.name, "release-1.0")), tmp_path).begin()
    (red,) = await play.merge(failing.name)
    play.opened(failing.name).pull.base_ref = "release-1.0"
    assert [(head.sha, head.branch) for head in (await play.verdict()).red] == [(red, "main")]


async def test_the_verdict_is_json(tmp_path: Path) -> None:
    failing = author().failing(0)
    play = await Play(story(failing), tmp_path).end()
    (red,) = await play.merge(failing.name)
    document = json.loads(json.dumps((await play.verdict()).as_json()))
    assert document["red"] == [red]
    assert document["intermediate_red"] == []
    assert document["heads"][0]["repo"] == ROCKET
    assert document["heads"][0]["at"].startswith("2026-03-01T")


async def test_links_submodules_and_odd_bytes_are_read_without_a_slip(tmp_path: Path) -> None:
    forge = Forge(Clock(), tmp_path)
    Truth(forge, {})
    repository = await forge.create_repository("acme", "odd")
    work = tmp_path / "work"
    (work / "parts").mkdir(parents=True)
    (work / "parts/odd name.part").write_bytes(b"needs \xff\n")
    (work / "parts/empty.part").write_bytes(b"")
    (work / "parts/link.part").symlink_to("empty.part")
    await run_git(["init", "-q"], cwd=work)
    await run_git(["add", "-A"], cwd=work)
    await run_git(["update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},parts/sub.part"], cwd=work)
    await run_git(["commit", "-q", "-m", "Odd"], cwd=work)
    await run_git(["push", "-q", str(repository.git.path), "HEAD:refs/heads/main"], cwd=work)
    found = await read_parts(repository, "refs/heads/main")
    assert found == {"parts/odd name.part": "needs \udcff\n", "parts/empty.part": ""}


def _adding(pull: Open, line: str) -> Open:
    path = next(iter(pull.files))
    return replace(pull, files={path: f"{pull.files[path]}{line}\n"})
