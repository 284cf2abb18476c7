from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sandbox.scenarios.changes import own_files, start_of, together
from tide.sandbox.scenarios.seeded import MEND_AFTER, TRY_AGAIN_AFTER, Branch, seeded_story
from tide.sandbox.scenarios.story import DirectPush, Fate, Open, Plot, Push, Retarget, SetLabels, Story
from tide.sandbox.scenarios.suite import failures
from tide.sandbox.scenarios.writing import base_files

MAIN = Branch("acme/rocket", "main", ("lgtm", "approved"), ("unit", "lint"))
RELEASE = Branch("acme/rocket", "release-1.0", ("lgtm", "cherry-pick"), ("unit",))
ENGINE = Branch("acme/engine", "main", ("lgtm",), ("unit",))
FREE = Branch("acme/notes", "main", (), (), hold="")
BRANCHES = (MAIN, RELEASE, ENGINE, FREE)
PLOTS = (
    Plot("acme/rocket", {"main": base_files(0), "release-1.0": base_files(0)}),
    Plot("acme/engine", {"main": base_files(0)}),
    Plot("acme/notes", {"main": base_files(0)}),
)
seeds = st.integers(0, 2**40)
sizes = st.integers(0, 150)
stories = st.builds(lambda pulls, seed: seeded_story(BRANCHES, PLOTS, pulls, seed, spread=60), sizes, seeds)
BIG = seeded_story(BRANCHES, PLOTS, 1500, 7, spread=600)


def last_base(story: Story) -> dict[str, str]:
    """Give the branch that each pull request is for in the end."""
    bases = {event.name: event.base for event in story.opened}
    return bases | {event.name: event.base for event in story.events if isinstance(event, Retarget)}


def last_labels(story: Story) -> dict[str, set[str]]:
    labels = {event.name: set(event.labels) for event in story.opened}
    for event in story.events:
        if isinstance(event, SetLabels):
            labels[event.name] = (labels[event.name] | set(event.add)) - set(event.remove)
    return labels


def pushes_past_the_queue(story: Story) -> list[DirectPush]:
    return [event for event in story.events if isinstance(event, DirectPush)]


@settings(deadline=None, max_examples=50)
@given(story=stories)
def test_good_changes_and_those_that_wait_never_break_a_branch_in_any_order(story: Story) -> None:
    files, bases = own_files(story), last_base(story)
    harmless = [event for event in story.opened if event.fate in {Fate.MERGED, Fate.WAITING}]
    for branch in BRANCHES:
        here = [event.name for event in harmless if (event.repo, bases[event.name]) == (branch.repo, branch.name)]
        start = start_of(story, branch.repo, branch.name)
        for order in (here, here[::-1]):
            assert failures(together(start, [files[name] for name in order]), frozenset(branch.jobs)) == ()


@settings(deadline=None, max_examples=50)
@given(story=stories)
def test_each_change_alone_is_what_its_fate_says(story: Story) -> None:
    jobs = {(branch.repo, branch.name): frozenset(branch.jobs) for branch in BRANCHES}
    files, bases, labels = own_files(story), last_base(story), last_labels(story)
    needed = {(branch.repo, branch.name): set(branch.labels) for branch in BRANCHES}
    for event in story.opened:
        where = (event.repo, bases[event.name])
        breaks = bool(failures(together(start_of(story, *where), [files[event.name]]), jobs[where]))
        assert breaks == (event.fate is Fate.REJECTED and not event.is_stale)
        approved = needed[where] <= labels[event.name] and "do-not-merge/hold" not in labels[event.name]
        assert approved == (event.fate is not Fate.WAITING)


@settings(deadline=None, max_examples=30)
@given(pulls=sizes, seed=seeds)
def test_the_seed_alone_decides_and_just_as_many_are_opened(pulls: int, seed: int) -> None:
    story = seeded_story(BRANCHES, PLOTS, pulls, seed, spread=60)
    assert story == seeded_story(BRANCHES, PLOTS, pulls, seed, spread=60)
    assert len(story.opened) == pulls == len({event.name for event in story.opened})
    assert pulls < 20 or story != seeded_story(BRANCHES, PLOTS, pulls, seed + 1, spread=60)


@settings(deadline=None, max_examples=50)
@given(story=stories)
def test_events_are_in_order_and_follow_what_they_are_about(story: Story) -> None:
    moments = [event.at for event in story.events]
    assert moments == sorted(moments)
    assert all(event.at <= 60 for event in story.opened)
    seen: set[str] = set()
    for event in story.events:
        if isinstance(event, Open):
            seen.add(event.name)
        elif not isinstance(event, DirectPush):
            assert event.name in seen


@settings(deadline=None, max_examples=50)
@given(story=stories)
def test_a_broken_branch_is_mended_and_every_good_change_is_tried_again(story: Story) -> None:
    bases = last_base(story)
    by_branch: dict[tuple[str, str], list[DirectPush]] = {}
    for push in pushes_past_the_queue(story):
        by_branch.setdefault((push.repo, push.branch), []).append(push)
    for (repo, branch), (broken, mended) in by_branch.items():
        start = start_of(story, repo, branch)
        assert failures(together(start, [broken.files]), frozenset()) != ()
        assert failures(together(start, [broken.files, mended.files]), frozenset()) == ()
        assert mended.at == broken.at + MEND_AFTER
        tried = {event.name for event in story.events
                 if isinstance(event, Push) and event.at >= mended.at + TRY_AGAIN_AFTER}  # fmt: skip
        touched = {event.name for event in story.opened if event.repo == repo and event.fate is Fate.MERGED
                   and event.at <= mended.at and branch in {event.base, bases[event.name]}}  # fmt: skip
        assert touched <= tried


def test_most_changes_are_good_and_none_of_the_kinds_is_missing() -> None:
    fates = Counter(event.fate for event in BIG.opened)
    assert fates[Fate.MERGED] > 0.7 * len(BIG.opened)
    assert {fate for fate in Fate if fates[fate] > 10} == set(Fate)
    assert {type(event) for event in BIG.events} == {Open, Push, SetLabels, Retarget, DirectPush}
    assert any(event.is_stale for event in BIG.opened)
    assert any("flakes" in text for event in BIG.opened for text in event.files.values())
    assert any("api-v2" in text for event in BIG.opened for text in event.files.values())


def test_a_branch_is_broken_once_at_most() -> None:
    pushes = Counter((push.repo, push.branch) for push in pushes_past_the_queue(BIG))
    assert set(pushes.values()) == {2}
    assert ("acme/notes", "main") not in pushes


def test_where_no_job_would_notice_nothing_is_broken_and_where_no_label_counts_nobody_waits() -> None:
    fates = {event.fate for event in BIG.opened if event.repo == "acme/notes"}
    assert fates == {Fate.MERGED, Fate.REJECTED}
    assert all(event.is_stale for event in BIG.opened if event.repo == "acme/notes" and event.fate is Fate.REJECTED)


def test_a_change_is_retargeted_within_its_repository_and_approved_for_its_new_base() -> None:
    by_name = {event.name: event for event in BIG.opened}
    moves = [event for event in BIG.events if isinstance(event, Retarget)]
    assert {(by_name[move.name].repo, by_name[move.name].base, move.base) for move in moves} == {
        ("acme/rocket", "main", "release-1.0"),
        ("acme/rocket", "release-1.0", "main"),
    }
    assert all(by_name[move.name].fate is Fate.MERGED for move in moves)
    assert all(by_name[move.name].labels == () for move in moves)


def test_branches_with_the_same_labels_see_approved_changes_move() -> None:
    twin = Branch("acme/rocket", "release-1.0", MAIN.labels, ("unit",))
    story = seeded_story((MAIN, twin), PLOTS[:1], 300, 1, spread=60)
    by_name = {event.name: event for event in story.opened}
    moves = [event for event in story.events if isinstance(event, Retarget)]
    assert {by_name[move.name].labels for move in moves} == {MAIN.labels}


def test_the_required_jobs_are_handed_to_the_judge() -> None:
    assert BIG.jobs == {
        "acme/rocket": frozenset({"unit", "lint"}),
        "acme/engine": frozenset({"unit"}),
        "acme/notes": frozenset(),
    }
