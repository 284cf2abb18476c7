"""Logs: JSON with Prow's keys or lines for a console, of our own events and of every library, free of secrets.

All lines pass through one place, the formatter of the root logger, which takes secrets out of the finished text: no
call site, traceback or library can get one past it.
"""

import json
import logging
import re
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal, TextIO

import stamina.instrumentation
import structlog
from stamina.instrumentation import RetryDetails
from structlog.types import EventDict, Processor, WrappedLogger

from tide.adapters.news import News
from tide.domain.actions import targets_of
from tide.domain.decisions import Decision
from tide.domain.errors import StoreError, TideError, Transient
from tide.domain.keys import PoolKey, PullKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import Standing, StandingKind
from tide.ports.observer import Observer

LogFormat = Literal["json", "console"]

_COMPONENT = "tide"
_REDACTED = "[redacted]"
_SHORTEST_SECRET = 6
# More than there are good ones at a time; what has ended is no secret any more.
_PASSING_SECRETS = 500
# What looks like a secret is taken out even if nobody named it: GitHub's tokens, JSON web tokens, authorization
# headers, passwords in addresses, private keys. None of the patterns takes a quote or a backslash, so that a line of
# JSON stays JSON.
_LOOKS_SECRET = (
    (re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})"), _REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"), _REDACTED),
    (re.compile(r"(?i)\b(bearer|basic|token)(\s+)[A-Za-z0-9._~+/=-]{16,}"), rf"\1\2{_REDACTED}"),
    (re.compile(r"(://[^\s:/@\"'\\]*:)[^\s/@\"'\\]+(?=@)"), rf"\1{_REDACTED}"),
    # A number is none: so leases count their tokens.
    (re.compile(r"(?i)\b([\w-]*(?:token|secret|password)=)(?!\d+\b)[^\s&\"'\\]+"), rf"\1{_REDACTED}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL), _REDACTED),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Libraries that tell of each request at INFO.
_TALKATIVE = ("alembic", "apscheduler", "gql", "httpcore", "httpx", "uvicorn.access")


class Redactor:
    """Knows the secrets of this process, and takes them out of any text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._passing: deque[str] = deque(maxlen=_PASSING_SECRETS)

    def hide(self, secret: str) -> None:
        """Never show this text again; something too short to be a secret would only garble the log."""
        if len(secret) >= _SHORTEST_SECRET:
            self._secrets |= {secret, json.dumps(secret)[1:-1]}

    def hide_passing(self, secret: str) -> None:
        """Do not show this text as long as it is among the last ones: it is good for an hour or so."""
        if len(secret) >= _SHORTEST_SECRET:
            self._passing.append(secret)

    def clean(self, text: str) -> str:
        """Give the text without secrets."""
        for secret in sorted({*self._secrets, *self._passing}, key=len, reverse=True):
            text = text.replace(secret, _REDACTED)
        for pattern, replacement in _LOOKS_SECRET:
            text = pattern.sub(replacement, text)
        return text


def configure_logging(log_format: LogFormat, stream: TextIO, redactor: Redactor, level: int = logging.INFO) -> None:
    """Send every log line of the process to `stream`, in one format, through the redactor."""
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_RedactingFormatter(redactor, foreign_pre_chain=_shared(), processors=_rendering(log_format)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    # Its own would warn of each try, with the whole question; what comes of the last one is told by whoever asked.
    stamina.instrumentation.set_on_retry_hooks([_told_of_retry])


def _told_of_retry(details: RetryDetails) -> None:
    log, why = structlog.get_logger(_COMPONENT), str(details.caused_by)
    log.debug("a read is tried again", tries=details.retry_num, seconds=round(details.wait_for, 1), error=why)


class LogObserver:
    """Tells the log what happens in the pools.

    What stays as it is, is told when it begins or changes, and when it is over. Of an error that is an outage's, which
    is logged by whoever knows of it, as `is_logged` tells, nothing is told: neither of pools nor of statuses.
    """

    def __init__(self, is_logged: Callable[[str], bool] = lambda _error: False) -> None:
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("tide.sync")
        self._is_logged = is_logged
        self._failing: dict[PoolKey, str] = {}
        self._decided: set[PoolKey] = set()
        self._frozen, self._withheld, self._templates = News[PoolKey](), News[PullKey](), News[PullKey]()
        self._refused = News[tuple[PoolKey, str]]()

    def decided(self, decision: Decision) -> None:
        """Tell what was decided and why."""
        self._decided.add(decision.pool)
        action = decision.action
        numbers = [target.number for target in targets_of(action)]
        self._log.debug("decided", pool=str(decision.pool), action=action.kind, pulls=numbers, reason=action.reason)

    def standing_seen(self, pool: PoolKey, standing: Standing) -> None:
        """Raise the alarm when a pool freezes."""
        if standing.kind is not StandingKind.FROZEN:
            if self._frozen.is_over(pool):
                self._log.info("not frozen any more", pool=str(pool))
        elif self._frozen.is_new(pool, standing.reason):
            self._log.error("frozen", pool=str(pool), reason=standing.reason)

    def enacted(self, pool: PoolKey, outcome: Outcome) -> None:
        """Tell what was done, or refused; the same refusal comes again whenever the branch has moved.

        That it was waited is none of both.
        """
        if outcome.error and not outcome.numbers and not self._refused.is_new((pool, outcome.error), outcome.action):
            return
        is_deed = bool(outcome.numbers or outcome.run_names)
        tell = self._log.warning if outcome.error else self._log.info if is_deed else self._log.debug
        said = {"error": outcome.error} if outcome.error else {}
        tell(
            "enacted", pool=str(pool), action=outcome.action, pulls=list(outcome.numbers), reason=outcome.reason, **said
        )

    def pool_failed(self, pool: PoolKey, error: BaseException) -> None:
        """Tell why a pool could not be decided; what we did not foresee comes with its traceback."""
        self._decided.discard(pool)
        text = str(error) or type(error).__name__
        is_outage = isinstance(error, StoreError | Transient) and self._is_logged(text)
        if is_outage or self._failing.get(pool) == text:
            return
        self._failing[pool] = text
        trace = None if isinstance(error, TideError) else error
        self._log.error("pool failed", pool=str(pool), error=text, exc_info=trace)

    def status_withheld(self, pull: PullKey, reason: str) -> None:
        """Tell which pull request shows a status that is not true any more."""
        if not self._is_logged(reason) and self._withheld.is_new(pull, reason):
            self._log.warning("a status was not written", pull=str(pull), reason=reason)

    def status_written(self, pull: PullKey) -> None:
        """Tell which pull request shows again what is true."""
        if self._withheld.is_over(pull):
            self._log.info("the status is written again", pull=str(pull))

    def template_failed(self, pull: PullKey, reason: str) -> None:
        """Tell why a merge has the code host's text (Prow: github.go prepareMergeDetails logs it likewise)."""
        if self._templates.is_new(pull, reason):
            self._log.error("a commit template failed", pull=str(pull), reason=reason)

    def query_answered(self, query_index: int, org_shard: str, result: str) -> None:
        """Tell of queries that failed; why is told as an outage of the code host."""
        if result != "success":
            self._log.debug("query failed", query_index=query_index, org_shard=org_shard)

    def pools_vanished(self, remaining: frozenset[PoolKey]) -> None:
        """Tell how many pools are left."""
        self._failing = {pool: error for pool, error in self._failing.items() if pool in remaining}
        self._frozen.keep(lambda pool: pool in remaining)
        self._refused.keep(lambda refused: refused[0] in remaining)
        self._decided.clear()
        self._log.debug("pools", remaining=len(remaining))

    def synced(self, controller: str, took: timedelta) -> None:
        """Tell that a round ended, and which pools do not fail any more."""
        for pool in sorted(self._failing.keys() & self._decided):
            self._log.info("pool is well again", pool=str(pool))
            del self._failing[pool]
        self._log.info("synced", controller=controller, duration_seconds=round(took.total_seconds(), 3))


class Observers:
    """Tells several observers; one that fails harms neither the others nor what it was told of."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("tide.observers")

    def decided(self, decision: Decision) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.decided(decision))

    def standing_seen(self, pool: PoolKey, standing: Standing) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.standing_seen(pool, standing))

    def enacted(self, pool: PoolKey, outcome: Outcome) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.enacted(pool, outcome))

    def pool_failed(self, pool: PoolKey, error: BaseException) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.pool_failed(pool, error))

    def status_withheld(self, pull: PullKey, reason: str) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.status_withheld(pull, reason))

    def status_written(self, pull: PullKey) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.status_written(pull))

    def template_failed(self, pull: PullKey, reason: str) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.template_failed(pull, reason))

    def query_answered(self, query_index: int, org_shard: str, result: str) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.query_answered(query_index, org_shard, result))

    def pools_vanished(self, remaining: frozenset[PoolKey]) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.pools_vanished(remaining))

    def synced(self, controller: str, took: timedelta) -> None:
        """Pass on."""
        self._tell(lambda observer: observer.synced(controller, took))

    def _tell(self, call: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                call(observer)
            except Exception:  # noqa: BLE001 - whatever it is, a sync must not fail for want of an observer; it is logged
                self._log.exception("an observer failed", observer=type(observer).__name__)


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    def __init__(self, redactor: Redactor, *, foreign_pre_chain: list[Processor], processors: list[Processor]) -> None:
        super().__init__(foreign_pre_chain=foreign_pre_chain, processors=processors)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.clean(super().format(record))


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
    ]


def _rendering(log_format: LogFormat) -> list[Processor]:
    strip_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if log_format == "json":
        return [strip_meta, structlog.processors.format_exc_info, _prow_keys, structlog.processors.JSONRenderer()]
    console = structlog.dev.ConsoleRenderer(
        colors=False, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
    )
    return [strip_meta, _printable, console]


def _prow_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Name the keys as Prow's components do (Prow: logrusutil), so that one log pipeline reads both."""
    message, level = event.pop("event", ""), event.pop("level", "info")
    return {"component": _COMPONENT, "severity": level, "msg": message, **event}


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Let no control character that a stranger wrote reach a terminal, nor begin a line of its own."""
    told = {key: value for key, value in event.items() if isinstance(value, str) and key != "stack"}
    return {**event, **{key: _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value) for key, value in told.items()}}
