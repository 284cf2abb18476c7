"""What holds of every status, whatever was read."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import make_context
from tests.properties.test_decisions import snapshots
from tide.domain.actions import Merge, MergeBatch, targets_of
from tide.domain.pulls import ContextState
from tide.domain.rules import Query
from tide.domain.snapshot import Snapshot
from tide.policy.decide import decide
from tide.policy.status import pull_statuses, says_the_same, status_of_head
from tide.policy.wording import LONGEST_STATUS

ELSEWHERE = Query(
    index=9,
    orgs=("secretive",),
    repos=("hidden/engine",),
    labels=("classified",),
    included_branches=("vault",),
    author="mole",
    milestone="m-undisclosed",
)
FORBIDDEN = ("secretive", "hidden", "engine", "classified", "vault", "mole", "undisclosed")


@given(snapshots(), st.booleans(), st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_no_text_is_too_long_or_empty_or_speaks_of_another_repository(
    snapshot: Snapshot,
    display_all: bool,  # noqa: FBT001 - what is drawn
    held: str,
) -> None:
    pulls = tuple(replace(view, held=held if view.held else "") for view in snapshot.pulls)
    rules = replace(snapshot.rules, queries=(ELSEWHERE, *snapshot.rules.queries), display_all_queries=display_all)
    snapshot = replace(snapshot, pulls=pulls, rules=rules)
    for status in pull_statuses(snapshot, decide(snapshot)):
        text = status.expected.description
        assert len(text) <= LONGEST_STATUS
        assert text.removeprefix("Not mergeable.").strip()
        assert not set("\n\r\t\0\u202e") & set(text)
        assert all(len(character.encode()) < 4 for character in text)
        if not held:
            assert not [word for word in FORBIDDEN if word in text]
        assert status.head.repository == snapshot.pool.repository


@given(snapshots())
@settings(max_examples=200, deadline=None)
def test_success_means_that_nothing_is_left_to_do_and_what_merges_shows_it(snapshot: Snapshot) -> None:
    decision = decide(snapshot)
    statuses = {status.pull.number: status.expected for status in pull_statuses(snapshot, decision)}
    merging = {target.number for target in targets_of(decision.action)}
    if isinstance(decision.action, Merge | MergeBatch):
        assert all(statuses[number].state is ContextState.SUCCESS for number in merging)
    pool = {*decision.passing, *decision.pending, *decision.missing}
    for number, status in statuses.items():
        assert (status.state is ContextState.SUCCESS) == status.description.startswith("In merge pool")
        if status.state is ContextState.SUCCESS:
            assert number in pool


@given(snapshots())
@settings(max_examples=100, deadline=None)
def test_a_status_that_was_written_changes_nothing_that_is_decided(snapshot: Snapshot) -> None:
    before = decide(snapshot)
    shown = {status.pull: status.expected for status in pull_statuses(snapshot, before)}
    pulls = tuple(
        replace(view, pull=replace(view.pull, contexts=(*others, shown[view.pull.key])))
        if view.pull.key in shown
        else view
        for view in snapshot.pulls
        for others in [tuple(one for one in view.pull.contexts if one.name != "tide")]
    )
    written = replace(snapshot, pulls=pulls)
    after = decide(written)
    assert after.action == before.action
    assert after.first_runs == before.first_runs
    assert all(says_the_same(status.shown, status.expected) for status in pull_statuses(written, after))


@given(st.dictionaries(st.integers(1, 9), st.sampled_from(["a", "b" * 140, "c"]), min_size=1))
def test_the_status_of_a_shared_head_does_not_depend_on_who_comes_first(texts: dict[int, str]) -> None:
    expected = {number: make_context("tide", ContextState.PENDING, text) for number, text in texts.items()}
    backwards = dict(reversed(expected.items()))
    assert status_of_head(expected) == status_of_head(backwards)
    assert len(status_of_head(expected).description) <= LONGEST_STATUS
