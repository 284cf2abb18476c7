from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import BASE, FAILURE, NOW, PENDING, POOL, make_context, make_pull, sha
from tide.domain.actions import Target
from tide.domain.branch_rules import NO_RULES, BranchRules
from tide.domain.keys import PoolKey
from tide.domain.pulls import EVERY_METHOD, Context, Mergeable, MergeState, RepoSettings, ReviewDecision
from tide.policy.mergeability import Grounds
from tide.sync.holds import LONGEST_REFUSAL, LOST_ANSWER_LASTS, TROUBLE_LASTS, UPDATE_LASTS, Held, Holds

HEAD, OTHER = sha("head"), sha("other")
RELEASE = PoolKey("acme", "rocket", "release-1.0")
LOOK = "See on its page why its branch is not updated."


def grounds(contexts: Iterable[Context] = (), **fields: Any) -> Grounds:
    """Give what a refusal of a pull request that GitHub called blocked may rest on."""
    pull = make_pull(1, contexts, **{"merge_state": MergeState.BLOCKED, **fields})
    return Grounds.of(pull, EVERY_METHOD, NO_RULES)


GROUNDS = grounds()


def held(*, lasts: timedelta | None = None) -> Holds:
    """Hold the head of number 1 on the base."""
    holds = Holds()
    holds.add(POOL, Target(1, HEAD), "it conflicts", base_sha=BASE, until=NOW + lasts if lasts else None)
    return holds


def test_nothing_is_held_at_first() -> None:
    assert Holds().of(POOL, BASE, (1, HEAD), NOW).reason == ""


def test_a_held_head_is_held_with_its_reason_as_long_as_nothing_moves() -> None:
    holds = held()
    assert holds.of(POOL, BASE, (1, HEAD), NOW).reason == "it conflicts"
    assert holds.of(POOL, BASE, (1, HEAD), NOW + timedelta(days=365)).reason == "it conflicts"


def test_others_are_not_held() -> None:
    holds = held()
    assert holds.of(POOL, BASE, (2, HEAD), NOW).reason == ""
    assert holds.of(POOL, BASE, (1, OTHER), NOW).reason == ""
    assert holds.of(RELEASE, BASE, (1, HEAD), NOW).reason == ""
    assert holds.of(POOL, BASE, (1, HEAD), NOW).reason == "it conflicts"


def test_a_hold_ends_for_good_when_the_base_moves() -> None:
    holds = held()
    assert holds.of(POOL, sha("next"), (1, HEAD), NOW).reason == ""
    assert holds.of(POOL, BASE, (1, HEAD), NOW).reason == ""


def test_a_refusal_ends_at_its_moment() -> None:
    holds = held(lasts=TROUBLE_LASTS)
    assert holds.of(POOL, BASE, (1, HEAD), NOW + TROUBLE_LASTS - timedelta(microseconds=1)).reason == "it conflicts"
    assert holds.of(POOL, BASE, (1, HEAD), NOW + TROUBLE_LASTS).reason == ""


def test_the_last_reason_counts() -> None:
    holds = held(lasts=TROUBLE_LASTS)
    holds.add(POOL, Target(1, HEAD), "it still conflicts", base_sha=BASE)
    assert holds.of(POOL, BASE, (1, HEAD), NOW + timedelta(days=1)).reason == "it still conflicts"


def test_a_new_head_is_held_beside_the_old_one() -> None:
    holds = held()
    holds.add(POOL, Target(1, OTHER), "it is empty", base_sha=BASE)
    assert holds.of(POOL, BASE, (1, HEAD), NOW).reason == "it conflicts"
    assert holds.of(POOL, BASE, (1, OTHER), NOW).reason == "it is empty"


def test_heads_that_left_the_pool_are_forgotten_in_this_pool_only() -> None:
    holds = held()
    holds.add(POOL, Target(2, OTHER), "it is empty", base_sha=BASE)
    holds.add(RELEASE, Target(1, HEAD), "elsewhere", base_sha=BASE)
    holds.forget_all_but(POOL, frozenset({(2, OTHER), (3, HEAD)}))
    assert holds.of(POOL, BASE, (1, HEAD), NOW).reason == ""
    assert holds.of(POOL, BASE, (2, OTHER), NOW).reason == "it is empty"
    assert holds.of(RELEASE, BASE, (1, HEAD), NOW).reason == "elsewhere"


def test_a_lost_answer_holds_a_head_for_longer_each_time_but_never_for_longer_than_other_troubles() -> None:
    holds, lengths = Holds(), []
    for _ in range(6):
        holds.add_lost(POOL, Target(1, HEAD), "no answer", NOW)
        lengths.append(
            next(
                length
                for length in (LOST_ANSWER_LASTS * times for times in range(1, 11))
                if not holds.of(POOL, BASE, (1, HEAD), NOW + length).reason
            )
        )
        assert holds.of(POOL, BASE, (1, HEAD), NOW).reason == ""
    assert lengths == [LOST_ANSWER_LASTS * times for times in (1, 2, 4, 8, 10, 10)]
    assert lengths[-1] == TROUBLE_LASTS


def test_a_head_that_left_the_pool_is_met_without_prejudice() -> None:
    holds = Holds()
    for _ in range(3):
        holds.add_lost(POOL, Target(1, HEAD), "no answer", NOW)
    holds.forget_all_but(POOL, frozenset())
    holds.add_lost(POOL, Target(1, HEAD), "no answer", NOW)
    assert holds.of(POOL, BASE, (1, HEAD), NOW + LOST_ANSWER_LASTS).reason == ""


def test_a_refusal_holds_a_head_for_longer_each_time_up_to_an_hour() -> None:
    holds, now, lengths = Holds(), NOW, []
    for _ in range(6):
        holds.add_refused(POOL, Target(1, HEAD), "no", GROUNDS, now)
        start = now
        while holds.of(POOL, BASE, (1, HEAD), now).reason:
            now += TROUBLE_LASTS
        lengths.append(now - start)
    assert lengths == [TROUBLE_LASTS * times for times in (1, 2, 4, 8, 12, 12)]
    assert lengths[-1] == LONGEST_REFUSAL


def test_a_refusal_and_a_lost_answer_stand_wherever_the_base_moves() -> None:
    holds = Holds()
    holds.add_refused(POOL, Target(1, HEAD), "no", GROUNDS, NOW)
    holds.add_lost(POOL, Target(2, OTHER), "no answer", NOW)
    assert holds.of(POOL, sha("next"), (1, HEAD), NOW, GROUNDS).reason == "no"
    assert holds.of(POOL, sha("next"), (2, OTHER), NOW).reason == "no answer"


@pytest.mark.parametrize(
    "later",
    [
        grounds(review_decision=ReviewDecision.APPROVED),
        grounds([make_context("cla")]),
        grounds(merge_state=MergeState.CLEAN),
        GROUNDS._replace(rules=BranchRules(required_contexts=("cla",))),
        GROUNDS._replace(settings=RepoSettings(allow_squash=False)),
    ],
    ids=["a review", "a context", "its word", "the rules", "the settings"],
)
def test_a_refusal_ends_when_what_it_may_rest_on_changes(later: Grounds) -> None:
    holds = Holds()
    holds.add_refused(POOL, Target(1, HEAD), "no", GROUNDS, NOW)
    assert holds.of(POOL, BASE, (1, HEAD), NOW, later).reason == ""
    assert holds.of(POOL, BASE, (1, HEAD), NOW, GROUNDS).reason == "no"


def test_what_is_worked_out_anew_after_a_merge_of_others_ends_no_refusal() -> None:
    holds = Holds()
    holds.add_refused(POOL, Target(1, HEAD), "no", GROUNDS, NOW)
    for later in (grounds(merge_state=MergeState.UNKNOWN), grounds(mergeable=Mergeable.UNKNOWN)):
        assert holds.of(POOL, BASE, (1, HEAD), NOW, later).reason == "no"
    assert holds.of(POOL, BASE, (1, HEAD), NOW, grounds([make_context("tide", PENDING)])).reason == "no"


def test_what_is_pending_or_has_failed_ends_no_refusal() -> None:
    holds = Holds()
    holds.add_refused(POOL, Target(1, HEAD), "no", grounds([make_context("cla")]), NOW)
    for context in (make_context("cla", PENDING), make_context("nice", PENDING), make_context("nice", FAILURE)):
        assert holds.of(POOL, BASE, (1, HEAD), NOW, grounds([context])).reason == "no"
    assert (
        holds.of(POOL, BASE, (1, HEAD), NOW, grounds([make_context("nice"), make_context("nice", PENDING)])).reason
        == "no"
    )


def test_a_refused_branch_holds_every_head_wherever_it_moves() -> None:
    holds = Holds()
    for _ in range(2):
        holds.add_refused_branch(POOL, "not yours", NOW)
    for number, head in ((1, HEAD), (2, OTHER)):
        assert holds.of(POOL, BASE, (number, head), NOW + TROUBLE_LASTS).reason == "not yours"
    assert holds.of(RELEASE, BASE, (1, HEAD), NOW).reason == ""
    assert holds.of(POOL, sha("next"), (1, HEAD), NOW).reason == "not yours"
    assert holds.of(POOL, BASE, (1, HEAD), NOW + 2 * TROUBLE_LASTS).reason == ""


def test_a_held_head_of_a_refused_branch_is_told_its_own_reason() -> None:
    holds = held()
    holds.add_refused_branch(POOL, "not yours", NOW)
    assert holds.of(POOL, BASE, (1, HEAD), NOW).reason == "it conflicts"


def test_an_update_that_does_not_come_is_waited_for_longer_each_time_and_somebody_is_to_look() -> None:
    holds, now = Holds(), NOW
    for lasts, remedy in ((1, ""), (2, LOOK), (4, LOOK), (8, LOOK), (16, LOOK), (32, LOOK), (60, LOOK), (60, LOOK)):
        holds.add_updating(POOL, Target(1, HEAD), "its branch is being updated", now, base_sha=BASE)
        assert holds.of(POOL, BASE, (1, HEAD), now) == Held(
            "its branch is being updated", remedy, is_being_updated=True
        )
        now += lasts * UPDATE_LASTS
        assert holds.of(POOL, BASE, (1, HEAD), now).reason == ""
    holds.add_updating(POOL, Target(1, OTHER), "its branch is being updated", now, base_sha=BASE)
    assert holds.of(POOL, BASE, (1, OTHER), now).remedy == ""
