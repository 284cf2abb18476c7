"""GitHub's own rules, read from a GitHub that enforces them."""

from dataclasses import replace

import pytest

from tests.contract.code_host.world import MAIN, ROCKET, CodeHostWorld
from tide.domain.actions import Target
from tide.domain.branch_rules import BranchRules
from tide.domain.keys import PoolKey
from tide.domain.outcomes import Merged, NotMerged
from tide.domain.pulls import MergeMethod
from tide.sandbox.protection import (
    BranchProtection,
    BypassActor,
    RequiredCheck,
    RequiredReviews,
    RequiredStatusChecks,
    Rule,
    Ruleset,
)

STRICT = {"required_status_checks": [{"context": "unit"}], "strict_required_status_checks_policy": True}
CHECKS = Rule("required_status_checks", STRICT)
QUEUE = Rule("merge_queue")
WE = BypassActor("User", login="merge-bot")
CLASSIC = BranchProtection(
    required_status_checks=RequiredStatusChecks(strict=True, checks=(RequiredCheck("lint"),)),
    required_pull_request_reviews=RequiredReviews(required_approving_review_count=2),
    required_linear_history=True,
)


def put(world: CodeHostWorld, number: int, *rules: Rule, bypass: tuple[BypassActor, ...] = ()) -> Ruleset:
    now = world.clock.now()
    made = Ruleset(number, "rules", f"RRS_{number}", now, now, rules, bypass_actors=bypass)
    world.sandbox.forge.put_ruleset(world.sandbox.repository, made)
    return made


def protect(world: CodeHostWorld, protection: BranchProtection) -> None:
    world.sandbox.forge.protect_branch(world.sandbox.repository, "main", protection)


async def test_rulesets_and_protection_come_together(world: CodeHostWorld) -> None:
    put(world, 1, CHECKS, Rule("deletion"))
    put(world, 2, QUEUE)
    protect(world, CLASSIC)
    assert await world.host.branch_rules(MAIN) == BranchRules(
        required_contexts=("lint", "unit"),
        is_strict=True,
        requires_queue=True,
        required_approvals=2,
        merge_methods=(MergeMethod.SQUASH, MergeMethod.REBASE),
        requires_linear_history=True,
    )


async def test_rules_bind_the_branches_that_they_name(world: CodeHostWorld) -> None:
    world.sandbox.forge.put_ruleset(
        world.sandbox.repository, replace(put(world, 1, CHECKS), include=("refs/heads/release/*",))
    )
    assert await world.host.branch_rules(MAIN) == BranchRules()
    found = await world.host.branch_rules(PoolKey("acme", "rocket", "release/1.2"))
    assert found == BranchRules(required_contexts=("unit",), is_strict=True)


@pytest.mark.parametrize("enforcement", ["evaluate", "disabled"])
async def test_rules_that_are_not_in_force_are_not_told(world: CodeHostWorld, enforcement: str) -> None:
    made = put(world, 1, CHECKS)
    world.sandbox.forge.put_ruleset(world.sandbox.repository, replace(made, enforcement=enforcement))  # type: ignore[arg-type] # a table of literals
    assert await world.host.branch_rules(MAIN) == BranchRules()


async def test_what_we_may_pass_by_is_left_out_and_does_not_keep_us_from_merging(world: CodeHostWorld) -> None:
    put(world, 1, CHECKS, QUEUE, bypass=(WE,))
    assert await world.host.branch_rules(MAIN) == BranchRules(may_bypass=True)
    opened = await world.sandbox.pull("thrust")
    assert isinstance(await world.host.merge(ROCKET, Target(opened.number, opened.head_sha)), Merged)


async def test_what_binds_us_keeps_us_from_merging(world: CodeHostWorld) -> None:
    put(world, 1, QUEUE, bypass=(BypassActor("User", login="alice"),))
    assert await world.host.branch_rules(MAIN) == BranchRules(requires_queue=True)
    opened = await world.sandbox.pull("thrust")
    assert isinstance(await world.host.merge(ROCKET, Target(opened.number, opened.head_sha)), NotMerged)


async def test_administrators_are_told_whether_protection_is_strict_for_them(world: CodeHostWorld) -> None:
    world.sandbox.forge.set_permission(world.sandbox.repository, "merge-bot", "admin")
    protect(world, replace(CLASSIC, enforce_admins=True))
    assert (await world.host.branch_rules(MAIN)).is_strict
    protect(world, CLASSIC)
    assert await world.host.branch_rules(MAIN) == BranchRules()


async def test_a_branch_that_we_may_not_change_is_told(world: CodeHostWorld) -> None:
    protect(world, BranchProtection(restrictions=frozenset({"alice"})))
    assert not (await world.host.branch_rules(MAIN)).may_push


async def test_rules_that_did_not_change_cost_next_to_nothing(world: CodeHostWorld) -> None:
    put(world, 1, CHECKS)
    await world.host.branch_rules(MAIN)
    before = world.sandbox.sandbox.limits.standing("merge-bot-token", "core").used
    await world.host.branch_rules(MAIN)
    assert world.sandbox.sandbox.limits.standing("merge-bot-token", "core").used == before


async def test_what_is_told_of_many_branches_at_once_costs_a_point(world: CodeHostWorld) -> None:
    pools = [MAIN, *(PoolKey("acme", "rocket", f"release/{number}") for number in range(48))]
    protect(world, CLASSIC)
    alone = await world.host.branch_rules(MAIN)
    before = world.host.calls.points
    await world.host.prepare_branch_rules(pools)
    read = {pool: await world.host.branch_rules(pool) for pool in pools}
    assert world.host.calls.points == before + 1
    assert {pool: rules for pool, rules in read.items() if rules != BranchRules()} == {MAIN: alone}
