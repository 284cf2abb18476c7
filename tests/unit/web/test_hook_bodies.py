"""What is read of payloads, whatever they hold."""

import asyncio
import json
import time
import tracemalloc
from typing import Any

import pytest

from tide.domain.keys import HeadKey, PoolKey, PullKey
from tide.web.hook_bodies import READ_HERE, payload_of, read_payload
from tide.web.hook_payloads import hint_of, place_of

REPOSITORY = {"full_name": "acme/rocket", "private": False, "owner": {"login": "acme"}}
SHA = "a" * 40
PULL = {"action": "opened", "repository": REPOSITORY, "pull_request": {"number": 7, "title": "x", "labels": []}}
MB = 1024 * 1024


def of_megabytes(payload: dict[str, Any], filling: bytes, megabytes: int) -> bytes:
    """Put an array of so many megabytes of these values into a payload."""
    array = b"[" + (filling + b",") * (megabytes * MB // (len(filling) + 1)) + filling + b"]"
    return json.dumps(payload).encode()[:-1] + b', "more": ' + array + b"}"


@pytest.mark.parametrize(
    ("event", "payload", "hint"),
    [
        ("pull_request", PULL, PullKey("acme", "rocket", 7)),
        ("push", {"repository": REPOSITORY, "ref": "refs/heads/main"}, PoolKey("acme", "rocket", "main")),
        ("status", {"repository": REPOSITORY, "sha": SHA, "context": "unit"}, HeadKey("acme", "rocket", SHA)),
        ("status", {"repository": REPOSITORY, "sha": SHA, "context": "tide"}, None),
        ("check_run", {"repository": REPOSITORY, "check_run": {"head_sha": SHA}}, HeadKey("acme", "rocket", SHA)),
        ("check_suite", {"repository": REPOSITORY, "check_suite": {"head_sha": SHA}}, HeadKey("acme", "rocket", SHA)),
        ("issues", {"repository": REPOSITORY, "issue": {"labels": [{"name": "stop"}]}}, REPOSITORY["full_name"]),
        ("issues", {"repository": REPOSITORY, "issue": {"labels": []}, "label": {"name": "stop"}}, "acme/rocket"),
        ("issues", {"repository": REPOSITORY, "issue": {"labels": [{"name": "go"}]}, "label": None}, None),
    ],
)
def test_what_hints_are_made_of_is_read(event: str, payload: dict[str, Any], hint: object) -> None:
    read = read_payload(json.dumps(payload).encode())
    found = hint_of(event, read, "stop")
    assert (str(found) if isinstance(hint, str) else found) == hint
    assert found == hint_of(event, payload, "stop")
    assert place_of(read) == place_of(payload) == "acme/rocket"


@pytest.mark.parametrize(
    "payload",
    [
        {"organization": {"login": "acme"}},
        {"repository": None, "organization": {"login": "acme"}},
        {"repository": "acme/rocket"},
        {"repository": {"full_name": ["acme/rocket"]}},
        {"repository": REPOSITORY, "organization": 7},
        {"repository": REPOSITORY, "pull_request": {"number": "x"}},
        {"repository": REPOSITORY, "pull_request": None},
        {},
    ],
)
def test_what_has_another_shape_is_taken_as_before(payload: dict[str, Any]) -> None:
    read = read_payload(json.dumps(payload).encode())
    assert place_of(read) == place_of(payload)
    assert hint_of("pull_request", read, "") == hint_of("pull_request", payload, "")


def test_of_two_of_a_name_the_last_one_counts() -> None:
    assert read_payload(b'{"ref": "a", "ref": "b"}') == json.loads(b'{"ref": "a", "ref": "b"}')


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b'"x"', b"{", b'{"a": }', b"[" * 100_000, b'{"a":' * 100_000, b"\xff"]
)
async def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        await payload_of(body)


async def test_a_big_one_that_is_no_object_is_refused_too() -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        await payload_of(b"[" + b"[]," * (READ_HERE // 3) + b"[]]")


@pytest.mark.parametrize("name", ["full_name", "labels", "number"])
def test_what_is_too_long_to_be_of_use_is_left_out(name: str) -> None:
    body = of_megabytes({}, b"[]", 1).replace(b", ", b"").replace(b'"more"', b'"' + name.encode() + b'"')
    assert read_payload(b'{"repository": ' + body + b', "issue": ' + body + b"}") == {"repository": {}, "issue": {}}


@pytest.mark.parametrize("filling", [b"[]", b"{}", b"0", b'{"number":[{}]}'])
def test_what_is_passed_over_takes_no_memory(filling: bytes) -> None:
    body = of_megabytes(PULL, filling, 3)
    tracemalloc.start()
    read = read_payload(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert hint_of("pull_request", read, "") == PullKey("acme", "rocket", 7)
    assert peak < MB


@pytest.mark.parametrize("megabytes", [5, 24])
async def test_a_push_of_megabytes_is_read_while_the_loop_goes_on(megabytes: int) -> None:
    body = of_megabytes({"repository": REPOSITORY, "ref": "refs/heads/main"}, b"[]", megabytes)
    before = time.thread_time()
    reading = asyncio.create_task(payload_of(body))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert hint_of("push", await reading, "") == PoolKey("acme", "rocket", "main")
    assert turns > 1
    # The CPU of the loop's own thread, whatever else the machine does.
    assert time.thread_time() - before < 0.5
