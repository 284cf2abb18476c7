import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sandbox.scenarios.changes import own_files, start_of, together
from tests.unit.sandbox.scenarios.shell import run_on
from tide.sandbox.scenarios.story import Fate, Open, Story
from tide.sandbox.scenarios.suite import SCRIPT_PATH, failures
from tide.sandbox.scenarios.writing import CONTESTED, CORE, LABELS, Author, base_files, demo_story

HOLD = "do-not-merge/hold"
UNIT = frozenset({"unit"})
seeds = st.integers(-(2**40), 2**40)


def author(seed: int = 1, base: str = "main") -> Author:
    return Author("acme/rocket", base, LABELS, random.Random(seed))  # noqa: S311 - a story, no secret


def alone(story: Story, pull: Open) -> tuple[str, ...]:
    return failures(together(start_of(story, pull.repo, pull.base), [pull.files]), story.jobs[pull.repo])


def pair_of(story: Story) -> list[Open]:
    return [event for event in story.opened if event.fate is Fate.EITHER]


@settings(deadline=None)
@given(seed=seeds)
def test_the_demonstration_has_exactly_the_mix_that_it_announces(seed: int) -> None:
    story = demo_story(24, seed)
    assert len(story.opened) == 24
    assert {(event.repo, event.base) for event in story.opened} == {
        ("acme/rocket", "main"),
        ("acme/rocket", "release-1.0"),
        ("acme/engine", "main"),
    }
    fates = [event.fate for event in story.opened]
    assert {fate: fates.count(fate) for fate in Fate} == {
        Fate.MERGED: 17,
        Fate.EITHER: 2,
        Fate.REJECTED: 3,
        Fate.WAITING: 2,
    }
    assert sum(bool(alone(story, event)) for event in story.opened) == 2
    assert [event.fate for event in story.opened if event.is_stale] == [Fate.REJECTED]
    assert [event.fate for event in story.opened if not event.labels] == [Fate.WAITING]
    assert [event.fate for event in story.opened if HOLD in event.labels] == [Fate.WAITING]


@settings(deadline=None)
@given(seed=seeds, pulls=st.integers(7, 60))
def test_all_good_changes_pass_together_in_any_order(seed: int, pulls: int) -> None:
    story = demo_story(pulls, seed)
    for repo, branch in {(event.repo, event.base) for event in story.opened}:
        good = [event.files for event in story.opened
                if (event.repo, event.base, event.fate) == (repo, branch, Fate.MERGED)]  # fmt: skip
        assert all(not one.keys() & other.keys() for one, other in combinations(good, 2))
        assert failures(together(start_of(story, repo, branch), good), UNIT) == ()


@settings(deadline=None)
@given(seed=seeds)
def test_either_of_the_pair_passes_with_all_good_changes_and_both_fail(seed: int) -> None:
    story = demo_story(24, seed)
    rename, use = pair_of(story)
    start = start_of(story, rename.repo, rename.base)
    good = [event.files for event in story.opened
            if (event.repo, event.base, event.fate) == (rename.repo, rename.base, Fate.MERGED)]  # fmt: skip
    assert (rename.repo, rename.base) == (use.repo, use.base)
    assert failures(together(start, [*good, rename.files]), UNIT) == ()
    assert failures(together(start, [*good, use.files]), UNIT) == ()
    assert failures(together(start, [rename.files, use.files]), UNIT)
    assert failures(together(start, [use.files, rename.files]), UNIT)
    assert not rename.files.keys() & use.files.keys()


@given(seed=seeds)
def test_the_seed_alone_decides(seed: int) -> None:
    assert demo_story(24, seed) == demo_story(24, seed)
    assert demo_story(24, seed) != demo_story(24, seed + 1)


@given(pulls=st.integers(7, 100), seed=seeds)
def test_half_are_opened_at_once_and_the_others_over_the_spread(pulls: int, seed: int) -> None:
    moments = [event.at for event in demo_story(pulls, seed, spread=20).events]
    assert moments == sorted(moments)
    assert moments.count(0) > pulls // 2
    assert 0 <= max(moments) <= 20


def test_names_are_told_apart_and_titles_are_words_for_people() -> None:
    story = demo_story(60, 3)
    assert len({event.name for event in story.opened}) == 60
    assert len({(event.repo, path) for event in story.opened for path in event.files} - {("acme/rocket", CORE)}) >= 60
    assert all(event.title and event.author for event in story.opened)


def test_too_few_pull_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 7"):
        demo_story(6, 1)


def test_branches_with_alike_names_have_files_of_their_own() -> None:
    slash, dash = author(base="release/1"), author(base="release-1")
    assert not slash.good(0).files.keys() & dash.good(0).files.keys()


def test_each_odd_change_fails_for_its_own_reason() -> None:
    writer = author()
    start = base_files(0)
    (failing, conflicting) = (writer.failing(0), writer.conflicting(0))
    assert failures({**start, **failing.files}, UNIT) == (f"{next(iter(failing.files))} breaks unit",)
    assert conflicting.is_stale
    assert conflicting.files[CONTESTED] != start[CONTESTED]
    assert writer.unlabelled(0).labels == ()
    assert writer.held(0, "wait").labels == (*LABELS, "wait")


def test_a_flaky_change_fails_by_chance_and_no_judge_minds() -> None:
    pull = author().flaky(0, 50)
    tree = {**base_files(0), **pull.files}
    assert pull.fate is Fate.EITHER
    assert failures(tree, UNIT) == ()
    assert {run_on(tree, PROW_JOB_ID=str(number)).is_passing for number in range(16)} == {True, False}


def test_a_hurried_push_breaks_every_change_until_it_is_mended() -> None:
    writer = author()
    push, mend = writer.breakage(3, 5)
    good = writer.good(0)
    broken = together(base_files(0), [push.files, good.files])
    assert failures(broken, frozenset()) != ()
    assert failures(together(broken, [mend.files]), UNIT) == ()
    assert (push.at, mend.at) == (3, 8)


def test_another_try_changes_nothing_that_counts() -> None:
    writer = author()
    good = writer.good(0)
    again = writer.another_try(1, good)
    assert again.name == good.name
    assert not again.files.keys() & good.files.keys()
    assert failures(together(base_files(0), [good.files, again.files]), UNIT) == ()


def test_a_repository_starts_green_and_its_jobs_take_their_time() -> None:
    files = base_files(1.5, {"hack/run.sh": "#!/bin/sh\n"})
    assert failures(files, UNIT) == ()
    assert 'sleep "${2:-1.5}"' in files[SCRIPT_PATH]
    assert files["hack/run.sh"] == "#!/bin/sh\n"


def test_stories_that_only_open_have_only_what_was_opened() -> None:
    story = demo_story(24, 1)
    assert own_files(story) == {event.name: dict(event.files) for event in story.opened}
