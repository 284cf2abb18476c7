"""The GitHub client against a GitHub where things go wrong."""

from functools import partial

import pytest

from tests.contract.code_host.world import MAIN, OPEN_PULLS, ROCKET, CodeHostWorld, key
from tide.adapters.github.calls import CallKind
from tide.adapters.github.listing import PullLister
from tide.adapters.github.search import PAGE_SIZE, Page, find_all
from tide.domain.actions import Target
from tide.domain.errors import RateLimited, Unauthorized, Unavailable
from tide.domain.outcomes import NotMerged, Refusal
from tide.domain.pulls import ContextState, Mergeable
from tide.ports.code_host import StatusPost
from tide.sandbox.evidence import NewStatus
from tide.sandbox.faults import Fault

HTML = "<html><body>502 Bad Gateway</body></html>"
PASSING = [
    Fault(kind="status", status=502, body=HTML, nth=(1,)),
    Fault(kind="status", status=500, nth=(1,)),
    Fault(kind="truncate", nth=(1,)),
    Fault(kind="disconnect", nth=(1,)),
]
SILENCE = Fault(kind="timeout", nth=(1,))


def break_off(world: CodeHostWorld, fault: Fault) -> None:
    world.sandbox.sandbox.faults.add(fault)


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind}-{fault.status}")
async def test_reads_outlive_what_passes(world: CodeHostWorld, fault: Fault) -> None:
    await world.pulls(3)
    break_off(world, fault)
    assert await world.host.branch_head(MAIN) == world.sandbox.repository.branches["main"]
    world.sandbox.sandbox.faults.clear()
    break_off(world, fault)
    found = await world.host.search_pulls(OPEN_PULLS)
    assert (len(found.pulls), found.complete) == (3, True)


async def test_a_read_outlives_silence(world: CodeHostWorld) -> None:
    break_off(world, SILENCE)
    async with world.impatient() as host:
        assert await host.branch_head(MAIN) == world.sandbox.repository.branches["main"]
        assert host.calls.counts[CallKind.REST_GET] > 1


@pytest.mark.parametrize("fault", [*PASSING, SILENCE], ids=lambda fault: f"{fault.kind}-{fault.status}")
async def test_a_merge_whose_answer_is_lost_was_sent_once(world: CodeHostWorld, fault: Fault) -> None:
    opened = await world.sandbox.pull("thrust")
    lost = fault.model_copy(update={"when": "after", "method": "PUT", "nth": ()})
    break_off(world, lost)
    async with world.impatient() as host:
        with pytest.raises(Unavailable):
            await host.merge(ROCKET, Target(opened.number, opened.head_sha))
    (rule,) = world.sandbox.sandbox.faults.listed()
    assert rule["seen"] == 1
    pull = (await world.host.read_pulls([key(opened)]))[key(opened)]
    assert pull is not None
    assert pull.is_merged


async def test_a_search_that_fails_at_its_third_page_keeps_two(world: CodeHostWorld) -> None:
    await world.pulls(100)
    break_off(world, Fault(kind="status", status=502, body=HTML, operation="SearchPulls", nth=(3, 4, 5)))
    found = await world.host.search_pulls(OPEN_PULLS)
    assert len(found.pulls) == 2 * PAGE_SIZE
    assert not found.complete
    assert "502 Bad Gateway" in found.error


async def test_a_page_that_breaks_off_makes_the_search_incomplete(world: CodeHostWorld) -> None:
    await world.pulls(10)
    break_off(world, Fault(kind="partial_page"))
    found = await world.host.search_pulls(OPEN_PULLS)
    assert len(found.pulls) == 5
    assert not found.complete
    assert "5 results could not be read: Something went wrong" in found.error


async def test_contexts_that_cannot_be_read_hold_only_their_pull_request(world: CodeHostWorld) -> None:
    many, few = await world.sandbox.pull("thrust"), await world.sandbox.pull("fins")
    for number in range(101):
        world.set_status(many, NewStatus(context=f"ci-{number}", state="success"))
    break_off(world, Fault(kind="status", status=502, body=HTML, operation="HeadContexts"))
    found = await world.host.search_pulls(OPEN_PULLS)
    assert {pull.number: pull.contexts_known for pull in found.pulls} == {many.number: False, few.number: True}
    assert found.complete


async def test_an_unknown_mergeability_is_told(world: CodeHostWorld) -> None:
    await world.sandbox.pull("thrust")
    break_off(world, Fault(kind="stale_mergeable"))
    (pull,) = (await world.host.search_pulls(OPEN_PULLS)).pulls
    assert pull.mergeable is Mergeable.UNKNOWN


@pytest.mark.parametrize("code", [403, 429])
@pytest.mark.parametrize("retry_after", [None, 20])
async def test_a_secondary_limit_is_waited_for(world: CodeHostWorld, code: int, retry_after: int | None) -> None:
    fault = Fault.model_validate(
        {"kind": "secondary_rate_limit", "code": code, "retry_after": retry_after, "nth": (1,)}
    )
    break_off(world, fault)
    assert await world.host.branch_head(MAIN) == world.sandbox.repository.branches["main"]
    assert world.clock.slept == [60 if retry_after is None else retry_after + 1]


async def test_a_spent_hour_of_graphql_is_waited_for_and_rest_goes_on(world: CodeHostWorld) -> None:
    limits = world.sandbox.sandbox.limits
    reset = limits.exhaust("merge-bot-token", "graphql").reset
    with pytest.raises(RateLimited) as caught:
        await world.host.search_pulls(OPEN_PULLS)
    assert (caught.value.until - reset).total_seconds() == 1
    assert await world.host.branch_head(MAIN) == world.sandbox.repository.branches["main"]
    assert world.clock.slept == []
    world.sandbox.clock.now = caught.value.until
    assert (await world.host.search_pulls(OPEN_PULLS)).complete


async def test_a_limited_merge_was_not_carried_out(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    break_off(world, Fault(kind="secondary_rate_limit", method="PUT", retry_after=5))
    with pytest.raises(RateLimited):
        await world.host.merge(ROCKET, Target(opened.number, opened.head_sha))
    assert not opened.merged
    assert world.clock.slept == []


async def test_a_moved_base_is_told_apart(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    message = "Base branch was modified. Review and try the merge again."
    break_off(world, Fault(kind="status", method="PUT", status=405, body={"message": message}))
    answer = await world.host.merge(ROCKET, Target(opened.number, opened.head_sha))
    assert answer == NotMerged(Refusal.BASE_MODIFIED, message)


async def test_a_status_is_not_posted_twice(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    break_off(world, Fault(kind="status", status=502, body=HTML, method="POST", path="/statuses/", when="after"))
    with pytest.raises(Unavailable):
        await world.host.post_status(ROCKET, opened.head_sha, StatusPost("tide", ContextState.SUCCESS, ""))
    assert len(world.sandbox.repository.statuses[opened.head_sha]) == 1


async def test_an_unchanged_branch_costs_no_point_of_the_hour(world: CodeHostWorld) -> None:
    for _ in range(5):
        await world.host.branch_head(MAIN)
    assert world.host.calls.counts == {CallKind.REST_GET: 1, CallKind.REST_NOT_MODIFIED: 4}
    assert world.sandbox.sandbox.limits.standing("merge-bot-token", "core").used == 1


async def test_the_points_counted_are_those_that_github_takes(world: CodeHostWorld) -> None:
    await world.pulls(80)
    await world.host.search_pulls(OPEN_PULLS)
    used = world.sandbox.sandbox.limits.standing("merge-bot-token", "graphql").used
    assert world.host.calls.points == used > 0
    assert world.host.calls.counts[CallKind.GRAPHQL] == 2


async def test_results_that_drop_out_between_pages_hide_nothing(world: CodeHostWorld) -> None:
    opened = await world.pulls(80)
    forge, repository = world.sandbox.forge, world.sandbox.repository
    pages: list[str | None] = []

    async def closing_meanwhile(query: str, after: str | None) -> Page:
        page = await world.host.pulls.search_page(query, after)
        if not pages:
            forge.close_pull(repository, opened[0])
        pages.append(after)
        return page

    lister = PullLister(world.host.client, world.host.graph, world.host.pulls)
    found = await find_all(closing_meanwhile, OPEN_PULLS, partial(lister.rest, org=""))
    assert {pull.number for pull in found.pulls} == {pull.number for pull in opened}
    assert found.complete


async def test_the_start_is_verified(world: CodeHostWorld) -> None:
    await world.host.verify()
    world.sandbox.sandbox.tokens.revoked.add("merge-bot-token")
    with pytest.raises(Unauthorized, match=f"GitHub refuses the token in {world.token_file}"):
        await world.host.verify()


async def test_a_new_token_is_used_without_a_restart(world: CodeHostWorld) -> None:
    tokens = world.sandbox.sandbox.tokens
    tokens.only_registered = True
    assert await world.host.branch_head(MAIN)
    tokens.revoked.add("merge-bot-token")
    tokens.register("new-token", "merge-bot")
    world.token_file.write_text("new-token")
    assert await world.host.branch_head(MAIN)


async def test_more_than_a_thousand_pull_requests_are_all_found(world: CodeHostWorld) -> None:
    opened = await world.pulls(1030)
    found = await world.host.search_pulls(OPEN_PULLS)
    assert {pull.number for pull in found.pulls} == {pull.number for pull in opened}
    assert (found.complete, found.error) == (True, "")
