import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog

from tide.adapters.github.retries import Patience, retrying
from tide.adapters.logs import LogFormat, LogObserver, Observers, Redactor, configure_logging
from tide.domain.actions import Wait
from tide.domain.decisions import Decision
from tide.domain.errors import NotFound, StoreError, Unavailable
from tide.domain.keys import PoolKey, PullKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import PROVEN, Standing, StandingKind

POOL = PoolKey("acme", "rocket", "main")
SECRET = 'tok"en/with\\odd-bytes'


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(log_format: LogFormat = "json", level: int = logging.INFO) -> io.StringIO:
    stream, redactor = io.StringIO(), Redactor()
    redactor.hide(SECRET)
    configure_logging(log_format, stream, redactor, level)
    return stream


def test_json_lines_have_the_keys_of_prow() -> None:
    stream = logged()
    structlog.get_logger("tide.sync").info("hello", pool="acme/rocket:main")
    line = json.loads(stream.getvalue())
    assert (line["component"], line["severity"], line["msg"], line["pool"]) == (
        "tide",
        "info",
        "hello",
        "acme/rocket:main",
    )
    assert line["time"].endswith("Z")


def test_libraries_log_in_the_same_format() -> None:
    stream = logged()
    logging.getLogger("some.library").warning("gone: %s", "away")
    line = json.loads(stream.getvalue())
    assert (line["component"], line["severity"], line["msg"]) == ("tide", "warning", "gone: away")


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "x" * 40,
        "Authorization: Bearer abcdefghijklmnopqrst",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI3In0." + "z" * 40,
        "postgresql://tide:hunter2-secret@db.example/tide",
        "refused for refresh_token=hunter2-secret&grant=x",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    ],
)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_are_taken_out_wherever_they_stand(text: str, log_format: LogFormat) -> None:
    stream = logged(log_format)
    log = structlog.get_logger("tide")
    log.info(text, also=text, deep={"in": [text]})
    logging.getLogger("library").error("said %s", text)
    log.error("failed", exc_info=RuntimeError(text))
    shown = stream.getvalue()
    assert "[redacted]" in shown
    for secret in (
        SECRET,
        json.dumps(SECRET)[1:-1],
        "a1B2a1B2",
        "xxxxxxxx",
        "abcdefghij",
        "zzzzzzzz",
        "hunter2",
        "MIIEow",
    ):
        assert secret not in shown
    if log_format == "json":
        assert [json.loads(line)["component"] for line in shown.splitlines()] == ["tide"] * 3


def test_a_text_too_short_to_be_a_secret_garbles_nothing() -> None:
    redactor = Redactor()
    for hide in (redactor.hide, redactor.hide_passing):
        hide("")
        hide("a")
    assert redactor.clean("a banana") == "a banana"


def test_of_secrets_that_end_by_themselves_the_last_ones_are_hidden() -> None:
    redactor = Redactor()
    redactor.hide("lasting-secret")
    for number in range(100_000):
        redactor.hide_passing(f"passing-secret-{number}.")
    text = "lasting-secret passing-secret-99999. passing-secret-99501. passing-secret-0."
    assert redactor.clean(text) == "[redacted] [redacted] [redacted] passing-secret-0."


def test_no_stranger_begins_a_line_or_drives_the_terminal() -> None:
    stream = logged("console")
    structlog.get_logger("tide").info("merged", title="x\n2026-01-01 [error] forged \x1b[2J")
    shown = stream.getvalue()
    assert len(shown.splitlines()) == 1
    assert "\x1b" not in shown


def test_what_happens_in_a_pool_is_told() -> None:
    stream = logged(level=logging.DEBUG)
    observer = LogObserver()
    observer.decided(Decision(POOL, "b" * 40, Wait("nothing to do")))
    observer.enacted(POOL, Outcome("MERGE", (7,), reason="it passes"))
    observer.enacted(POOL, Outcome("MERGE", (), error="refused"))
    observer.pool_failed(POOL, Unavailable("GitHub is down"))
    observer.query_answered(0, "acme", "success")
    observer.query_answered(0, "acme", "error")
    observer.pools_vanished(frozenset({POOL}))
    observer.synced("sync", timedelta(seconds=1))
    observer.standing_seen(POOL, PROVEN)
    observer.standing_seen(POOL, Standing(StandingKind.FROZEN, "it landed as another tree"))
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["msg"], line["severity"]) for line in told] == [
        ("decided", "debug"),
        ("enacted", "info"),
        ("enacted", "warning"),
        ("pool failed", "error"),
        ("query failed", "debug"),
        ("pools", "debug"),
        ("synced", "info"),
        ("frozen", "error"),
    ]
    assert "exception" not in told[3]


def test_what_nobody_foresaw_comes_with_its_traceback() -> None:
    stream = logged()
    LogObserver().pool_failed(POOL, KeyError("head"))
    assert "KeyError" in json.loads(stream.getvalue())["exception"]


class Broken(LogObserver):
    def decided(self, decision: Decision) -> None:
        raise RuntimeError(decision.base_sha)


class Listening(LogObserver):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Decision] = []

    def decided(self, decision: Decision) -> None:
        self.heard.append(decision)


def test_a_broken_observer_harms_nobody() -> None:
    stream = logged()
    listening, decision = Listening(), Decision(POOL, "b" * 40, Wait(""))
    Observers([Broken(), listening]).decided(decision)
    assert listening.heard == [decision]
    assert json.loads(stream.getvalue())["observer"] == "Broken"


def test_every_event_is_passed_on() -> None:
    stream = logged(level=logging.DEBUG)
    observers = Observers([LogObserver()])
    observers.decided(Decision(POOL, "b" * 40, Wait("")))
    observers.enacted(POOL, Outcome("MERGE", (7,)))
    observers.pool_failed(POOL, Unavailable("x"))
    observers.template_failed(PullKey("acme", "rocket", 7), "x")
    observers.status_withheld(PullKey("acme", "rocket", 7), "x")
    observers.status_written(PullKey("acme", "rocket", 7))
    observers.query_answered(0, "acme", "error")
    observers.pools_vanished(frozenset())
    observers.synced("sync", timedelta(seconds=1))
    observers.standing_seen(POOL, Standing(StandingKind.FROZEN, "it landed as another tree"))
    assert len(stream.getvalue().splitlines()) == 10


OTHER = PoolKey("acme", "engine", "main")


def told_of_pools(stream: io.StringIO) -> list[tuple[str, str, str]]:
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [(line["msg"], line["pool"], line.get("error", "")) for line in lines if "pool" in line]


def a_round(observer: LogObserver, failures: dict[PoolKey, Exception]) -> None:
    """Tell of a round in which these pools fail, and the others are decided."""
    observer.pools_vanished(frozenset({POOL, OTHER}))
    for pool in (POOL, OTHER):
        if pool in failures:
            observer.pool_failed(pool, failures[pool])
        else:
            observer.decided(Decision(pool, "b" * 40, Wait("")))
    observer.synced("sync", timedelta(seconds=1))


def test_a_pool_that_keeps_failing_is_told_when_it_begins_when_it_changes_and_when_it_ends() -> None:
    stream, observer = logged(), LogObserver()
    for _ in range(5):
        a_round(observer, {POOL: Unavailable("502"), OTHER: NotFound("no branch")})
    for _ in range(5):
        a_round(observer, {POOL: NotFound("gone")})
    for _ in range(5):
        a_round(observer, {})
    assert told_of_pools(stream) == [
        ("pool failed", str(POOL), "502"),
        ("pool failed", str(OTHER), "no branch"),
        ("pool failed", str(POOL), "gone"),
        ("pool is well again", str(OTHER), ""),
        ("pool is well again", str(POOL), ""),
    ]


def test_a_pool_whose_action_fails_after_each_decision_is_not_well() -> None:
    stream, observer = logged(), LogObserver()
    for _ in range(3):
        observer.pools_vanished(frozenset({POOL}))
        observer.decided(Decision(POOL, "b" * 40, Wait("")))
        observer.pool_failed(POOL, Unavailable("502"))
        observer.synced("sync", timedelta(seconds=1))
    assert told_of_pools(stream) == [("pool failed", str(POOL), "502")]


def test_pools_that_fail_for_want_of_a_system_are_not_told_one_by_one() -> None:
    is_out = True
    stream, observer = logged(), LogObserver(lambda error: is_out and error in {"502", "away"})
    for _ in range(5):
        a_round(observer, {POOL: Unavailable("502"), OTHER: StoreError("away")})
        observer.status_withheld(PullKey("acme", "rocket", 7), "502")
    a_round(observer, {POOL: Unavailable("502"), OTHER: NotFound("no branch")})
    is_out = False
    a_round(observer, {POOL: Unavailable("still 502")})
    assert told_of_pools(stream) == [
        ("pool failed", str(OTHER), "no branch"),
        ("pool failed", str(POOL), "still 502"),
        ("pool is well again", str(OTHER), ""),
    ]


def test_a_pool_that_has_vanished_and_comes_back_is_told_of_anew() -> None:
    stream, observer = logged(), LogObserver()
    a_round(observer, {POOL: NotFound("no branch")})
    observer.pools_vanished(frozenset())
    a_round(observer, {POOL: NotFound("no branch")})
    assert told_of_pools(stream) == [("pool failed", str(POOL), "no branch")] * 2


def test_a_status_that_stays_unwritten_is_told_once_for_each_reason_and_anew_after_it_was_written() -> None:
    stream, observer, pull = logged(), LogObserver(), PullKey("acme", "rocket", 7)
    observer.status_written(pull)
    for reason in ("403", "403", "404", "404"):
        observer.status_withheld(pull, reason)
    for _ in range(2):
        observer.status_written(pull)
    observer.status_withheld(pull, "404")
    told = [json.loads(line)["msg"] for line in stream.getvalue().splitlines()]
    withheld, written = "a status was not written", "the status is written again"
    assert told == [withheld, withheld, written, withheld]


@pytest.mark.parametrize(("level", "lines"), [(logging.INFO, 0), (logging.DEBUG, 2)])
async def test_tries_of_a_read_are_told_only_to_who_wants_to_know_all(level: int, lines: int) -> None:
    stream = logged(level=level)
    at_once = Patience(retries=2, first_wait=timedelta(0), longest_wait=timedelta(0), jitter=timedelta(0))

    async def fail() -> None:
        raise Unavailable("502")

    with pytest.raises(Unavailable):
        await retrying(at_once, lambda _until: True)(fail)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["msg"], line["error"]) for line in told] == [("a read is tried again", "502")] * lines


def test_the_same_refusal_is_told_once_however_often_the_branch_moves() -> None:
    stream, observer = logged(), LogObserver()
    for _ in range(3):
        observer.enacted(POOL, Outcome("FIRST_RUN", error="#5: changes nothing: the tree stays as it is"))
        observer.enacted(POOL, Outcome("FIRST_RUN", error="#6: conflicts"))
        observer.enacted(OTHER, Outcome("FIRST_RUN", error="#5: changes nothing: the tree stays as it is"))
        observer.enacted(POOL, Outcome("MERGE", (7,), error="the answer was lost"))
    told = [error for _, _, error in told_of_pools(stream)]
    assert (len(told), len(set(told[:4])), set(told[3:])) == (6, 3, {"the answer was lost"})


def test_that_nothing_was_done_is_told_only_to_who_wants_to_know_all() -> None:
    stream, observer = logged(), LogObserver()
    observer.enacted(POOL, Outcome("WAIT", reason="No pull request is in the pool."))
    assert stream.getvalue() == ""
    observer.enacted(POOL, Outcome("PROVE", run_names=("a-run",)))
    assert [message for message, _, _ in told_of_pools(stream)] == ["enacted"]


def test_a_frozen_pool_is_told_when_it_freezes_when_the_reason_changes_and_when_it_thaws() -> None:
    stream, observer = logged(), LogObserver()
    for reason in ("red", "red", "redder", "redder"):
        observer.standing_seen(POOL, Standing(StandingKind.FROZEN, reason))
    for _ in range(3):
        observer.standing_seen(POOL, PROVEN)
    assert [message for message, _, _ in told_of_pools(stream)] == ["frozen", "frozen", "not frozen any more"]


def test_a_template_that_keeps_failing_is_told_once() -> None:
    stream, observer = logged(), LogObserver()
    for _ in range(3):
        observer.template_failed(PullKey("acme", "rocket", 7), "no such field")
    assert len(stream.getvalue().splitlines()) == 1
