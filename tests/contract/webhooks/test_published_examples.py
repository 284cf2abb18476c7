"""Every payload that GitHub publishes as an example is taken."""

import json
from typing import Any

import pytest

from tests.contract.published import fetch
from tests.unit.web.receiver import Receiver
from tide.domain.keys import HeadKey, PoolKey, PullKey

PACKAGE, VERSION = "@octokit/webhooks-examples", "7.6.1"
HOW_MANY = 329

pytestmark = pytest.mark.published


@pytest.fixture(scope="module")
def examples() -> list[tuple[str, dict[str, Any]]]:
    """All examples with the names of their events."""
    path = fetch(PACKAGE, VERSION, "api.github.com/index.json")
    published = json.loads(path.read_text(encoding="utf-8"))
    return [(event["name"], example) for event in published for example in event["examples"]]


async def test_every_example_is_taken(examples: list[tuple[str, dict[str, Any]]]) -> None:
    receiver = Receiver()
    answers = [
        (await receiver.tell(payload, {"x-github-event": event, "x-github-delivery": f"example-{number}"})).status_code
        for number, (event, payload) in enumerate(examples)
    ]
    assert answers == [202] * HOW_MANY
    assert len(receiver.inbox.deliveries) == HOW_MANY


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("pull_request", PullKey),
        ("pull_request_review", PullKey),
        ("pull_request_review_thread", PullKey),
        ("check_run", HeadKey),
        ("check_suite", HeadKey),
        ("status", HeadKey),
    ],
)
async def test_every_example_of_what_moves_the_queue_is_followed(
    examples: list[tuple[str, dict[str, Any]]], event: str, kind: type
) -> None:
    receiver = Receiver()
    payloads = [payload for name, payload in examples if name == event]
    for number, payload in enumerate(payloads):
        await receiver.tell(payload, {"x-github-event": event, "x-github-delivery": f"example-{number}"})
    assert [type(hint) for hint in receiver.hints] == [kind] * len(payloads)
    assert payloads


async def test_pushes_to_branches_are_followed_and_tags_are_not(examples: list[tuple[str, dict[str, Any]]]) -> None:
    receiver = Receiver()
    refs = [payload["ref"] for name, payload in examples if name == "push"]
    for number, payload in enumerate(payload for name, payload in examples if name == "push"):
        await receiver.tell(payload, {"x-github-event": "push", "x-github-delivery": f"example-{number}"})
    branches = [ref.removeprefix("refs/heads/") for ref in refs if ref.startswith("refs/heads/")]
    assert [hint.branch for hint in receiver.hints if isinstance(hint, PoolKey)] == branches
    assert 0 < len(branches) < len(refs)
