from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import OperationDefinitionNode
from graphql import parse as parse_document
from graphql.execution.values import get_variable_values

from tests.unit.adapters.github import nodes
from tide.adapters.github import parse
from tide.adapters.github.documents import document
from tide.adapters.github.glances import (
    CONNECTIONS,
    IDS,
    LASTS,
    QUIET,
    SETTLES,
    WATCHED,
    WHOLE,
    Look,
    Reading,
    looks,
    unchanged,
)
from tide.adapters.github.parse import GlanceNode, PullNode
from tide.domain.keys import PullKey
from tide.domain.pulls import Mergeable, MergeState, ReviewDecision
from tide.sandbox.graphql.cost import Cost, price
from tide.sandbox.graphql.schema import github_schema

UPDATED = datetime(2026, 1, 2, tzinfo=UTC)
NOW = UPDATED + timedelta(minutes=5)
GOOD, BAD = nodes.status("unit"), nodes.status("unit", "FAILURE")
CHECK = nodes.check_run("build")


def reading(*contexts: nodes.Node, rollup: str = "SUCCESS") -> Reading:
    """A pull request that was read whole with these contexts."""
    node = parse.read(PullNode, nodes.pull(1))
    return Reading(parse.pull(node, parse.contexts(_parsed(contexts))), rollup, NOW)


def glance(statuses: Sequence[nodes.Node] = (), rollup: str | None = "SUCCESS", **changes: Any) -> GlanceNode:
    """The same one as a look shows it that does not read check runs."""
    told = {"state": rollup, "commit": {"oid": nodes.HEAD, "status": {"contexts": list(statuses)}}} if rollup else None
    return parse.read(GlanceNode, nodes.pull(1) | {"statusCheckRollup": told} | changes)


def watched(*contexts: nodes.Node | None, rollup: str = "SUCCESS", after: str | None = None) -> GlanceNode:
    """The same one as a look shows it that reads all contexts."""
    told = {"state": rollup, "commit": {"oid": nodes.HEAD}, "contexts": nodes.page(contexts, after)}
    return parse.read(GlanceNode, nodes.pull(1) | {"statusCheckRollup": told})


def _parsed(contexts: Sequence[nodes.Node]) -> Sequence[Any]:
    return parse.read(parse.ContextPage, nodes.page(contexts)).listed


def test_what_is_as_it_was_is_given_as_it_was() -> None:
    for kept, seen in (
        (reading(), glance(rollup=None)),
        (reading(GOOD), glance([GOOD])),
        (reading(GOOD, CHECK), glance([GOOD])),
        (reading(BAD, rollup="FAILURE"), glance([BAD], "FAILURE")),
    ):
        assert unchanged(kept, seen) == kept.pull


@pytest.mark.parametrize(
    "change",
    [
        {"updatedAt": "2026-01-02T00:00:01Z"},
        {"headRefOid": "f" * 40},
        {"baseRefName": "release-1"},
    ],
)
def test_what_has_changed_has_to_be_read_whole(change: dict[str, Any]) -> None:
    assert unchanged(reading(GOOD), glance([GOOD], **change)) is None


@pytest.mark.parametrize(
    ("kept", "seen"),
    [
        (reading(GOOD), glance([GOOD], "PENDING")),
        (reading(GOOD, CHECK), glance([GOOD], "FAILURE")),
        (reading(GOOD), glance([nodes.status("unit", description="BaseSHA:1")])),
        (reading(GOOD), glance([GOOD, nodes.status("lint")])),
        (reading(GOOD, nodes.status("lint")), glance([GOOD])),
        (reading(BAD, rollup="FAILURE"), glance([GOOD], "FAILURE")),
        (reading(GOOD), glance(rollup=None)),
        (reading(), glance([GOOD])),
    ],
)
def test_contexts_that_have_changed_have_to_be_read(kept: Reading, seen: GlanceNode) -> None:
    assert unchanged(kept, seen) is None


def test_while_a_status_is_pending_and_nothing_has_failed_the_sum_tells_enough() -> None:
    pending = nodes.status("unit", "PENDING")
    kept = reading(pending, CHECK, rollup="PENDING")
    assert unchanged(kept, glance([pending], "PENDING")) == kept.pull
    assert unchanged(kept, glance([pending], "FAILURE")) is None
    assert unchanged(reading(pending, CHECK, rollup="FAILURE"), glance([pending], "FAILURE")) is None


@pytest.mark.parametrize("state", ["PENDING", "FAILURE"])
def test_a_sum_that_check_runs_may_hide_behind_tells_nothing(state: str) -> None:
    assert unchanged(reading(GOOD, CHECK, rollup=state), glance([GOOD], state)) is None


def test_contexts_of_another_head_tell_nothing() -> None:
    told = {"state": "SUCCESS", "commit": {"oid": "f" * 40, "status": {"contexts": [GOOD]}}}
    assert unchanged(reading(GOOD), glance(statusCheckRollup=told)) is None


def test_of_what_is_watched_the_contexts_are_new() -> None:
    pull = unchanged(reading(BAD, rollup="FAILURE"), watched(GOOD, CHECK))
    assert pull is not None
    assert [context.name for context in pull.contexts] == ["build", "unit"]


def test_contexts_that_were_not_read_to_the_end_have_to_be_read() -> None:
    assert unchanged(reading(GOOD), watched(GOOD, after="100")) is None
    assert unchanged(reading(GOOD), watched(GOOD, None)) is None


def test_what_github_works_out_is_new() -> None:
    seen = glance([GOOD], mergeable="CONFLICTING", mergeStateStatus="DIRTY", reviewDecision="APPROVED")
    pull = unchanged(reading(GOOD), seen)
    assert pull is not None
    assert pull.mergeable is Mergeable.CONFLICTING
    assert pull.merge_state is MergeState.DIRTY
    assert pull.review_decision is ReviewDecision.APPROVED


def test_a_reading_stands_when_it_is_younger_than_the_last_change_and_not_too_old() -> None:
    kept = reading(GOOD)
    assert kept.stands_for(NOW)
    assert not kept.stands_for(NOW + LASTS)
    assert not replace(kept, asked_at=UPDATED + SETTLES - timedelta(seconds=1)).stands_for(NOW)
    assert not replace(kept, pull=replace(kept.pull, is_open=False)).stands_for(NOW)
    assert not replace(kept, pull=replace(kept.pull, contexts_known=False)).stands_for(NOW)


@pytest.mark.parametrize(("state", "is_merged"), [("CLOSED", False), ("MERGED", True)])
def test_what_has_been_closed_need_not_be_read_whole(state: str, is_merged: bool) -> None:  # noqa: FBT001 - a table
    pull = unchanged(reading(GOOD), glance(state=state, updatedAt="2026-01-03T00:00:00Z", headRefOid="f" * 40))
    assert pull is not None
    assert (pull.is_open, pull.is_merged, pull.updated_at) == (False, is_merged, UPDATED + timedelta(days=1))


@pytest.mark.parametrize(
    ("quiet", "watching", "whole", "fitting"),
    [(0, 0, 0, 0), (0, 0, 60, 49), (1, 0, 60, 49), (400, 147, 9, 0), (500, 147, 60, 49), (9, 132, 9, 5)],
)
def test_those_that_are_to_be_read_whole_come_along_as_far_as_there_is_room(
    quiet: int, watching: int, whole: int, fitting: int
) -> None:
    keys = [PullKey("acme", "rocket", number) for number in range(quiet + watching + whole)]
    made = list(looks(keys[:quiet], keys[quiet : quiet + watching], keys[quiet + watching :]))
    assert [key for look in made for key in look.lists[WHOLE]] == keys[quiet + watching :][:fitting]
    assert all(_points(look) == 1 for look in made)


@pytest.mark.parametrize(
    ("quiet", "watching", "requests"), [(0, 0, 0), (1, 0, 1), (400, 147, 1), (401, 0, 2), (0, 148, 2), (850, 150, 3)]
)
def test_everything_is_looked_at_once_in_as_few_requests_as_can_be(quiet: int, watching: int, requests: int) -> None:
    keys = [PullKey("acme", "rocket", number) for number in range(quiet + watching)]
    made = list(looks(keys[:quiet], keys[quiet:]))
    assert len(made) == requests
    assert sorted(key for look in made for key in look.keys) == keys
    assert all(len(part) <= IDS for look in made for part in look.lists.values())
    assert {key for look in made for name in WATCHED for key in look.lists[name]} == {*keys[quiet:]}


def test_a_full_request_costs_one_point() -> None:
    (look,) = looks(
        [PullKey("acme", "rocket", number) for number in range(IDS * len(QUIET))],
        [PullKey("acme", "comet", number) for number in range(CONNECTIONS)],
    )
    assert _points(look) == 1


def _points(look: Look) -> int:
    """Give what a look costs with both searches."""
    parsed = parse_document(document("glance"))
    (operation,) = (each for each in parsed.definitions if isinstance(each, OperationDefinitionNode))
    ids = {name: [f"PR_{key.number}" for key in keys] for name, keys in look.lists.items()}
    given = {**ids, "changes": "is:pr", "asksChanges": True, "blockers": "is:issue", "asksBlockers": True}
    variables = get_variable_values(github_schema(), operation.variable_definitions or (), given)
    assert not isinstance(variables, list)
    cost = price(github_schema(), parsed, operation, variables)
    assert isinstance(cost, Cost)
    return cost.points
