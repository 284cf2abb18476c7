from datetime import datetime

import pytest

from tests.unit.sandbox.graphql.world import World
from tide.sandbox.rate_limits import Limits

RATE = "{ rateLimit { cost limit remaining used resetAt } }"


async def test_a_bad_token_and_no_token_are_refused_with_401(world: World) -> None:
    world.tokens.revoked.add("stolen")
    refused = await world.post({"query": RATE}, token="stolen")
    assert (refused.status_code, refused.json()["message"]) == (401, "Bad credentials")
    anonymous = await world.post({"query": RATE}, token=None)
    assert (anonymous.status_code, anonymous.json()["message"]) == (
        401,
        "This endpoint requires you to be authenticated.",
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Problems parsing JSON"),
        (b"[]", "A query attribute must be specified and must be a string."),
        (b'{"query": 1}', "A query attribute must be specified and must be a string."),
        (b'{"query": "{viewer{login}}", "variables": []}', None),
        (b'{"query": "{viewer{login}}", "variables": "x"}', "Variables are invalid: they must be an object."),
        (b"\xff", "Problems parsing JSON"),
    ],
)
async def test_a_body_that_is_no_question_is_refused_with_400(world: World, body: bytes, message: str | None) -> None:
    response = await world.post(body)
    assert response.status_code == (400 if message else 200)
    assert response.json().get("message") == message


async def test_what_cannot_be_parsed_or_validated_is_answered_with_200_and_errors(world: World) -> None:
    (broken,) = (await world.ask("{ viewer {"))["errors"]
    assert broken["locations"] == [{"line": 1, "column": 11}]
    (unknown,) = (await world.ask("{ viewer { shoeSize } }"))["errors"]
    assert unknown["message"] == "Field 'shoeSize' doesn't exist on type 'User'"
    assert unknown["extensions"] == {"code": "undefinedField", "typeName": "User", "fieldName": "shoeSize"}
    (missing,) = (await world.ask("query($a: String!) { repository(owner: $a, name: $a) { id } }"))["errors"]
    assert "$a" in missing["message"]


async def test_what_does_not_exist_is_null_with_an_error_at_its_path(world: World) -> None:
    await world.repository()
    answer = await world.ask(
        '{ gone: repository(owner: "acme", name: "gone") { id } '
        '  here: repository(owner: "acme", name: "rocket") { name pullRequest(number: 7) { id } } }'
    )
    assert answer["data"] == {"gone": None, "here": {"name": "rocket", "pullRequest": None}}
    assert [(error["type"], error["path"], error["message"]) for error in answer["errors"]] == [
        ("NOT_FOUND", ["gone"], "Could not resolve to a Repository with the name 'acme/gone'."),
        ("NOT_FOUND", ["here", "pullRequest"], "Could not resolve to a PullRequest with the number of 7."),
    ]


async def test_nodes_are_found_by_id_and_the_others_are_null_with_errors(world: World) -> None:
    pull = world.pull(await world.repository())
    answer = await world.ask(
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on PullRequest { number } } }",
        ids=[pull.node_id, "PR_gone"],
    )
    assert answer["data"]["nodes"] == [{"__typename": "PullRequest", "id": pull.node_id, "number": 1}, None]
    assert [(error["type"], error["path"]) for error in answer["errors"]] == [("NOT_FOUND", ["nodes", 1])]


async def test_a_bad_cursor_is_an_error_of_its_connection(world: World) -> None:
    answer = await world.ask('{ search(type: ISSUE, query: "", first: 1, after: "x") { issueCount } }')
    assert [(error["type"], error["path"]) for error in answer["errors"]] == [("INVALID_CURSOR_ARGUMENTS", ["search"])]


async def test_points_are_taken_and_told_in_body_and_headers(world: World) -> None:
    first = await world.post({"query": RATE})
    query = f'{{ search(type: ISSUE, query: "", first: 100) {{ issueCount }} {RATE[1:-1]} }}'
    second = await world.post({"query": query})
    told = second.json()["data"]["rateLimit"]
    assert told == {
        "cost": 1,
        "limit": 5000,
        "remaining": 4998,
        "used": 2,
        "resetAt": "2026-03-01T13:00:00Z",
    }
    assert {name: second.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "used", "resource")} == {
        "limit": "5000",
        "remaining": "4998",
        "used": "2",
        "resource": "graphql",
    }
    reset = int(first.headers["x-ratelimit-reset"])
    assert reset == datetime.fromisoformat(told["resetAt"]).timestamp()


async def test_a_token_without_points_is_limited_until_the_hour_is_over(world: World) -> None:
    world.limits.limits = Limits(graphql=1)
    assert "errors" not in await world.ask(RATE)
    limited = await world.post({"query": RATE})
    (error,) = limited.json()["errors"]
    assert (limited.status_code, error["type"], "data" in limited.json()) == (200, "RATE_LIMITED", False)
    assert limited.headers["x-ratelimit-remaining"] == "0"
    assert "errors" not in (await world.post({"query": RATE}, token="another")).json()
    world.clock.forward(hours=1)
    assert "errors" not in await world.ask(RATE)


async def test_the_secondary_limit_is_a_403_that_says_when_to_come_back(world: World) -> None:
    world.limits.limits = Limits(graphql_points_per_minute=1)
    await world.ask(RATE)
    world.clock.forward(seconds=20)
    refused = await world.post({"query": RATE})
    assert (refused.status_code, refused.headers["retry-after"]) == (403, "40")
    assert "secondary rate limit" in refused.json()["message"]


async def test_a_query_that_does_not_run_costs_nothing(world: World) -> None:
    await world.ask('{ search(type: ISSUE, query: "") { issueCount } }')
    await world.ask("{ viewer { shoeSize } }")
    assert (await world.data(RATE))["rateLimit"]["used"] == 1


async def test_an_operation_is_chosen_by_name(world: World) -> None:
    text = "query A { viewer { login } } query B { viewer { __typename } }"
    chosen = (await world.post({"query": text, "operationName": "B"})).json()
    assert chosen == {"data": {"viewer": {"__typename": "User"}}}
    for content in ({"query": text}, {"query": text, "operationName": "C"}):
        assert "errors" in (await world.post(content)).json()


async def test_the_viewer_is_whom_the_token_speaks_for(world: World) -> None:
    world.tokens.register("t-1", "tide-bot")
    answer = (await world.post({"query": "{ viewer { login } }"}, token="t-1")).json()
    assert answer == {"data": {"viewer": {"login": "tide-bot"}}}
