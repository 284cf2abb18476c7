"""The pages behind the links of the simulated GitHub."""

import pytest

from tests.integration.sandbox.world import World


async def test_a_link_to_a_pull_request_leads_to_its_state(world: World) -> None:
    pull = await world.pull("one")
    answer = await world.client.get(f"/acme/rocket/pull/{pull.number}")
    assert answer.status_code == 200
    assert pull.head_sha in answer.text


async def test_links_to_branches_and_commits_lead_somewhere(world: World) -> None:
    sha = world.repository.branches["main"]
    for path in ("", "/tree/main", f"/commit/{sha}"):
        answer = await world.client.get(f"/acme/rocket{path}")
        assert sha in answer.text


@pytest.mark.parametrize("path", ["/acme/rocket/pull/999", "/acme/nothing", "/acme/rocket/tree/none"])
async def test_a_link_to_nothing_is_not_found_in_githubs_words(world: World, path: str) -> None:
    answer = await world.client.get(path)
    assert answer.status_code == 404
    assert answer.json()["message"] == "Not Found"
