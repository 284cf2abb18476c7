from datetime import timedelta
from typing import Any

import pytest

from tests.unit.sandbox.graphql.world import World
from tide.sandbox.faults import STRIKING, Fault
from tide.sandbox.graphql import SearchIndex, routes
from tide.sandbox.protection import BranchProtection, RequiredReviews

PAGE = """query($text: String!, $first: Int!, $after: String) {
  search(type: ISSUE, query: $text, first: $first, after: $after) {
    issueCount pageInfo { hasNextPage endCursor } nodes { ... on PullRequest { number } } } }"""


async def test_labels_are_demands_and_commas_are_alternatives(world: World) -> None:
    repository = await world.repository()
    world.pull(repository, labels=("lgtm", "approved"))
    world.pull(repository, labels=("lgtm",))
    world.pull(repository, labels=("approved", "hold"))
    assert await world.search('is:pr label:"lgtm" label:"approved"') == ["acme/rocket#1"]
    assert await world.search('is:pr label:"LGTM","hold" sort:created-asc') == [f"acme/rocket#{n}" for n in (1, 2, 3)]
    assert await world.search('is:pr label:approved -label:"hold"') == ["acme/rocket#1"]


async def test_targets_are_alternatives_and_exclusions_take_away(world: World) -> None:
    for name in ("acme/rocket", "acme/attic", "umbrella/rain", "umbrella/sun"):
        world.pull(await world.repository(name))
    text = "is:pr state:open org:acme repo:umbrella/rain -repo:acme/attic sort:created-asc"
    assert await world.search(text) == ["acme/rocket#1", "umbrella/rain#1"]
    assert len(await world.search("is:pr")) == 4
    assert await world.search("is:pr -org:acme -repo:UMBRELLA/sun") == ["umbrella/rain#1"]


async def test_several_bases_are_alternatives_and_excluded_ones_are_not(world: World) -> None:
    repository = await world.repository()
    repository.branches["old"] = "2" * 40
    for base in ("main", "release", "old"):
        world.pull(repository, base_ref=base)
    assert await world.search('base:"main" base:"release" sort:created-asc') == ["acme/rocket#1", "acme/rocket#2"]
    assert await world.search('-base:"main" -base:"old"') == ["acme/rocket#2"]


async def test_kinds_and_states(world: World) -> None:
    repository = await world.repository()
    world.pull(repository)
    world.forge.close_pull(repository, world.pull(repository))
    world.forge.pull_merged(repository, world.pull(repository), "3" * 40, method="merge")
    world.forge.open_issue(repository, title="broken", labels=["bug"])
    expected = {
        "is:pr is:open": [1],
        "is:pr is:closed": [3, 2],
        "is:issue state:open": [4],
        "-is:pr label:bug": [4],
    }
    found = {text: await world.search(text) for text in expected}
    assert found == {text: [f"acme/rocket#{number}" for number in numbers] for text, numbers in expected.items()}


async def test_archived_repositories_are_left_out_on_request(world: World) -> None:
    repository = await world.repository()
    world.pull(repository)
    world.forge.change_settings(repository, archived=True)
    assert await world.search("is:pr archived:false") == []
    assert await world.search("is:pr archived:true") == ["acme/rocket#1"]


async def test_authors_people_and_bots_are_told_apart(world: World) -> None:
    repository = await world.repository()
    world.pull(repository, author="alice")
    world.pull(repository, author="gardener[bot]")
    world.pull(repository, author="gardener")
    assert await world.search("author:Alice") == ["acme/rocket#1"]
    assert await world.search("author:app/gardener") == ["acme/rocket#2"]
    assert await world.search('author:"gardener[bot]"') == ["acme/rocket#2"]
    assert await world.search("author:gardener") == ["acme/rocket#3"]
    assert await world.search("author:alice author:gardener -author:alice") == ["acme/rocket#3"]


async def test_a_milestone_is_found_by_its_title(world: World) -> None:
    repository = await world.repository()
    pull, _ = world.pull(repository), world.pull(repository)
    milestone = world.forge.create_milestone(repository, "v1.0 Final")
    world.forge.set_milestone(repository, pull, milestone.number)
    assert await world.search('milestone:"V1.0 final"') == ["acme/rocket#1"]


async def test_review_state_is_that_of_the_pull_request(world: World) -> None:
    repository = await world.repository()
    world.forge.protect_branch(repository, "main", BranchProtection(required_pull_request_reviews=RequiredReviews()))
    approved, refused, _ = (world.pull(repository) for _ in range(3))
    world.forge.submit_review(repository, approved, author="bob", state="APPROVED")
    world.forge.submit_review(repository, refused, author="bob", state="CHANGES_REQUESTED")
    assert await world.search("review:approved") == ["acme/rocket#1"]
    assert await world.search("-review:approved sort:created-asc") == ["acme/rocket#2", "acme/rocket#3"]


async def test_an_approval_that_nobody_required_is_found_too(world: World) -> None:
    repository = await world.repository()
    approved, _ = world.pull(repository), world.pull(repository)
    world.forge.submit_review(repository, approved, author="bob", state="APPROVED")
    assert await world.search("review:approved") == ["acme/rocket#1"]
    query = '{ repository(owner: "acme", name: "rocket") { pullRequest(number: 1) { reviewDecision } } }'
    assert (await world.data(query))["repository"]["pullRequest"] == {"reviewDecision": None}


async def test_updated_ranges_and_order(world: World) -> None:
    repository = await world.repository()
    first, second, third = (world.pull(repository) for _ in range(3))
    world.clock.forward(hours=1)
    world.forge.comment(repository, second, "ping")
    assert await world.search("is:pr sort:updated-asc") == ["acme/rocket#1", "acme/rocket#3", "acme/rocket#2"]
    assert await world.search("is:pr") == ["acme/rocket#3", "acme/rocket#2", "acme/rocket#1"]
    start, end = f"{first.updated_at:%Y-%m-%dT%H:%M:%SZ}", f"{third.updated_at:%Y-%m-%dT%H:%M:%SZ}"
    assert await world.search(f"updated:{start}..{end} sort:updated-asc") == ["acme/rocket#1", "acme/rocket#3"]
    assert await world.search(f"updated:>={end} sort:updated-asc") == ["acme/rocket#3", "acme/rocket#2"]


@pytest.mark.parametrize(
    "text",
    ['label:"a" is:closed"', 'label:"a\\" is:closed"', "label:☂,größe", 'label:"unclosed', 'label:"a"repo:x/y'],
)
async def test_hostile_label_names_never_break_a_search(world: World, text: str) -> None:
    world.pull(await world.repository(), labels=('a" is:closed', "☂"))
    assert set(await world.search(f"is:pr {text}")) <= {"acme/rocket#1"}


async def test_a_label_with_a_quote_is_found_when_the_quote_is_escaped(world: World) -> None:
    world.pull(await world.repository(), labels=('say "hi" is:closed',))
    assert await world.search('label:"say \\"hi\\" is:closed"') == ["acme/rocket#1"]


async def test_what_does_not_exist_is_passed_over_unless_nothing_is_left(world: World) -> None:
    world.pull(await world.repository())
    assert await world.search("is:pr repo:acme/rocket repo:acme/gone org:nobody") == ["acme/rocket#1"]
    answer = await world.ask(PAGE, text="is:pr repo:acme/gone org:nobody", first=1)
    (error,) = answer["errors"]
    assert (error["type"], error["path"]) == ("UNPROCESSABLE", ["search"])
    assert error["message"].startswith("The listed users and repositories cannot be searched")


async def test_an_organization_without_repositories_is_no_error(world: World) -> None:
    world.forge.account("empty", "Organization")
    assert await world.search("is:pr org:empty") == []


async def test_pages_follow_one_another_to_the_end(world: World) -> None:
    repository = await world.repository()
    for _ in range(7):
        world.pull(repository)
    numbers: list[int] = []
    after: str | None = None
    sizes = []
    while True:
        found: Any = (await world.data(PAGE, text="is:pr sort:created-asc", first=3, after=after))["search"]
        numbers += [node["number"] for node in found["nodes"]]
        sizes.append(len(found["nodes"]))
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert (numbers, sizes) == (list(range(1, 8)), [3, 3, 1])


async def test_a_search_ends_after_a_thousand_but_counts_all(world: World) -> None:
    repository = await world.repository()
    for _ in range(1003):
        world.pull(repository)
    seen, after, pages = 0, None, 0
    while True:
        found: Any = (await world.data(PAGE, text="is:pr", first=100, after=after))["search"]
        assert found["issueCount"] == 1003
        seen, pages, after = seen + len(found["nodes"]), pages + 1, found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert (seen, pages) == (1000, 10)


async def test_search_lags_while_the_objects_found_are_as_they_are(world: World) -> None:
    repository = await world.repository()
    pull = world.pull(repository, "old title", labels=("lgtm",))
    world.index.lag = timedelta(seconds=30)
    world.forge.edit_issue(repository, pull, title="new title")
    world.forge.remove_label(repository, pull, "lgtm")
    query = '{search(type: ISSUE, query: "label:lgtm", first: 1) {nodes {... on PullRequest {title}}}}'
    assert (await world.data(query))["search"]["nodes"] == [{"title": "new title"}]
    world.clock.forward(seconds=29)
    assert await world.search("label:lgtm") == ["acme/rocket#1"]
    world.clock.forward(seconds=1)
    assert await world.search("label:lgtm") == []


async def test_an_index_made_late_knows_what_was_there(world: World) -> None:
    world.pull(await world.repository())
    world.routes = routes(world.forge, world.tokens, world.limits, SearchIndex(world.forge))
    assert await world.search("is:pr") == ["acme/rocket#1"]


async def test_a_page_can_break_off_half_way(world: World) -> None:
    repository = await world.repository()
    for _ in range(3):
        world.pull(repository)
    STRIKING.set((Fault(kind="partial_page"),))
    answer = await world.ask(PAGE, text="is:pr", first=2)
    assert answer["data"]["search"]["nodes"] == [{"number": 3}, None]
    assert answer["data"]["search"]["issueCount"] == 3
    (error,) = answer["errors"]
    assert error["path"] == ["search", "nodes", 1]
    assert error["message"].startswith("Something went wrong while executing your query.")
