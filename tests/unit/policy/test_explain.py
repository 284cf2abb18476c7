"""Why a pull request is or is not merging, in words."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import (
    BASE,
    FAILURE,
    PENDING,
    make_context,
    make_policy,
    make_pull,
    make_rules,
    make_run,
    make_snapshot,
    make_view,
)
from tide.domain.decisions import Place, Requirement, Verdict, VerdictKind
from tide.domain.pulls import Blocker, Mergeable, MergeState, ReviewDecision
from tide.domain.rules import BlocksPolicy, PoolRules, Query
from tide.domain.runs import Run, RunState
from tide.domain.snapshot import PullView, Standing, StandingKind
from tide.policy.decide import decide

UNIT = ("unit",)
RERUN_LINT = "Mend or rerun lint (`tide retest acme/rocket#1`)."


def verdict(view: PullView, *runs: Run, rules: PoolRules | None = None, others: tuple[PullView, ...] = ()) -> Verdict:
    decision = decide(make_snapshot(view, *others, runs=runs, rules=rules or make_rules()))
    return next(one for one in decision.verdicts if one.pull == view.pull.key)


def asking(*queries: dict[str, Any]) -> PoolRules:
    made = tuple(Query(index=index, orgs=("acme",), **fields) for index, fields in enumerate(queries))
    return make_rules(queries=made)


@pytest.mark.parametrize(
    ("query", "pull", "text"),
    [
        ({"excluded_branches": ("main",), "labels": ("x",)}, {}, "Merging to branch main is forbidden."),
        ({"author": "bob", "labels": ("x",)}, {}, "Must be by author bob."),
        ({"milestone": "v1", "labels": ("x",)}, {}, "Must be in milestone v1."),
        ({"labels": ("x",)}, {}, "Needs x label."),
        ({"labels": ("z", "a,b")}, {}, "Needs a or b, z labels."),
        ({"labels": ("x",), "missing_labels": ("lgtm",)}, {}, "Needs x label."),
        ({"missing_labels": ("lgtm",)}, {}, "Should not have lgtm label."),
        ({"missing_labels": ("lgtm", "wip")}, {"labels": ("lgtm", "wip")}, "Should not have lgtm, wip labels."),
        ({"review_approved_required": True}, {}, "PullRequest is missing sufficient approving GitHub review(s)"),
    ],
)
def test_the_first_thing_that_is_lacking_is_told_in_tides_words(
    query: dict[str, Any], pull: dict[str, Any], text: str
) -> None:
    found = verdict(make_view(1, **pull), rules=asking(query))
    assert found.summary == f"Not mergeable. {text}"
    assert (found.kind, found.place) == (VerdictKind.BLOCKED, Place.OUTSIDE)


def test_without_any_query_that_covers_it_that_is_told() -> None:
    assert verdict(make_view(1), rules=make_rules(queries=())).summary == (
        "Not mergeable. No Tide query for branch main found."
    )


def test_the_query_that_lacks_least_is_told_of_equals_the_first() -> None:
    rules = asking({"labels": ("a", "b")}, {"labels": ("c",)}, {"labels": ("d",)})
    assert verdict(make_view(1), rules=rules).summary == "Not mergeable. Needs c label."


def test_queries_for_other_branches_are_not_told() -> None:
    rules = asking({"included_branches": ("dev",), "labels": ("lgtm",)}, {"labels": ("a", "b")})
    found = verdict(make_view(1), rules=rules)
    assert found.summary == "Not mergeable. Needs a, b labels."
    assert {one.query for one in found.requirements} == {None, 1}


def test_a_failing_job_is_told_before_a_missing_review() -> None:
    view = make_view(1, [make_context("unit", FAILURE)])
    found = verdict(view, rules=asking({"review_approved_required": True}))
    assert found.summary == "Not mergeable. Job unit has not succeeded."


def test_long_lists_are_cut_but_never_to_nothing() -> None:
    labels = tuple(f"{letter * 20}" for letter in "abcd")
    assert verdict(make_view(1), rules=asking({"labels": labels})).summary == (
        f"Not mergeable. Needs {'a' * 20}, {'b' * 20} labels."
    )
    huge = ("x" * 90,)
    assert "x" * 90 in verdict(make_view(1), rules=asking({"labels": huge})).summary


def test_contexts_that_have_not_succeeded_are_named_sorted() -> None:
    view = make_view(1, [make_context("z", FAILURE), make_context("a", PENDING)])
    found = verdict(view)
    assert found.summary == "Not mergeable. Jobs a, z have not succeeded."
    assert found.kind is VerdictKind.BLOCKED
    assert Requirement("context z", met=False, detail="failed") in found.requirements
    assert found.unblock == ("Mend or rerun z.",)


def test_one_that_only_waits_for_somebody_elses_check_is_waiting() -> None:
    assert verdict(make_view(1, [make_context("cla", PENDING)])).kind is VerdictKind.WAITING


def test_a_required_context_that_nobody_has_set_is_told() -> None:
    found = verdict(make_view(1), rules=make_rules(context_policy=make_policy(["cla"])))
    assert found.kind is VerdictKind.BLOCKED
    assert found.unblock == ("Have cla run: it has no result on this head.",)


def test_every_requirement_of_the_query_is_listed_with_its_index() -> None:
    rules = asking({"labels": ("never",)}, {"labels": ("lgtm",), "missing_labels": ("hold",), "author": "alice"})
    found = verdict(make_view(1), rules=rules)
    assert [(one.name, one.met) for one in found.requirements if one.query == 1] == [
        ("branch main", True),
        ("author alice", True),
        ("label lgtm", True),
        ("no label hold", True),
    ]
    assert not [one for one in found.requirements if one.query == 0]


def test_what_was_found_instead_is_told() -> None:
    rules = asking({"author": "bob", "review_approved_required": True})
    found = verdict(make_view(1, review_decision=ReviewDecision.CHANGES_REQUESTED), rules=rules)
    details = {one.name: one.detail for one in found.requirements}
    assert details["author bob"] == "is alice"
    assert details["review approved"] == "is CHANGES_REQUESTED"


def test_one_that_has_passed_is_in_the_pool() -> None:
    found = verdict(make_view(1, required=UNIT), make_run("unit", 1))
    assert (found.kind, found.place, found.summary) == (VerdictKind.IN_POOL, Place.PASSING, "In merge pool.")
    assert all(one.met for one in found.requirements)
    assert found.unblock == ()


def test_one_that_merges_although_github_calls_it_blocked_says_so() -> None:
    view = make_view(1, merge_state=MergeState.BLOCKED)
    assert verdict(view, rules=make_rules(blocks_policy=BlocksPolicy.PERMIT)).summary == (
        "In merge pool (despite BLOCKED)."
    )
    assert verdict(view, rules=make_rules(blocks_policy=BlocksPolicy.IGNORE)).summary == "In merge pool."


def test_a_retest_that_runs_is_told_apart_from_one_that_is_to_come() -> None:
    view = make_view(1, required=("lint", "unit"))
    assert verdict(view).summary == "Not mergeable. Waiting for a retest: lint unit"
    pending = [make_run(context, 1, RunState.PENDING) for context in ("lint", "unit")]
    assert verdict(view, *pending).summary == "Not mergeable. Retesting: lint unit"


def test_a_list_of_jobs_that_a_status_could_not_hold_is_counted() -> None:
    required = tuple(f"pull-rocket-integration-{number}" for number in range(9))
    assert verdict(make_view(1, required=required)).summary == "Not mergeable. Waiting for a retest of 9 jobs."


def test_members_of_the_batch_in_flight_are_counted_in_the_text_and_named_with_their_jobs() -> None:
    others = (make_view(2, required=UNIT), make_view(3, required=UNIT))
    found = verdict(make_view(1, required=UNIT), make_run("unit", (1, 2, 3), RunState.PENDING), others=others)
    assert found.summary == "Not mergeable. Being tested in a batch of 3."
    assert found.kind is VerdictKind.IN_POOL
    (jobs,) = [one for one in found.requirements if one.name == "required jobs"]
    assert jobs.detail == f"on main at {BASE[:7]}, not run yet: unit; being tested in a batch with #2 and #3"


def test_a_first_run_that_is_to_come_is_told() -> None:
    view = PullView(make_pull(1), UNIT)
    rules = make_rules(trigger=True, context_policy=make_policy(UNIT))
    found = verdict(view, rules=rules)
    assert (found.kind, found.summary) == (VerdictKind.WAITING, "Not mergeable. Job unit has not succeeded.")
    assert found.unblock == ()


def test_a_conflict_comes_before_a_missing_label_and_both_are_listed() -> None:
    found = verdict(make_view(1, mergeable=Mergeable.CONFLICTING, labels=()))
    assert found.summary == "Not mergeable. PR has a merge conflict."
    assert found.unblock == ("Resolve its conflict with main.", "Have a maintainer set the label lgtm.")


def test_what_is_over_needs_no_help_but_to_be_reopened() -> None:
    assert verdict(make_view(1, is_open=False, is_merged=True, labels=())).unblock == ()
    assert verdict(make_view(1, is_open=False, labels=())).unblock == ("Reopen it.",)


def test_one_that_is_held_is_told_what_holds_it() -> None:
    found = verdict(make_view(1, held="its head cannot be fetched"))
    assert (found.kind, found.unblock) == (VerdictKind.WAITING, ())
    assert found.summary == "Not mergeable. Held: its head cannot be fetched."
    assert Requirement("not held", met=False, detail="its head cannot be fetched") in found.requirements


def test_one_that_is_held_is_told_what_somebody_has_to_do_about_it() -> None:
    view = replace(make_view(1, held="it changes nothing"), held_remedy="Close it.")
    found = verdict(view)
    assert (found.kind, found.unblock) == (VerdictKind.BLOCKED, ("Close it.",))


def test_what_the_code_host_refuses_is_told_before_what_was_found_out_by_trying() -> None:
    view = replace(make_view(1, held="conflicts in pump", mergeable=Mergeable.CONFLICTING), held_remedy="Resolve it.")
    found = verdict(view)
    assert found.summary == "Not mergeable. PR has a merge conflict."
    assert found.unblock == ("Resolve its conflict with main.",)


def test_positions_follow_priority_then_number() -> None:
    rules = make_rules(priority=(("urgent",),))
    views = [make_view(1), make_view(2, labels=()), make_view(3, labels=("lgtm", "urgent"))]
    decision = decide(make_snapshot(*views, rules=rules))
    assert [(one.pull.number, one.position) for one in decision.verdicts] == [(1, 2), (2, None), (3, 1)]


# The one true obstacle, and who can remove it.

TRIGGERED = make_rules(trigger=True, context_policy=make_policy(UNIT))
NEW = PullView(make_pull(1), UNIT)
FROZEN = Standing(StandingKind.FROZEN, "#7 landed as another tree")
ISSUE = Blocker(4, "Stop", "https://github.test/acme/rocket/issues/4")
PAUSED_TEXT = "The queue is paused in its configuration."
RESUME = "Have an operator set `paused` to false for acme/rocket:main."
UNFREEZE = "Have an operator find out what happened to the branch, then run `tide unfreeze acme/rocket:main`."
LABEL = "Have a maintainer set the label lgtm."


def explained(view: PullView, **fields: Any) -> Verdict:
    return decide(make_snapshot(view, **fields)).verdicts[0]


def paused(rules: PoolRules = TRIGGERED) -> PoolRules:
    return replace(rules, settings=replace(rules.settings, paused=True))


@pytest.mark.parametrize(
    ("stop", "kind", "text", "remedy"),
    [
        ({"rules": paused()}, VerdictKind.WAITING, PAUSED_TEXT, RESUME),
        (
            {"rules": TRIGGERED, "standing": FROZEN},
            VerdictKind.BLOCKED,
            "The pool is frozen: #7 landed as another tree.",
            UNFREEZE,
        ),
        (
            {"rules": TRIGGERED, "blockers": (ISSUE,)},
            VerdictKind.BLOCKED,
            "Merging is blocked by issue 4.",
            "Have a maintainer close issue #4.",
        ),
    ],
)
def test_what_stops_the_pool_is_all_that_is_told_of_one_whose_first_run_is_to_come(
    stop: dict[str, Any], kind: VerdictKind, text: str, remedy: str
) -> None:
    found = explained(NEW, **stop)
    assert (found.kind, found.summary, found.unblock) == (kind, f"Not mergeable. {text}", (remedy,))


def test_what_one_outside_lacks_itself_follows_what_stops_the_pool() -> None:
    found = explained(make_view(1, labels=()), rules=paused())
    assert found.summary == f"Not mergeable. {PAUSED_TEXT} Needs lgtm label."
    assert (found.kind, found.unblock) == (VerdictKind.BLOCKED, (RESUME, LABEL))
    found = explained(make_view(1, is_draft=True), rules=paused())
    assert found.summary == f"Not mergeable. {PAUSED_TEXT} PR is a draft."


def test_what_is_not_allowed_to_merge_is_told_without_issues_as_in_tide() -> None:
    found = explained(make_view(1, is_draft=True), blockers=(ISSUE,))
    assert found.summary == "Not mergeable. PR is a draft."
    assert found.unblock == ("Have a maintainer close issue #4.", "Mark it as ready for review.")


def test_a_branch_whose_proof_runs_is_no_news_for_one_that_lacks_something_else() -> None:
    owing = Standing(StandingKind.UNPROVEN, "somebody pushed", UNIT)
    found = explained(make_view(1, labels=()), standing=owing)
    assert (found.summary, found.unblock) == ("Not mergeable. Needs lgtm label.", (LABEL,))
    inside = explained(make_view(1, required=UNIT), runs=(make_run("unit", 1),), standing=owing)
    assert inside.kind is VerdictKind.WAITING
    assert (inside.summary.startswith("Not mergeable. The head of main is not proven"), inside.unblock) == (True, ())


NO_RESULT_YET = make_rules(trigger=True, context_policy=make_policy(("lint", "unit")))


@pytest.mark.parametrize(
    ("view", "unblock"),
    [
        (make_view(1, labels=()), (LABEL,)),
        (make_view(1, labels=("lgtm", "hold")), ("Have the label hold removed by whoever set it.",)),
        (make_view(1, is_draft=True), ("Mark it as ready for review.",)),
        (make_view(1, mergeable=Mergeable.CONFLICTING), ("Resolve its conflict with main.",)),
        (make_view(1, held="it cannot be read"), ()),
        (PullView(make_pull(1, [make_context("lint", FAILURE)]), ("lint", "unit")), (RERUN_LINT,)),
        (PullView(make_pull(1, [make_context("cla", PENDING)]), ("lint", "unit")), ("Wait for cla.",)),
    ],
)
def test_what_the_queue_starts_itself_afterwards_is_no_advice(view: PullView, unblock: tuple[str, ...]) -> None:
    assert explained(view, rules=NO_RESULT_YET).unblock == unblock


def test_a_job_that_somebody_else_is_to_start_is_told_once_nothing_else_is_lacking() -> None:
    rules = make_rules(context_policy=make_policy(UNIT))
    assert explained(make_view(1, labels=()), rules=rules).unblock == (LABEL,)
    assert explained(NEW, rules=rules).unblock == ("Have unit run: it has no result on this head.",)


def test_a_job_of_ours_that_waits_for_a_check_is_told_when_it_is_its_turn() -> None:
    waiting = PullView(make_pull(1, [make_context("cla", PENDING)]), UNIT)
    assert explained(waiting, rules=TRIGGERED).summary == "Not mergeable. Job cla has not succeeded."
    theirs = make_rules(context_policy=make_policy(UNIT))
    assert explained(waiting, rules=theirs).summary == "Not mergeable. Jobs cla, unit have not succeeded."


def test_a_missing_review_is_told_where_the_jobs_wait_for_it() -> None:
    rules = replace(asking({"review_approved_required": True}), settings=TRIGGERED.settings)
    found = explained(NEW, rules=replace(rules, context_policy=make_policy(UNIT)))
    assert found.summary == "Not mergeable. PullRequest is missing sufficient approving GitHub review(s)"
    assert found.unblock == ("Get an approving review.",)


def test_a_required_job_of_ours_that_failed_can_be_asked_for_again() -> None:
    view = make_view(1, [make_context("lint", FAILURE), make_context("cla", FAILURE)], required=("lint",))
    assert explained(view).unblock == ("Mend or rerun cla.", RERUN_LINT)


# One requirement for each thing that is lacking.


def unmet(view: PullView, *runs: Run, **fields: Any) -> list[tuple[str, str]]:
    found = explained(view, runs=runs, **fields)
    return [(one.name, one.detail) for one in found.requirements if not one.met]


def test_a_required_job_that_has_not_run_is_one_requirement() -> None:
    assert unmet(NEW, rules=TRIGGERED) == [("context unit", "has no result on this head")]
    assert unmet(make_view(1, required=UNIT)) == [("required jobs", f"on main at {BASE[:7]}, not run yet: unit")]


def test_a_job_that_failed_on_the_head_is_not_told_again_for_the_base() -> None:
    view = make_view(1, [make_context("lint", FAILURE)], required=("lint", "unit"))
    assert unmet(view, make_run("lint", 1, RunState.FAILURE)) == [
        ("context lint", "failed"),
        ("required jobs", f"on main at {BASE[:7]}, not run yet: unit"),
    ]
