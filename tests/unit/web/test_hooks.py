"""The receiver over its ASGI door."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.unit.web.kept import StandingClock
from tests.unit.web.receiver import DELIVERY, Headers, Receiver, app_with, client_of
from tide.domain.keys import PullKey
from tide.web.hooks import MAX_BODY

PULL = {"action": "labeled", "repository": {"full_name": "acme/rocket"}, "pull_request": {"number": 7}}
SEVEN = PullKey("acme", "rocket", 7)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    async with made.client:
        yield made


async def test_a_signed_delivery_is_taken_and_its_hint_waits(receiver: Receiver) -> None:
    answer = await receiver.tell(PULL)
    assert answer.status_code == 202
    assert (receiver.hints, receiver.rung) == ([SEVEN], 1)
    assert [(kept.id, kept.event) for kept in receiver.inbox.deliveries] == [(DELIVERY, "pull_request")]


async def test_strangers_fill_no_log(receiver: Receiver) -> None:
    clock = StandingClock()
    async with client_of(app_with(receiver.hooks(clock=clock))) as receiver.client:
        with capture_logs() as told:
            for _ in range(3):
                for _ in range(20):
                    assert (await receiver.tell(PULL, secret="guessed")).status_code == 403
                clock.moment += timedelta(minutes=1)
    assert [line["untold_before"] for line in told] == [0, 19, 19]


async def test_a_delivery_seen_before_is_taken_and_ignored(receiver: Receiver) -> None:
    answers = [(await receiver.tell(PULL)).status_code for _ in range(3)]
    assert answers == [202, 202, 202]
    assert (receiver.hints, receiver.rung) == ([SEVEN], 1)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("ping", {"zen": "Design for failure."}),
        ("no_such_event", PULL),
        ("pull_request", {}),
        ("pull_request", PULL | {"pull_request": HOSTILE}),
    ],
)
async def test_what_is_of_no_use_is_taken_and_ignored(
    receiver: Receiver, event: str, payload: dict[str, object]
) -> None:
    answer = await receiver.tell(payload, {"x-github-event": event})
    assert answer.status_code == 202
    assert (receiver.hints, receiver.rung) == ([], 0)
    assert HOSTILE not in answer.text


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_the_content_type_may_have_parameters(receiver: Receiver, content_type: str) -> None:
    assert (await receiver.tell(PULL, {"content-type": content_type})).status_code == 202


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_only_post_is_served(receiver: Receiver, method: str) -> None:
    answer = await receiver.client.request(method, "/hook")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-github-event": None},
        {"x-github-event": ""},
        {"x-github-event": HOSTILE},
        {"x-github-delivery": None},
        {"x-github-delivery": ""},
        {"x-github-delivery": "two words"},
        {"x-github-delivery": "x" * 200},
        {"content-type": None},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/jsonp"},
    ],
)
async def test_a_request_that_is_no_delivery_is_refused(receiver: Receiver, headers: Headers) -> None:
    answer = await receiver.tell(PULL, headers)
    assert answer.status_code == 400
    assert HOSTILE not in answer.text
    assert receiver.inbox.deliveries == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"not json", b"[1]", b'"text"', b"null", b"\xff", b"[" * 100_000, b"1" * 5000]
)
async def test_a_signed_body_that_is_no_object_is_refused(receiver: Receiver, body: bytes) -> None:
    assert (await receiver.post(body)).status_code == 400
    assert receiver.inbox.deliveries == []


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        f"sha256={'0' * 64}",
        f"sha256={'0' * 63}é",
        f"sha1={'0' * 40}",
        "sha256=" + "g" * 64,
    ],
)
async def test_a_missing_or_wrong_signature_is_forbidden(receiver: Receiver, signature: str | None) -> None:
    assert (await receiver.tell(PULL, {"x-hub-signature-256": signature})).status_code == 403
    assert (receiver.inbox.deliveries, receiver.hints) == ([], [])


async def test_nothing_is_parsed_before_its_signature_is_known_to_be_right(receiver: Receiver) -> None:
    assert (await receiver.post(b"{", secret="guessed")).status_code == 403


async def test_an_organisation_cannot_speak_for_another(receiver: Receiver) -> None:
    receiver.secret = b"acme: [{value: of-acme}]\nother: [{value: of-other}]\n"
    assert (await receiver.tell(PULL, secret="of-other")).status_code == 403
    assert receiver.hints == []
    assert (await receiver.tell(PULL, secret="of-acme")).status_code == 202
    assert receiver.hints == [SEVEN]
    assert (await receiver.tell({"zen": "Speak like a human."}, secret="of-acme")).status_code == 403


async def test_without_a_secret_there_is_no_such_address() -> None:
    async with client_of(app_with(None)) as client:
        assert (await client.post("/hook", json=PULL)).status_code == 404
        assert (await client.get("/hook")).status_code == 404


async def test_a_body_that_says_it_is_too_big_is_not_read(receiver: Receiver) -> None:
    answer = await receiver.tell(PULL, {"content-length": str(MAX_BODY + 1)})
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(("length", "status"), [("9" * 5000, 413), ("²", 202), ("-1", 202)])
async def test_a_strange_length_does_no_harm(receiver: Receiver, length: str, status: int) -> None:
    assert (await receiver.tell(PULL, {"content-length": length})).status_code == status


async def test_while_the_database_is_away_nothing_is_taken(receiver: Receiver) -> None:
    receiver.inbox.is_broken = True
    assert (await receiver.tell(PULL)).status_code == 503
    assert (receiver.hints, receiver.rung) == ([], 0)
    receiver.inbox.is_broken = False
    assert (await receiver.tell(PULL)).status_code == 202
    assert receiver.hints == [SEVEN]


async def test_a_refusal_is_told_without_the_request(receiver: Receiver) -> None:
    answer = await receiver.tell(
        {"repository": {"full_name": HOSTILE}}, {"x-github-delivery": HOSTILE}, secret="guessed"
    )
    assert answer.json() == {"error": "the signature is wrong"}
