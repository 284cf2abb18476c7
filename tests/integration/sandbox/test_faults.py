import asyncio
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.world import World

QUERY = {"query": "query Viewer { viewer { login } }"}


async def put(world: World, **fault: Any) -> None:
    answer = await world.client.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 201, answer.text


async def test_a_status_comes_instead_of_the_deed(world: World) -> None:
    pull = await world.pull("boost")
    await put(world, kind="status", status=502, method="PUT", path="/merge$")
    assert (await world.merge(pull)).status_code == 502
    assert not pull.merged


async def test_a_status_may_come_after_the_deed(world: World) -> None:
    pull = await world.pull("boost")
    await put(world, kind="status", status=504, when="after", path="/merge$", times=1)
    assert (await world.merge(pull)).status_code == 504
    assert pull.merged


async def test_only_the_requests_chosen_go_wrong(world: World) -> None:
    await put(world, kind="status", status=500, path="^/repos/acme/rocket$", nth=[2, 3])
    statuses = [(await world.get("")).status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert (await world.get("/pulls")).status_code == 200


async def test_chance_is_the_same_for_the_same_seed(world: World) -> None:
    async def play() -> list[int]:
        world.sandbox.faults.clear()
        await put(world, kind="status", status=500, path="rocket$", probability=0.5)
        return [(await world.get("")).status_code for _ in range(20)]

    first, second = await play(), await play()
    assert first == second
    assert set(first) == {200, 500}


async def test_a_truncated_answer_breaks_the_connection(world: World) -> None:
    await put(world, kind="truncate", path="rocket$", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await world.get("")
    assert (await world.get("")).status_code == 200


async def test_a_disconnect_says_nothing_of_a_deed_that_was_done(world: World) -> None:
    pull = await world.pull("boost")
    await put(world, kind="disconnect", when="after", path="/merge$")
    with pytest.raises(httpx.RemoteProtocolError):
        await world.merge(pull)
    assert pull.merged


async def test_a_time_out_holds_the_request(world: World) -> None:
    await put(world, kind="timeout", path="rocket$")
    with pytest.raises(httpx.ReadTimeout):
        await world.get("", timeout=0.05)


async def test_a_time_out_ends_when_its_time_is_over(world: World) -> None:
    await put(world, kind="timeout", path="rocket$", seconds=0)
    async with asyncio.timeout(10):
        assert (await world.get("")).status_code == 504


@pytest.mark.parametrize("code", [403, 429])
async def test_secondary_limits_may_say_when_to_come_back(world: World, code: int) -> None:
    await put(world, kind="secondary_rate_limit", code=code, retry_after=7, times=1)
    refused = await world.get("")
    assert (refused.status_code, refused.headers["Retry-After"]) == (code, "7")
    assert refused.json()["message"].startswith("You have exceeded a secondary rate limit.")
    await put(world, kind="secondary_rate_limit", code=code, times=1)
    assert "Retry-After" not in (await world.get("")).headers


async def test_a_primary_limit_names_its_reset(world: World) -> None:
    await put(world, kind="rate_limit", retry_after=30, times=1)
    refused = await world.get("")
    assert (refused.status_code, refused.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert int(refused.headers["X-RateLimit-Reset"]) == int(world.clock.now.timestamp()) + 30


async def test_graphql_is_met_by_the_name_of_its_operation(world: World) -> None:
    await put(world, kind="rate_limit", operation="Viewer", times=1)
    refused = (await world.client.post("/graphql", json=QUERY)).json()
    assert refused["errors"][0]["type"] == "RATE_LIMITED"
    answered = (await world.client.post("/graphql", json=QUERY)).json()
    assert answered["data"]["viewer"]["login"] == "merge-bot"


async def test_mergeability_may_not_be_known_yet(world: World) -> None:
    await world.pull("boost")
    await put(world, kind="stale_mergeable", times=1)
    shown = (await world.get("/pulls/1")).json()
    assert (shown["mergeable"], shown["mergeable_state"]) == (None, "unknown")
    assert (await world.get("/pulls/1")).json()["mergeable"] is True


async def test_git_goes_wrong_too(world: World) -> None:
    await put(world, kind="status", status=503, path="info/refs")
    code, output = await world.git("ls-remote", world.remote())
    assert code != 0
    assert "503" in output


async def test_rules_are_listed_and_taken_away(world: World) -> None:
    await put(world, kind="status", path="nothing-like-this")
    listed = (await world.client.get("/_sandbox/faults")).json()["items"]
    assert [(rule["kind"], rule["struck"]) for rule in listed] == [("status", 0)]
    assert (await world.client.delete(f"/_sandbox/faults/{listed[0]['id']}")).status_code == 204
    assert (await world.client.get("/_sandbox/faults")).json()["items"] == []


@pytest.mark.parametrize("fault", [{"kind": "nonsense"}, {"kind": "status", "path": "("}, {"kind": "status", "x": 1}])
async def test_a_rule_that_makes_no_sense_is_refused(world: World, fault: dict[str, Any]) -> None:
    assert (await world.client.post("/_sandbox/faults", json=fault)).status_code == 422


async def test_events_tell_what_happened(world: World) -> None:
    pull = await world.pull("boost")
    await world.merge(pull)
    events = (await world.client.get("/_sandbox/events")).json()["items"]
    kinds = [(event["kind"], event.get("action"), event.get("pull")) for event in events]
    assert ("PullChanged", "opened", 1) in kinds
    assert ("PullChanged", "closed", 1) in kinds
    later = (await world.client.get("/_sandbox/events", params={"since": events[-2]["sequence"]})).json()["items"]
    assert later == events[-1:]
