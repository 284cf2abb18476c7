"""What the port `CodeHost` promises, over each of its adapters: GitHub, played by the sandbox over HTTP."""

import pytest

from tests.contract.code_host.world import MAIN, OPEN_PULLS, ROCKET, CodeHostWorld, key
from tide.adapters.github.search import PAGE_SIZE
from tide.domain.actions import Target
from tide.domain.errors import NotFound, Unauthorized
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.outcomes import Merged, NotMerged, Refusal
from tide.domain.pulls import (
    ContextSource,
    ContextState,
    Mergeable,
    MergeMethod,
    MergeState,
    RepoSettings,
    ReviewDecision,
)
from tide.policy.commit_text import CommitText
from tide.ports.code_host import Comment, Followed, Searches, StatusPost
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.faults import Fault
from tide.sandbox.protection import BranchProtection, RequiredReviews


async def test_a_search_gives_everything_about_a_pull_request(world: CodeHostWorld) -> None:
    forge, repository = world.sandbox.forge, world.sandbox.repository
    opened = await world.sandbox.pull("thrust")
    milestone = forge.create_milestone(repository, "v1")
    forge.set_milestone(repository, opened, milestone.number)
    for label in ("lgtm", "approved"):
        forge.add_label(repository, opened, label)
    world.set_status(
        opened, NewStatus(context="ci", state="failure", description="no", target_url="https://ci.example/1")
    )
    world.run_check(opened, NewCheckRun(name="build", conclusion="skipped"))
    world.run_check(opened, NewCheckRun(name="lint", status="in_progress"))

    found = await world.host.search_pulls(OPEN_PULLS)

    (pull,) = found.pulls
    assert found.complete
    assert (pull.key, pull.title, pull.author, pull.author_is_bot) == (key(opened), "Add thrust", "alice", False)
    assert (pull.base_branch, pull.head_branch, pull.head_sha) == ("main", "thrust", opened.head_sha)
    assert pull.updated_at == opened.updated_at
    assert (pull.labels, pull.milestone) == (("approved", "lgtm"), "v1")
    assert (pull.is_open, pull.is_merged, pull.is_draft) == (True, False, False)
    assert (pull.mergeable, pull.merge_state) == (Mergeable.MERGEABLE, MergeState.UNSTABLE)
    assert pull.review_decision is ReviewDecision.NONE
    assert pull.contexts_known
    assert [(context.name, context.state, context.source) for context in pull.contexts] == [
        ("build", ContextState.SUCCESS, ContextSource.CHECK_RUN),
        ("ci", ContextState.FAILURE, ContextSource.STATUS),
        ("lint", ContextState.PENDING, ContextSource.CHECK_RUN),
    ]
    assert (pull.contexts[1].description, pull.contexts[1].target_url) == ("no", "https://ci.example/1")


async def test_a_conflict_and_a_missing_review_are_told(world: CodeHostWorld) -> None:
    forge, repository = world.sandbox.forge, world.sandbox.repository
    opened = await world.sandbox.pull("thrust", engine_txt="two\n")
    await forge.write_branch(
        repository, "main", await world.sandbox.commit(repository.branches["main"], engine_txt="3\n")
    )
    reviews = BranchProtection(required_pull_request_reviews=RequiredReviews())
    forge.protect_branch(repository, "main", reviews)
    pull = (await world.host.read_pulls([key(opened)]))[key(opened)]
    assert pull is not None
    assert pull.mergeable is Mergeable.CONFLICTING
    assert pull.review_decision is ReviewDecision.REVIEW_REQUIRED


@pytest.mark.parametrize("count", [0, PAGE_SIZE, PAGE_SIZE + 31])
async def test_a_search_gives_all_pages(world: CodeHostWorld, count: int) -> None:
    await world.pulls(count)
    found = await world.host.search_pulls(OPEN_PULLS)
    assert [pull.number for pull in found.pulls] == list(range(1, count + 1))
    assert found.complete


async def test_a_search_gives_more_than_a_thousand_results(world: CodeHostWorld) -> None:
    await world.pulls(1050)
    found = await world.host.search_pulls(f"{OPEN_PULLS} sort:updated-asc")
    assert sorted(pull.number for pull in found.pulls) == list(range(1, 1051))
    assert found.complete


async def test_more_than_a_hundred_contexts_are_read(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    for number in range(130):
        world.set_status(opened, NewStatus(context=f"ci-{number:03}", state="success"))
    for number in range(120):
        world.run_check(opened, NewCheckRun(name=f"run-{number:03}", conclusion="success"))
    (pull,) = (await world.host.search_pulls(OPEN_PULLS)).pulls
    assert len(pull.contexts) == len({context.name for context in pull.contexts}) == 250
    assert pull.contexts_known


async def test_pull_requests_are_read_past_the_search(world: CodeHostWorld) -> None:
    merged, closed = await world.sandbox.pull("thrust"), await world.sandbox.pull("fins")
    gone = PullKey("acme", "rocket", 99)
    nowhere = PullKey("acme", "no-such-repository", 1)
    world.sandbox.forge.close_pull(world.sandbox.repository, closed)
    assert isinstance(await world.host.merge(ROCKET, Target(merged.number, merged.head_sha)), Merged)
    for _ in range(2):  # the second time they are read by what the first time told
        read = await world.host.read_pulls([gone, key(merged), key(closed), nowhere])
        assert list(read) == [gone, key(merged), key(closed), nowhere]
        assert (read[gone], read[nowhere]) == (None, None)
        states = [(pull.is_open, pull.is_merged) for pull in read.values() if pull]
        assert states == [(False, True), (False, False)]


async def test_pull_requests_that_are_followed_are_given_as_they_are(world: CodeHostWorld) -> None:
    forge, repository = world.sandbox.forge, world.sandbox.repository
    kept, closed, tested = [await world.sandbox.pull(name) for name in ("thrust", "fins", "nose")]
    keys = [key(kept), key(closed), key(tested), PullKey("acme", "rocket", 99)]
    world.sandbox.clock.forward(minutes=5)
    first = await world.host.follow_pulls(keys)
    assert dict(first.pulls) == await world.host.read_pulls(keys)
    assert not first.lost
    world.sandbox.clock.forward(minutes=5)
    forge.close_pull(repository, closed)
    world.set_status(tested, NewStatus(context="unit", state="failure"))
    for watched in ((), keys):
        assert dict((await world.host.follow_pulls(keys, watched=watched)).pulls) == await world.host.read_pulls(keys)


async def test_pull_requests_that_have_not_changed_are_followed_for_one_point(world: CodeHostWorld) -> None:
    keys = [key(pull) for pull in await world.pulls(120)]
    world.sandbox.clock.forward(minutes=5)
    await world.host.search_pulls(OPEN_PULLS)
    before = world.host.calls.points
    await world.host.follow_pulls(keys)
    assert world.host.calls.points - before == 1


async def test_blockers_come_along_with_what_is_followed(world: CodeHostWorld) -> None:
    query = 'is:issue label:"tide/merge-blocker" repo:"acme/rocket" state:open'
    forge, repository = world.sandbox.forge, world.sandbox.repository
    pull = await world.sandbox.pull("thrust")
    forge.open_issue(repository, title="Broken branch:main", labels=["tide/merge-blocker"])
    world.sandbox.clock.forward(minutes=5)
    await world.host.read_pulls([key(pull)])
    followed = await world.host.follow_pulls([key(pull)], along=Searches(blockers=query))
    assert followed.blockers == await world.host.search_blockers(query)
    assert (await world.host.follow_pulls([key(pull)])).blockers is None


async def test_what_has_changed_comes_along_with_what_is_followed(world: CodeHostWorld) -> None:
    forge, repository, clock = world.sandbox.forge, world.sandbox.repository, world.sandbox.clock
    followed, untouched, changed = [await world.sandbox.pull(name) for name in ("thrust", "fins", "nose")]
    clock.forward(minutes=5)
    searched_at = clock.now
    await world.host.search_pulls(OPEN_PULLS)
    clock.forward(minutes=5)
    forge.add_label(repository, changed, "lgtm")
    opened = await world.sandbox.pull("tail")
    told = await world.host.follow_pulls([key(followed)], along=Searches(changes=OPEN_PULLS))
    assert sorted(told.pulls) == [key(followed), key(changed), key(opened)]
    assert dict(told.pulls) == await world.host.read_pulls([*told.pulls])
    assert told.changed is not None
    assert {moment: [pull.key for pull in pulls] for moment, pulls in told.changed.items()} == {
        searched_at: [key(untouched)]
    }


async def test_what_has_changed_is_read_only_once_when_it_has_settled(world: CodeHostWorld) -> None:
    followed, changed = [await world.sandbox.pull(name) for name in ("thrust", "fins")]
    along = Searches(changes=OPEN_PULLS)
    world.sandbox.clock.forward(minutes=5)
    await world.host.search_pulls(OPEN_PULLS)
    world.sandbox.forge.add_label(world.sandbox.repository, changed, "lgtm")
    points, told = list[int](), list[Followed]()
    for _ in range(4):
        before = world.host.calls.points
        told.append(await world.host.follow_pulls([key(followed)], along=along))
        points.append(world.host.calls.points - before)
        world.sandbox.clock.forward(minutes=1)
    assert points == [2, 1, 1, 1]
    assert [pull.labels for pulls in (told[-1].changed or {}).values() for pull in pulls] == [("lgtm",)]


async def test_changes_that_do_not_come_along_as_a_whole_are_not_given(world: CodeHostWorld) -> None:
    pulls = await world.pulls(101)
    world.sandbox.clock.forward(minutes=5)
    await world.host.search_pulls(OPEN_PULLS)
    followed = await world.host.follow_pulls([key(pulls[0])], along=Searches(changes=OPEN_PULLS))
    assert followed.changed is None
    assert (await world.host.follow_pulls([key(pulls[0])])).changed is None


async def test_no_pull_requests_are_read_without_asking(world: CodeHostWorld) -> None:
    assert await world.host.read_pulls([]) == {}
    assert not world.host.calls.counts


@pytest.mark.parametrize("branch", ["main", "release/1.2", "a#b", "50%25", "grün"])
async def test_a_branch_has_a_head(world: CodeHostWorld, branch: str) -> None:
    sha = world.sandbox.repository.branches["main"]
    await world.sandbox.forge.write_branch(world.sandbox.repository, branch, sha)
    assert await world.host.branch_head(PoolKey("acme", "rocket", branch)) == sha


async def test_a_moved_branch_is_seen_at_once(world: CodeHostWorld) -> None:
    before = await world.host.branch_head(MAIN)
    after = await world.sandbox.commit(before, "Next", engine_txt="two\n")
    await world.sandbox.forge.write_branch(world.sandbox.repository, "main", after)
    assert await world.host.branch_head(MAIN) == after


@pytest.mark.parametrize("pool", ["acme/rocket:mai", "acme/rocket:none", "acme/none:main"])
async def test_a_branch_that_does_not_exist_is_not_found(world: CodeHostWorld, pool: str) -> None:
    with pytest.raises(NotFound):
        await world.host.branch_head(PoolKey.parse(pool))


async def test_a_commit_has_its_tree_and_parents(world: CodeHostWorld) -> None:
    repository = world.sandbox.repository
    opened = await world.sandbox.pull("thrust")
    answer = await world.host.merge(ROCKET, Target(opened.number, opened.head_sha))
    assert isinstance(answer, Merged)
    commit = await world.host.commit(ROCKET, answer.sha)
    assert commit.sha == await world.host.branch_head(MAIN)
    assert commit.parents[1] == opened.head_sha
    assert commit.tree == (await repository.git.commit(answer.sha)).tree


async def test_a_commit_that_does_not_exist_is_not_found(world: CodeHostWorld) -> None:
    with pytest.raises(NotFound):
        await world.host.commit(ROCKET, "f" * 40)


async def test_settings_are_read_as_they_are_now(world: CodeHostWorld) -> None:
    assert await world.host.repo_settings(ROCKET) == RepoSettings()
    world.sandbox.forge.change_settings(world.sandbox.repository, allow_rebase_merge=False)
    assert not (await world.host.repo_settings(ROCKET)).allows(MergeMethod.REBASE)


async def test_settings_of_no_repository_are_not_found(world: CodeHostWorld) -> None:
    with pytest.raises(NotFound):
        await world.host.repo_settings(RepoKey("acme", "none"))


async def test_blockers_are_found_with_their_branches(world: CodeHostWorld) -> None:
    forge, repository = world.sandbox.forge, world.sandbox.repository
    everywhere = forge.open_issue(repository, title="All stop", labels=["tide/merge-blocker"])
    here = forge.open_issue(repository, title="Broken branch:release-1", labels=["tide/merge-blocker"])
    done = forge.open_issue(repository, title="Done", labels=["tide/merge-blocker"])
    forge.set_issue_state(repository, done, "closed")
    found = await world.host.search_blockers('is:issue label:"tide/merge-blocker" repo:"acme/rocket" state:open')
    assert sorted((one.blocker.number, one.blocker.title, one.blocker.branches) for one in found) == [
        (everywhere.number, "All stop", ()),
        (here.number, "Broken", ("release-1",)),
    ]
    assert {one.repo for one in found} == {ROCKET}


async def test_a_posted_status_is_a_context_of_the_head(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    post = StatusPost("tide", ContextState.PENDING, "Not mergeable.", "https://queue.example/")
    for _ in range(2):
        assert await world.host.post_status(ROCKET, opened.head_sha, post)
    (pull,) = (await world.host.search_pulls(OPEN_PULLS)).pulls
    (context,) = pull.contexts
    assert (context.name, context.state) == ("tide", ContextState.PENDING)
    assert (context.description, context.target_url) == ("Not mergeable.", "https://queue.example/")


async def test_a_commit_full_of_statuses_is_let_be(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    for _ in range(1000):
        world.set_status(opened, NewStatus(context="tide", state="pending"))
    pooled = StatusPost("tide", ContextState.SUCCESS, "In merge pool.")
    assert not await world.host.post_status(ROCKET, opened.head_sha, pooled)
    (pull,) = (await world.host.search_pulls(OPEN_PULLS)).pulls
    assert pull.contexts[0].state is ContextState.PENDING


@pytest.mark.parametrize("method", MergeMethod)
async def test_a_merge_lands_by_its_method(world: CodeHostWorld, method: MergeMethod) -> None:
    opened = await world.sandbox.pull("thrust")
    base = await world.host.branch_head(MAIN)
    answer = await world.host.merge(ROCKET, Target(opened.number, opened.head_sha, method))
    assert answer == Merged(await world.host.branch_head(MAIN))
    parents = (await world.host.commit(ROCKET, await world.host.branch_head(MAIN))).parents
    assert parents == ((base, opened.head_sha) if method is MergeMethod.MERGE else (base,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CommitText("Thrust (#1)", "Because."), "Thrust (#1)\n\nBecause."),
        (CommitText("Thrust (#1)", None), "Thrust (#1)\n\nAdd thrust"),
        (CommitText(None, "Because."), "Merge pull request #1 from acme/thrust\n\nBecause."),
    ],
)
async def test_a_merge_says_what_it_is_told_to_say(world: CodeHostWorld, text: CommitText, message: str) -> None:
    opened = await world.sandbox.pull("thrust")
    answer = await world.host.merge(ROCKET, Target(opened.number, opened.head_sha), text)
    assert isinstance(answer, Merged)
    assert (await world.sandbox.repository.git.commit(answer.sha)).message == message


async def test_comments_are_read_and_told_whose_they_are(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    assert await world.host.comments(key(opened)) == ()
    forge, repository = world.sandbox.forge, world.sandbox.repository
    ours, theirs = (forge.comment(repository, opened, f"by {login}", login) for login in ("merge-bot", "alice"))
    assert await world.host.comments(key(opened)) == (
        Comment(ours.id, "by merge-bot", is_ours=True),
        Comment(theirs.id, "by alice", is_ours=False),
    )


async def test_all_comments_are_read(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    for number in range(130):
        world.sandbox.forge.comment(world.sandbox.repository, opened, f"{number}", "alice")
    assert [comment.body for comment in await world.host.comments(key(opened))] == [str(each) for each in range(130)]


async def test_a_deleted_comment_is_gone_and_may_be_deleted_again(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    made = world.sandbox.forge.comment(world.sandbox.repository, opened, "x", "merge-bot")
    for _ in range(2):
        await world.host.delete_comment(ROCKET, made.id)
    assert await world.host.comments(key(opened)) == ()


async def test_a_comment_that_may_not_be_deleted_is_told(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    made = world.sandbox.forge.comment(world.sandbox.repository, opened, "x", "merge-bot")
    world.sandbox.sandbox.faults.add(Fault(kind="status", method="DELETE", path="/issues/comments/", status=403))
    with pytest.raises(Unauthorized):
        await world.host.delete_comment(ROCKET, made.id)


async def test_a_merge_of_another_head_is_refused(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    decided_for = opened.head_sha
    moved = await world.sandbox.commit(decided_for, "More", more_txt="more")
    await world.sandbox.forge.write_branch(world.sandbox.repository, "thrust", moved, actor="alice")
    answer = await world.host.merge(ROCKET, Target(opened.number, decided_for))
    assert isinstance(answer, NotMerged)
    assert answer.refusal is Refusal.HEAD_MODIFIED


async def test_a_merge_that_conflicts_is_refused(world: CodeHostWorld) -> None:
    repository = world.sandbox.repository
    opened = await world.sandbox.pull("thrust", engine_txt="two\n")
    other = await world.sandbox.commit(repository.branches["main"], engine_txt="3\n")
    await world.sandbox.forge.write_branch(repository, "main", other)
    answer = await world.host.merge(ROCKET, Target(opened.number, opened.head_sha))
    assert isinstance(answer, NotMerged)
    assert answer.refusal is Refusal.UNMERGEABLE


@pytest.mark.parametrize(
    ("method", "setting"),
    [
        (MergeMethod.MERGE, "allow_merge_commit"),
        (MergeMethod.SQUASH, "allow_squash_merge"),
        (MergeMethod.REBASE, "allow_rebase_merge"),
    ],
)
async def test_a_method_that_is_not_allowed_is_refused(world: CodeHostWorld, method: MergeMethod, setting: str) -> None:
    opened = await world.sandbox.pull("thrust")
    setattr(world.sandbox.repository.settings, setting, False)
    answer = await world.host.merge(ROCKET, Target(opened.number, opened.head_sha, method))
    assert isinstance(answer, NotMerged)
    assert answer.refusal is Refusal.METHOD_FORBIDDEN


async def test_a_merge_by_one_who_may_not_push_is_refused(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    protection = BranchProtection(restrictions=frozenset({"bob"}))
    world.sandbox.forge.protect_branch(world.sandbox.repository, "main", protection)
    answer = await world.host.merge(ROCKET, Target(opened.number, opened.head_sha))
    assert isinstance(answer, NotMerged)
    assert answer.refusal is Refusal.UNAUTHORIZED


async def test_a_pull_request_is_merged_once(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    target = Target(opened.number, opened.head_sha)
    assert isinstance(await world.host.merge(ROCKET, target), Merged)
    answer = await world.host.merge(ROCKET, target)
    assert isinstance(answer, NotMerged)
    assert answer.refusal is Refusal.UNMERGEABLE


async def test_a_refused_token_is_unauthorized_everywhere(world: CodeHostWorld) -> None:
    world.sandbox.sandbox.tokens.revoked.add("merge-bot-token")
    with pytest.raises(Unauthorized, match=str(world.token_file)):
        await world.host.search_pulls(OPEN_PULLS)
    with pytest.raises(Unauthorized):
        await world.host.branch_head(MAIN)
    with pytest.raises(Unauthorized):
        await world.host.merge(ROCKET, Target(1, "a" * 40))
