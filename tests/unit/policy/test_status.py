"""The status context `tide`: its state, its text, where it links to, and when it is written."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import (
    FAILURE,
    PENDING,
    SUCCESS,
    make_context,
    make_policy,
    make_pull,
    make_rules,
    make_run,
    make_snapshot,
    make_view,
    sha,
)
from tide.domain.keys import HeadKey
from tide.domain.pulls import Blocker, Context, ContextSource, ContextState, Mergeable, MergeState, RepoSettings
from tide.domain.rules import BlocksPolicy, PoolRules, Query, QueueSettings
from tide.domain.runs import Run, RunState
from tide.domain.snapshot import PullView, Snapshot, Standing, StandingKind
from tide.policy.decide import decide
from tide.policy.status import (
    PullStatus,
    fitted,
    may_write,
    pull_statuses,
    says_the_same,
    shown_status,
    status_of_head,
)

UNIT = ("unit",)
ERROR = ContextState.ERROR
ISSUE = Blocker(7, "Stop", "https://github.test/acme/rocket/issues/7")
ON_RELEASE = Blocker(8, "Stop", "https://github.test/acme/rocket/issues/8", branches=("release",))


def statuses(snapshot: Snapshot, page_url: str = "") -> dict[int, PullStatus]:
    return {one.pull.number: one for one in pull_statuses(snapshot, decide(snapshot), page_url)}


def status(view: PullView, *runs: Run, rules: PoolRules | None = None, **fields: Any) -> Context:
    snapshot = make_snapshot(view, runs=runs, rules=rules or make_rules(), **fields)
    return statuses(snapshot)[view.pull.number].expected


def told(view: PullView, *runs: Run, rules: PoolRules | None = None, **fields: Any) -> tuple[ContextState, str]:
    found = status(view, *runs, rules=rules, **fields)
    assert (found.name, found.source) == ("tide", ContextSource.STATUS)
    return found.state, found.description


def asking(*queries: dict[str, Any], **fields: Any) -> PoolRules:
    made = tuple(Query(index=index, orgs=("acme",), **asked) for index, asked in enumerate(queries))
    return make_rules(queries=made, **fields)


# Section 6.3, step 0: heads that cannot be read.


def test_one_whose_contexts_are_unreadable_keeps_its_status() -> None:
    assert statuses(make_snapshot(make_view(1, contexts_known=False), make_view(2))).keys() == {2}


def test_what_is_closed_or_has_gone_to_another_branch_gets_no_status_from_here() -> None:
    views = (make_view(1, is_open=False), make_view(2, base_branch="dev"), make_view(3, is_open=False, is_merged=True))
    assert statuses(make_snapshot(*views)) == {}


# Step 1: what may not merge at all.


@pytest.mark.parametrize(
    ("pull", "rules", "text"),
    [
        ({"mergeable": Mergeable.CONFLICTING}, {}, "PR has a merge conflict."),
        (
            {"labels": ("lgtm", "s", "r")},
            {"squash_label": "s", "rebase_label": "r"},
            "PR has conflicting merge method override labels",
        ),
        ({"labels": ("r",), "can_be_rebased": False}, {"rebase_label": "r"}, "PR can't be rebased"),
        ({"labels": ("s",)}, {"squash_label": "s"}, 'Merge type "squash" disallowed by repo settings'),
        (
            {"merge_state": MergeState.BLOCKED},
            {"blocks_policy": BlocksPolicy.BLOCK},
            "PR is blocked from merging by GitHub (check branch protection, required reviews, or rulesets)",
        ),
        ({"is_draft": True}, {}, "PR is a draft."),
    ],
)
def test_what_is_not_allowed_to_merge_is_an_error_before_everything_else(
    pull: dict[str, Any], rules: dict[str, Any], text: str
) -> None:
    found = told(
        make_view(1, [make_context("unit", FAILURE)], **pull),
        rules=make_rules(**rules),
        blockers=(ISSUE,),
        repo_settings=RepoSettings(allow_squash=False),
    )
    assert found == (ERROR, f"Not mergeable. {text}")


# Step 3a: issues that block the branch.


def test_one_issue_that_blocks_is_an_error_and_named() -> None:
    assert told(make_view(1), blockers=(ISSUE,)) == (ERROR, "Not mergeable. Merging is blocked by issue 7.")


def test_several_issues_that_block_are_named_in_ascending_order() -> None:
    blockers = (replace(ISSUE, number=12), ISSUE)
    assert told(make_view(1), blockers=blockers) == (ERROR, "Not mergeable. Merging is blocked by issues 7, 12.")


def test_issues_for_other_branches_are_not_named() -> None:
    assert told(make_view(1), blockers=(ON_RELEASE,)) == (SUCCESS, "In merge pool.")


def test_outside_the_pool_the_issues_come_first_and_its_own_deficits_are_told_too() -> None:
    found = told(make_view(1, labels=()), blockers=(ISSUE,))
    assert found == (ERROR, "Not mergeable. Merging is blocked by issue 7. Needs lgtm label.")


def test_one_in_the_pool_is_told_of_issues_too() -> None:
    found = told(make_view(1, required=UNIT), make_run("unit", 1), blockers=(ISSUE,))
    assert found == (ERROR, "Not mergeable. Merging is blocked by issue 7.")


# Step 3b: what the queries ask for.


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"excluded_branches": ("main",)}, "Merging to branch main is forbidden."),
        ({"included_branches": ("dev",)}, "Merging to branch main is forbidden."),
        ({"author": "@Bob"}, "Must be by author bob."),
        ({"milestone": "v1"}, "Must be in milestone v1."),
        ({"labels": ("b", "a,c")}, "Needs a or c, b labels."),
        ({"missing_labels": ("lgtm",)}, "Should not have lgtm label."),
        ({"review_approved_required": True}, "PullRequest is missing sufficient approving GitHub review(s)"),
    ],
)
def test_what_a_query_lacks_is_pending_in_tides_words(query: dict[str, Any], text: str) -> None:
    assert told(make_view(1), rules=asking(query)) == (PENDING, f"Not mergeable. {text}")


def test_classes_are_told_in_the_order_of_tide_whatever_they_weigh() -> None:
    everything: dict[str, Any] = {
        "author": "bob",
        "milestone": "v1",
        "labels": ("x",),
        "missing_labels": ("lgtm",),
        "review_approved_required": True,
    }
    view = make_view(1, [make_context("unit", FAILURE)])
    for kind, text in (
        ("author", "Must be by author bob."),
        ("milestone", "Must be in milestone v1."),
        ("labels", "Needs x label."),
        ("missing_labels", "Should not have lgtm label."),
    ):
        assert told(view, rules=asking(everything)) == (PENDING, f"Not mergeable. {text}")
        del everything[kind]
    assert told(view, rules=asking(everything)) == (PENDING, "Not mergeable. Job unit has not succeeded.")


@pytest.mark.parametrize(
    ("lighter", "heavier"),
    [
        ({"labels": tuple("abcdefgh")}, {"review_approved_required": True}),  # 8 < 50
        ({"review_approved_required": True}, {"milestone": "v1"}),  # 50 < 100
        ({"milestone": "v1"}, {"author": "bob"}),  # 100 < 1000
        ({"author": "bob"}, {"included_branches": ("dev",)}),  # 1000 < 2000
        ({"labels": ("a",)}, {"missing_labels": ("lgtm",), "labels": ("b",)}),  # 1 < 2
    ],
)
def test_the_query_of_the_smallest_weight_is_told(lighter: dict[str, Any], heavier: dict[str, Any]) -> None:
    alone = told(make_view(1), rules=asking(lighter))
    assert told(make_view(1), rules=asking(heavier, lighter)) == alone
    assert told(make_view(1), rules=asking(lighter, heavier)) == alone


def test_of_equal_weights_the_first_query_is_told() -> None:
    rules = asking({"labels": ("b",)}, {"labels": ("a",)})
    assert told(make_view(1), rules=rules) == (PENDING, "Not mergeable. Needs b label.")


def test_display_all_joins_the_texts_of_the_queries_for_the_branch() -> None:
    rules = asking(
        {"labels": ("a",)},
        {"included_branches": ("dev",), "labels": ("b",)},
        {"author": "bob"},
        {"review_approved_required": True},
        display_all_queries=True,
    )
    text = (
        "Not mergeable. Needs a label OR Must be by author bob OR "
        "PullRequest is missing sufficient approving GitHub review(s)"
    )
    assert told(make_view(1), rules=rules) == (PENDING, text)


def test_display_all_without_any_query_for_the_branch_says_so() -> None:
    rules = asking({"included_branches": ("dev",)}, {"excluded_branches": ("main",)}, display_all_queries=True)
    assert told(make_view(1), rules=rules) == (PENDING, "Not mergeable. No Tide query for branch main found.")


def test_display_all_tells_the_jobs_for_the_query_that_is_met() -> None:
    rules = asking({"labels": ("lgtm",)}, {"labels": ("a",)}, display_all_queries=True)
    found = told(make_view(1, [make_context("unit", FAILURE)]), rules=rules)
    assert found == (PENDING, "Not mergeable. Job unit has not succeeded OR Needs a label.")


def test_contexts_that_have_not_succeeded_are_told_sorted_and_each_once() -> None:
    contexts = [make_context("z", FAILURE), make_context("a", PENDING)]
    rules = make_rules(context_policy=make_policy(["m"]))
    found = told(make_view(1, contexts), rules=rules)
    assert found == (PENDING, "Not mergeable. Jobs a, m, z have not succeeded.")


def test_jobs_that_run_are_told_with_those_that_failed_and_before_a_missing_review() -> None:
    running = make_view(1, [make_context("unit", PENDING)], required=UNIT)
    rules = asking({"review_approved_required": True})
    assert told(running, rules=rules) == (PENDING, "Not mergeable. Job unit has not succeeded.")
    failing = make_view(1, [make_context("lint", FAILURE), make_context("unit", PENDING)], required=UNIT)
    assert told(failing) == (PENDING, "Not mergeable. Jobs lint, unit have not succeeded.")


@pytest.mark.parametrize(
    ("lengths", "shown"),
    [((25, 25), 2), ((25, 26), 1), ((20, 20, 8), 3), ((20, 20, 9), 2), ((60, 1), 1)],
)
def test_lists_of_names_are_cut_at_50_characters_and_the_word_follows_what_is_shown(
    lengths: tuple[int, ...], shown: int
) -> None:
    names = tuple(chr(ord("a") + place) * length for place, length in enumerate(lengths))
    label = "label" if shown == 1 else "labels"
    text = f"Not mergeable. Needs {', '.join(names[:shown])} {label}."
    assert told(make_view(1), rules=asking({"labels": names})) == (PENDING, text)
    have = "Job {} has" if shown == 1 else "Jobs {} have"
    text = f"Not mergeable. {have.format(', '.join(names[:shown]))} not succeeded."
    assert told(make_view(1, [make_context(name, FAILURE) for name in names])) == (PENDING, text)


# Step 4: in the pool.


def test_what_has_passed_on_this_base_is_a_success() -> None:
    assert told(make_view(1, required=UNIT), make_run("unit", 1)) == (SUCCESS, "In merge pool.")


def test_what_merges_despite_github_calling_it_blocked_says_so() -> None:
    view = make_view(1, merge_state=MergeState.BLOCKED)
    assert told(view, rules=make_rules(blocks_policy=BlocksPolicy.PERMIT)) == (
        SUCCESS,
        "In merge pool (despite BLOCKED).",
    )
    assert told(view, rules=make_rules(blocks_policy=BlocksPolicy.IGNORE)) == (SUCCESS, "In merge pool.")


def test_runs_on_this_base_are_a_retest_sorted() -> None:
    runs = [make_run(name, 1, RunState.PENDING) for name in ("unit", "lint")]
    found = told(make_view(1, required=("lint", "unit")), *runs)
    assert found == (PENDING, "Not mergeable. Retesting: lint unit")


def test_a_retest_that_nobody_has_started_is_not_told_as_running() -> None:
    assert told(make_view(1, required=UNIT)) == (PENDING, "Not mergeable. Waiting for a retest: unit")


def test_a_retest_of_too_many_jobs_is_counted() -> None:
    required = tuple(f"pull-rocket-integration-{number}" for number in range(9))
    runs = [make_run(name, 1, RunState.PENDING) for name in required]
    assert told(make_view(1, required=required), *runs) == (PENDING, "Not mergeable. Retesting 9 jobs.")


def test_a_retest_of_one_job_with_an_endless_name_is_counted_as_one() -> None:
    name = "unit-" + "x" * 140
    found = told(make_view(1, required=(name,)), make_run(name, 1, RunState.PENDING))
    assert found == (PENDING, "Not mergeable. Retesting 1 job.")


def test_required_contexts_that_no_job_of_ours_reports_are_not_a_retest() -> None:
    rules = make_rules(context_policy=make_policy(["actions / build"]))
    found = told(make_view(1, [make_context("actions / build")]), rules=rules)
    assert found == (SUCCESS, "In merge pool.")


def test_a_status_that_vouches_for_this_base_is_no_retest_although_its_run_is_gone() -> None:
    base = make_snapshot().base_sha
    view = make_view(1, [make_context("unit", base=base)], required=UNIT)
    assert told(view) == (SUCCESS, "In merge pool.")


def test_members_of_a_batch_that_passed_are_in_the_pool_although_nobody_tested_them_alone() -> None:
    views = (make_view(1, required=UNIT), make_view(2, required=UNIT))
    found = statuses(make_snapshot(*views, runs=[make_run("unit", (1, 2))]))
    assert [(one.expected.state, one.expected.description) for one in found.values()] == [
        (SUCCESS, "In merge pool.")
    ] * 2


def test_a_pool_that_is_paused_or_frozen_shows_no_success() -> None:
    paused = make_rules(settings=QueueSettings(paused=True))
    assert told(make_view(1), rules=paused) == (PENDING, "Not mergeable. The queue is paused in its configuration.")
    frozen = Standing(StandingKind.FROZEN, "a wrong tree")
    assert told(make_view(1), standing=frozen) == (ERROR, "Not mergeable. The pool is frozen: a wrong tree.")


# The context itself.


def test_its_own_context_never_counts_neither_present_nor_required() -> None:
    rules = make_rules(context_policy=make_policy(["tide"]))
    assert told(make_view(1), rules=rules) == (SUCCESS, "In merge pool.")
    own = [make_context("tide", PENDING, "Not mergeable. Needs lgtm label.")]
    assert told(make_view(1, own), rules=rules) == (SUCCESS, "In merge pool.")


def test_a_check_run_of_the_same_name_is_not_its_status() -> None:
    foreign = Context("tide", FAILURE, "In merge pool.", ContextSource.CHECK_RUN)
    assert shown_status(make_pull(1, [foreign])) is None
    own = make_context("tide", SUCCESS, "In merge pool.")
    assert shown_status(make_pull(1, [foreign, own])) == own


# Section 6.4: writing.


def test_a_text_of_140_characters_stays_and_a_longer_one_ends_in_dots() -> None:
    assert fitted("x" * 140) == "x" * 140
    assert fitted("x" * 141) == "x" * 137 + "..."


def test_a_text_is_one_line_that_github_takes_and_that_reads_as_it_is_written() -> None:
    assert fitted("a\n b\u202ec \U0001f680") == "a b\ufffdc \ufffd"


def test_addresses_in_a_reason_are_not_told_to_the_world() -> None:
    view = make_view(1, held="its head cannot be fetched: https://proxy.internal/acme/rocket.git is out of reach")
    found = told(view)
    assert found == (PENDING, "Not mergeable. Held: its head cannot be fetched: [address] is out of reach.")


@pytest.mark.parametrize(
    ("state", "description", "is_same"),
    [(SUCCESS, "a", True), (PENDING, "a", False), (SUCCESS, "b", False)],
)
def test_state_and_description_are_reasons_to_write(state: ContextState, description: str, is_same: bool) -> None:  # noqa: FBT001 - a row of the table
    assert says_the_same(make_context("tide", SUCCESS, "a"), make_context("tide", state, description)) is is_same


def test_a_change_of_the_link_alone_is_no_reason_to_write() -> None:
    status = make_context("tide", SUCCESS, "a")
    assert says_the_same(status, replace(status, target_url="https://elsewhere.test"))
    assert not says_the_same(None, status)


def test_links_are_those_configured_else_our_own_page() -> None:
    snapshot = make_snapshot(make_view(1), rules=make_rules(target_url="https://prow.test/tide"))
    assert statuses(snapshot, "https://queue.test")[1].expected.target_url == "https://prow.test/tide"
    snapshot = make_snapshot(make_view(1))
    assert statuses(snapshot, "https://queue.test/")[1].expected.target_url == "https://queue.test/pull/acme/rocket/1"
    assert statuses(snapshot)[1].expected.target_url == ""


def test_each_status_is_for_the_head_with_what_it_shows() -> None:
    own = make_context("tide", PENDING, "Not mergeable.")
    found = statuses(make_snapshot(make_view(1, [own])))[1]
    assert (found.head, found.shown) == (HeadKey("acme", "rocket", sha(1)), own)


def test_a_head_of_several_pull_requests_tells_of_each_the_best_first() -> None:
    waiting = make_context("tide", PENDING, "Not mergeable. Needs lgtm label.")
    pooled = make_context("tide", SUCCESS, "In merge pool.")
    found = status_of_head({1: waiting, 2: pooled})
    assert (found.state, found.description) == (SUCCESS, "#2: In merge pool. #1: Not mergeable. Needs lgtm label.")
    assert status_of_head({1: waiting, 2: waiting}) == waiting
    assert status_of_head({3: pooled}) == pooled


def test_near_githubs_limit_only_what_matters_is_written() -> None:
    shown, other = make_context("tide", PENDING, "a"), make_context("tide", PENDING, "b")
    success = make_context("tide", SUCCESS, "In merge pool.")
    assert may_write(899, shown, other)
    assert not may_write(900, shown, other)
    assert may_write(989, success, other)
    assert not may_write(990, success, other)
    assert may_write(999, shown, success)
    assert not may_write(1000, shown, success)
