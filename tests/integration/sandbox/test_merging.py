import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.integration.sandbox.world import World
from tide.sandbox.evidence import NewStatus
from tide.sandbox.faults import Fault
from tide.sandbox.merging import MergeRefusedError, MergeRequest, merge_pull
from tide.sandbox.model import PullRequest
from tide.sandbox.protection import BranchProtection, RequiredCheck, RequiredReviews, RequiredStatusChecks


async def test_merge_makes_a_merge_commit_with_base_and_head_as_parents(world: World) -> None:
    pull = await world.pull("boost")
    base = world.repository.branches["main"]
    answer = await world.merge(pull, sha=pull.head_sha)
    assert answer.status_code == 200
    assert answer.json()["message"] == "Pull Request successfully merged"
    commit = await world.repository.git.commit(answer.json()["sha"])
    assert commit.parents == (base, pull.head_sha)
    assert commit.message == "Merge pull request #1 from acme/boost\n\nAdd boost"
    assert world.repository.branches["main"] == commit.sha
    assert (pull.merged, pull.state, pull.merged_by) == (True, "closed", "merge-bot")


async def test_squash_makes_one_commit_with_the_given_message(world: World) -> None:
    pull = await world.pull("boost")
    base = world.repository.branches["main"]
    answer = await world.merge(pull, merge_method="squash", commit_title="Boost (#1)", commit_message="Because.")
    commit = await world.repository.git.commit(answer.json()["sha"])
    assert commit.parents == (base,)
    assert commit.message == "Boost (#1)\n\nBecause."
    assert commit.author_name == "Alice"


async def test_rebase_replays_each_commit_onto_the_base(world: World) -> None:
    pull = await world.pull("boost")
    second = await world.commit(pull.head_sha, "Second", more_txt="more")
    await world.forge.write_branch(world.repository, "boost", second)
    other = await world.pull("other")
    await world.merge(other)
    base = world.repository.branches["main"]
    answer = await world.merge(pull, merge_method="rebase")
    commits = await world.repository.git.commits_between(base, answer.json()["sha"])
    assert [commit.message for commit in commits] == ["Change boost", "Second"]
    assert commits[0].parents == (base,)


async def test_a_pinned_head_that_moved_is_a_409(world: World) -> None:
    pull = await world.pull("boost")
    answer = await world.merge(pull, sha="0" * 40)
    assert answer.status_code == 409
    assert answer.json()["message"] == "Head branch was modified. Review and try the merge again."
    assert not pull.merged


@asynccontextmanager
async def merge_under_way(world: World, pull: PullRequest) -> AsyncIterator[asyncio.Task[str]]:
    """Start a merge that has passed its first checks and goes on at the end of the context."""
    async with world.repository.git._flushing:
        request = MergeRequest(sha=pull.head_sha)
        merging = asyncio.create_task(merge_pull(world.forge, world.repository, pull, request, "merge-bot"))
        # One turn of the loop takes it to its first wait for git.
        await asyncio.sleep(0)
        assert world.repository.git.lock.locked()
        yield merging


async def test_a_head_that_moves_during_the_merge_does_not_land(world: World) -> None:
    pull = await world.pull("boost")
    newer = await world.commit(pull.head_sha, "Newer", newer_txt="newer")
    main = world.repository.branches["main"]
    async with merge_under_way(world, pull) as merging:
        world.forge.branch_moved(world.repository, "boost", newer)
    with pytest.raises(MergeRefusedError, match="Head branch was modified"):
        await merging
    assert (world.repository.branches["main"], pull.merged) == (main, False)


async def test_a_base_that_moves_during_the_merge_is_told(world: World) -> None:
    pull = await world.pull("boost")
    moved = await world.commit(world.repository.branches["main"], "Moved", moved_txt="moved")
    async with merge_under_way(world, pull) as merging:
        await world.repository.git.run("update-ref", "refs/heads/main", moved)
    with pytest.raises(MergeRefusedError, match="Base branch was modified"):
        await merging
    assert not pull.merged


async def test_a_merge_that_takes_too_long_is_never_made(world: World) -> None:
    pull = await world.pull("boost")
    main = world.repository.branches["main"]
    async with merge_under_way(world, pull) as merging:
        world.clock.forward(seconds=11)
    with pytest.raises(MergeRefusedError, match="in time") as refused:
        await merging
    assert refused.value.status == 502
    assert (world.repository.branches["main"], pull.merged) == (main, False)


async def test_a_conflict_is_not_mergeable(world: World) -> None:
    first = await world.pull("first", engine_txt="one\nFIRST\nthree\n")
    second = await world.pull("second", engine_txt="one\nSECOND\nthree\n")
    assert (await world.merge(first)).status_code == 200
    answer = await world.merge(second)
    assert (answer.status_code, answer.json()["message"]) == (405, "Pull Request is not mergeable")
    shown = (await world.get("/pulls/2")).json()
    assert (shown["mergeable"], shown["mergeable_state"]) == (False, "dirty")


async def test_a_merged_pull_is_not_mergeable_again(world: World) -> None:
    pull = await world.pull("boost")
    await world.merge(pull)
    answer = await world.merge(pull)
    assert (answer.status_code, answer.json()["message"]) == (405, "Pull Request is not mergeable")


@pytest.mark.parametrize(
    ("method", "setting", "text"),
    [
        ("merge", "allow_merge_commit", "Merge commits are not allowed on this repository."),
        ("squash", "allow_squash_merge", "Squash merges are not allowed on this repository."),
        ("rebase", "allow_rebase_merge", "Rebase merges are not allowed on this repository."),
    ],
)
async def test_a_method_that_is_switched_off_is_refused(world: World, method: str, setting: str, text: str) -> None:
    world.forge.change_settings(world.repository, "alice", **{setting: False})
    answer = await world.merge(await world.pull("boost"), merge_method=method)
    assert (answer.status_code, answer.json()["message"]) == (405, text)


async def test_required_contexts_must_be_green(world: World) -> None:
    checks = RequiredStatusChecks(checks=(RequiredCheck("unit"), RequiredCheck("lint")))
    world.forge.protect_branch(world.repository, "main", BranchProtection(required_status_checks=checks))
    pull = await world.pull("boost")
    assert (await world.merge(pull)).json()["message"] == "2 of 2 required status checks are expected."
    for context in ("unit", "lint"):
        world.forge.create_status(world.repository, pull.head_sha, NewStatus(context=context, state="success"))
    assert (await world.get("/pulls/1")).json()["mergeable_state"] == "clean"
    assert (await world.merge(pull)).status_code == 200


async def test_strict_protection_wants_the_head_up_to_date(world: World) -> None:
    strict = RequiredStatusChecks(strict=True)
    world.forge.protect_branch(world.repository, "main", BranchProtection(required_status_checks=strict))
    first, second = await world.pull("first"), await world.pull("second")
    assert (await world.merge(first)).status_code == 200
    assert (await world.get("/pulls/2")).json()["mergeable_state"] == "behind"
    assert (await world.merge(second)).status_code == 405
    assert (await world.client.put("/repos/acme/rocket/pulls/2/update-branch")).status_code == 202
    assert (await world.merge(second)).status_code == 200


async def test_required_reviews_count_the_approvals_of_writers(world: World) -> None:
    reviews = RequiredReviews(required_approving_review_count=1)
    world.forge.protect_branch(world.repository, "main", BranchProtection(required_pull_request_reviews=reviews))
    pull = await world.pull("boost")
    refused = await world.merge(pull)
    assert refused.json()["message"] == ("At least 1 approving review is required by reviewers with write access.")
    async with world.as_login("bob") as bob:
        await bob.post("/repos/acme/rocket/pulls/1/reviews", json={"event": "APPROVE"})
    assert (await world.merge(pull)).status_code == 200


async def test_a_merge_queue_rule_refuses_a_merge_over_rest(world: World) -> None:
    body = {"name": "queue", "enforcement": "active", "rules": [{"type": "merge_queue"}]}
    assert (await world.client.post("/repos/acme/rocket/rulesets", json=body)).status_code == 201
    answer = await world.merge(await world.pull("boost"))
    assert (answer.status_code, answer.json()["message"]) == (405, "Changes must be made through the merge queue")


async def test_a_ruleset_does_not_bind_those_who_bypass_it(world: World) -> None:
    bot = world.forge.account("merge-bot")
    ruleset = {
        "name": "checks",
        "enforcement": "active",
        "bypass_actors": [{"actor_id": bot.id, "actor_type": "User", "bypass_mode": "always"}],
        "rules": [{"type": "required_status_checks", "parameters": {"required_status_checks": [{"context": "unit"}]}}],
    }
    await world.client.post("/repos/acme/rocket/rulesets", json=ruleset)
    pull = await world.pull("boost")
    async with world.as_login("bob") as bob:
        refused = await bob.put("/repos/acme/rocket/pulls/1/merge", json={})
    assert refused.status_code == 405
    assert refused.json()["message"].startswith("Repository rule violations found\n\n")
    assert (await world.merge(pull)).status_code == 200


async def test_restricted_branches_take_merges_only_from_those_named(world: World) -> None:
    world.forge.protect_branch(world.repository, "main", BranchProtection(restrictions=frozenset({"merge-bot"})))
    pull = await world.pull("boost")
    async with world.as_login("bob") as bob:
        refused = await bob.put("/repos/acme/rocket/pulls/1/merge", json={})
    assert refused.json()["message"].startswith("You're not authorized to push to this branch. Visit ")
    assert (await world.merge(pull)).status_code == 200


async def test_union_attributes_have_no_say_as_at_github(world: World) -> None:
    sha = await world.commit(world.repository.branches["main"], "Union", **{".gitattributes": "*.txt merge=union\n"})
    await world.forge.write_branch(world.repository, "main", sha)
    first = await world.pull("first", engine_txt="one\nFIRST\nthree\n")
    second = await world.pull("second", engine_txt="one\nSECOND\nthree\n")
    await world.merge(first)
    assert (await world.merge(second)).status_code == 405


async def test_a_pull_whose_changes_are_there_already_squashes_to_an_empty_commit(world: World) -> None:
    first, second = await world.pull("first", a_txt="same"), await world.pull("second", a_txt="same")
    await world.merge(first)
    before = await world.repository.git.commit(world.repository.branches["main"])
    answer = await world.merge(second, merge_method="squash")
    assert answer.status_code == 200
    assert (await world.repository.git.commit(answer.json()["sha"])).tree == before.tree


async def test_the_predicted_tree_is_the_landed_tree(world: World) -> None:
    first = await world.pull("first", engine_txt="ONE\ntwo\nthree\n")
    second = await world.pull("second", engine_txt="one\ntwo\nTHREE\n")
    await world.merge(first)
    predicted = (await world.forge.mergeability(world.repository, second)).merge_commit
    assert predicted is not None
    answer = await world.merge(second)
    assert (await world.repository.git.commit(answer.json()["sha"])).tree == predicted.tree


async def test_a_wrong_tree_lands_when_told_to(world: World) -> None:
    first, second = await world.pull("first"), await world.pull("second")
    await world.merge(first)
    predicted = (await world.forge.mergeability(world.repository, second)).merge_commit
    world.sandbox.faults.add(Fault(kind="wrong_tree", path="/pulls/2/merge"))
    answer = await world.merge(second)
    assert answer.status_code == 200
    landed = await world.repository.git.commit(answer.json()["sha"])
    assert predicted is not None
    assert landed.tree != predicted.tree
    assert landed.parents == predicted.parents


async def test_a_base_changed_just_before_the_merge_lands_elsewhere(world: World) -> None:
    await world.forge.write_branch(world.repository, "release", world.repository.branches["main"])
    pull = await world.pull("boost")
    main = world.repository.branches["main"]
    world.sandbox.faults.add(Fault(kind="retarget_before_merge", path="/merge$", branch="release"))
    answer = await world.merge(pull, sha=pull.head_sha)
    assert answer.status_code == 200
    assert (world.repository.branches["main"], pull.base_ref) == (main, "release")
    assert world.repository.branches["release"] == answer.json()["sha"]


async def test_a_merge_that_contains_another_pull_closes_it_as_merged(world: World) -> None:
    lower = await world.pull("lower")
    await world.branch("upper", "lower", upper_txt="upper")
    created = await world.client.post(
        "/repos/acme/rocket/pulls", json={"title": "Upper", "head": "upper", "base": "main"}
    )
    upper = world.repository.pulls[created.json()["number"]]
    await world.merge(upper)
    assert lower.merged
