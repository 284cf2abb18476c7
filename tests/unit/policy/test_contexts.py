from dataclasses import replace

import pytest

from tests.builders import FAILURE, PENDING, make_context, make_job
from tide.domain.pulls import Context, ContextSource, ContextState
from tide.domain.rules import ContextPolicy
from tide.policy.contexts import (
    ContextOptions,
    build_context_policy,
    gone,
    is_optional,
    missing,
    must_be_watched,
    unsuccessful,
)

POLICY = ContextPolicy(required=("must",), required_if_present=("may",), optional=("no",), optional_patterns=("^opt/",))


def test_with_nothing_configured_every_context_counts() -> None:
    assert not is_optional(ContextPolicy(), "anything")


@pytest.mark.parametrize(
    ("name", "optional"), [("must", False), ("may", False), ("no", True), ("opt/x", True), ("x/opt/", False)]
)
def test_lists_say_what_is_optional(name: str, optional: bool) -> None:  # noqa: FBT001 - a table
    assert is_optional(POLICY, name) is optional


def test_unknown_contexts_can_be_skipped_but_known_ones_cannot() -> None:
    policy = ContextPolicy(required=("must",), required_if_present=("may",), skip_unknown=True)
    assert is_optional(policy, "unknown")
    assert not is_optional(policy, "must")
    assert not is_optional(policy, "may")


def test_unsuccessful_are_the_ones_that_count_and_have_not_succeeded_or_are_missing() -> None:
    contexts = [
        make_context("z", FAILURE),
        make_context("may", PENDING),
        make_context("no", FAILURE),
        make_context("opt/x", FAILURE),
        make_context("tide", PENDING),
        make_context("fine"),
    ]
    found = [(context.name, context.state) for context in unsuccessful(POLICY, contexts)]
    assert found == [("may", PENDING), ("must", ContextState.EXPECTED), ("z", FAILURE)]


def test_a_status_and_a_check_run_of_one_name_both_count() -> None:
    contexts = [make_context("x"), Context("x", FAILURE, source=ContextSource.CHECK_RUN)]
    assert [context.source for context in unsuccessful(ContextPolicy(), contexts)] == [ContextSource.CHECK_RUN]


def test_jobs_that_always_run_are_required_and_conditional_ones_if_present() -> None:
    jobs = [
        make_job("always"),
        make_job("files", run_if_changed="go$"),
        make_job("manual", always_run=False),
        make_job("optional", optional=True),
        make_job("silent", skip_report=True),
        make_job("elsewhere", branches=("^release-",)),
    ]
    policy = build_context_policy(ContextOptions(), jobs, "main")
    assert policy == ContextPolicy(
        required=("always",), required_if_present=("files", "manual"), optional=("optional", "silent")
    )


def test_manual_jobs_are_required_where_branch_protection_says_so() -> None:
    jobs = [make_job("manual", always_run=False), make_job("files", run_if_changed="go$")]
    policy = build_context_policy(ContextOptions(), jobs, "main", ("cla",), require_manually_triggered=True)
    assert policy.required == ("cla", "manual")
    assert policy.required_if_present == ("files",)


def test_inner_options_win_and_lists_are_united() -> None:
    outer = ContextOptions(required=("b",), skip_unknown=True, from_branch_protection=False)
    inner = ContextOptions(required=("a", "b"), optional_patterns=("x",), from_branch_protection=True)
    assert outer.refined_by(inner) == ContextOptions(
        required=("a", "b"), optional_patterns=("x",), skip_unknown=True, from_branch_protection=True
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ContextOptions(required=("x",), optional=("x",)), "contexts x are defined as required and optional"),
        (ContextOptions(required=("x",), required_if_present=("x",)), "required and required if present"),
        (ContextOptions(optional=("x",), required_if_present=("x",)), "optional and required if present"),
        (ContextOptions(required=("xy",), optional_patterns=("x",)), "matches required context xy"),
        (ContextOptions(required_if_present=("xy",), optional_patterns=("y$",)), "required if present context xy"),
        (ContextOptions(optional_patterns=("(",)), "doesn't compile"),
    ],
)
def test_contradictions_are_refused(options: ContextOptions, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_context_policy(options, (), "main")


def test_a_context_that_two_jobs_make_required_and_optional_is_refused() -> None:
    jobs = [make_job("a", context="same"), make_job("b", context="same", optional=True)]
    with pytest.raises(ValueError, match="contexts same are defined as required and optional"):
        build_context_policy(ContextOptions(), jobs, "main")


def test_a_check_run_that_is_gone_is_pending_and_a_status_never_goes() -> None:
    check = Context("build", ContextState.FAILURE, source=ContextSource.CHECK_RUN)
    status = Context("unit", ContextState.SUCCESS)
    assert gone([check, status], [status]) == (replace(check, state=ContextState.PENDING),)
    assert gone([check, status], [replace(check, state=ContextState.SUCCESS)]) == ()
    assert gone([check], [replace(status, name="build")]) == (replace(check, state=ContextState.PENDING),)


def run(name: str, state: ContextState = ContextState.SUCCESS, suite: str = "") -> Context:
    return Context(name, state, source=ContextSource.CHECK_RUN, suite=suite)


def test_of_check_runs_of_one_name_as_many_are_missed_as_there_were() -> None:
    both = [run("build", suite="one"), run("build", suite="two")]
    assert gone(both, both) == ()
    assert [one.state for one in gone(both, both[1:])] == [PENDING]
    assert len(gone(both, [])) == 2


def test_whatever_is_wanted_and_not_there_is_pending() -> None:
    wanted = [make_context("unit"), run("unit"), run("build", FAILURE)]
    lacking = missing(wanted, [make_context("unit", FAILURE), run("build")])
    assert lacking == (run("unit", PENDING),)


def test_check_runs_of_one_name_all_count() -> None:
    contexts = [run("build", suite="one"), run("build", FAILURE, "two"), run("build", PENDING, "three")]
    assert {one.suite for one in unsuccessful(ContextPolicy(), contexts)} == {"two", "three"}
    required = ContextPolicy(required=("build",), skip_unknown=True)
    assert {one.suite for one in unsuccessful(required, contexts)} == {"two", "three"}


MUST = make_context("must")


@pytest.mark.parametrize(
    "contexts",
    [
        [MUST],
        [MUST, run("build")],
        [make_context("must", FAILURE)],
        [make_context("must", FAILURE), make_context("no", FAILURE), run("build", FAILURE)],
        [make_context("must", PENDING), run("build", PENDING)],
        [make_context("must", PENDING), make_context("tide", PENDING)],
    ],
)
def test_the_sum_of_the_contexts_tells_enough(contexts: list[Context]) -> None:
    assert not must_be_watched(POLICY, (), contexts)


@pytest.mark.parametrize(
    "contexts",
    [
        [],
        [run("build")],
        [MUST, run("build", FAILURE)],
        [MUST, run("build", PENDING)],
        [MUST, make_context("no", FAILURE)],
        [MUST, make_context("tide", PENDING)],
        [run("must", FAILURE)],
        [make_context("must", PENDING), make_context("no", FAILURE)],
        [make_context("must", PENDING), run("build", FAILURE)],
    ],
)
def test_check_runs_that_come_up_unseen_may_change_what_stands_against_merging(contexts: list[Context]) -> None:
    assert must_be_watched(POLICY, (), contexts)


def test_a_job_without_a_context_is_waited_for() -> None:
    assert must_be_watched(POLICY, ("unit",), [MUST])
    assert not must_be_watched(POLICY, ("unit",), [MUST, run("unit")])
