"""Our own file (--merge-queue-config-path): settings of the queue by `*`, org, org/repo, org/repo@branch."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict

from tide.config.problems import Findings, Sourced
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.names import ByName
from tide.domain.rules import LandingMode, QueueSettings, Strategy
from tide.golang.durations import parse_duration


def _duration(value: object) -> timedelta:
    duration = parse_duration(value if isinstance(value, str) else json.dumps(value))
    if duration < timedelta():
        raise ValueError("must not be negative")
    return duration


def _repository(value: object) -> RepoKey:
    if not isinstance(value, str) or any(character.isspace() for character in value):
        raise ValueError("must be of the form org/repo")
    return RepoKey.parse(value)


_WITHOUT_EFFECT = ("optimistic", "flake_retries")
"""What only strategies look at that are not available yet."""

_Flag = Annotated[bool, Strict()]
_Count = Annotated[int, Strict(), Field(ge=0)]
_AtLeastOne = Annotated[int, Strict(), Field(ge=1)]


class QueueFields(BaseModel):
    """What one key of the file sets; None where it leaves a field to the wider keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: Strategy | None = None
    trigger: _Flag | None = None
    paused: _Flag | None = None
    max_runs: _AtLeastOne | None = None
    max_batch: _Count | None = None
    optimistic: _Flag | None = None
    landing: LandingMode | None = None
    flake_retries: _Count | None = None
    update_branch: _Flag | None = None
    freshness: Annotated[timedelta, BeforeValidator(_duration)] | None = None
    jobs_may_read: tuple[Annotated[RepoKey, BeforeValidator(_repository)], ...] | None = None


class MergeQueueFile(BaseModel):
    """The file as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    merge_queue: Annotated[dict[str, QueueFields], AfterValidator(ByName)] = Field(default_factory=dict)


def check_own(file: Sourced[MergeQueueFile], findings: Findings) -> None:
    """Note keys that can never apply, and values that make pools wait."""
    for key, given in file.value.merge_queue.items():
        if not _is_key(key):
            message = f"{key!r} is neither `*` nor of the form org, org/repo or org/repo@branch"
            findings.error(file, message, "merge_queue", key)
        rest = "is not available yet: the pools that this applies to will wait; set it to"
        if given.strategy not in {None, Strategy.TIDE}:
            findings.warn(file, f"the strategy `{given.strategy}` {rest} `tide`", "merge_queue", key, "strategy")
        if given.landing not in {None, LandingMode.REST}:
            findings.warn(file, f"landing by `{given.landing}` {rest} `rest`", "merge_queue", key, "landing")
        for name in _WITHOUT_EFFECT:
            if getattr(given, name) is not None:
                message = f"`{name}` has no effect with the strategy `tide`; take it out"
                findings.warn(file, message, "merge_queue", key, name)
        if given.max_runs is not None and given.trigger is False:
            message = "has no effect beside `trigger: false`: it bounds the first runs, which `trigger` starts"
            findings.warn(file, message, "merge_queue", key, "max_runs")


def _is_key(key: str) -> bool:
    if key == "*":
        return True
    repo, at, branch = key.partition("@")
    parts = repo.split("/")
    if len(parts) > len(("org", "repo")) or not all(parts) or any(character.isspace() for character in key):
        return False
    return bool(branch) and len(parts) > 1 if at else True


def settings_for(keys: Mapping[str, QueueFields], pool: PoolKey, *, trigger_by_default: bool) -> QueueSettings:
    """Put together the settings of one pool: for each field the most specific key that sets it wins."""
    settings: dict[str, Any] = {"trigger": trigger_by_default}
    for given in _for_pool(keys, pool):
        settings |= {field.name: value for field in _FIELDS if (value := getattr(given, field.name)) is not None}
    return QueueSettings(**settings)


def jobs_may_read(keys: Mapping[str, QueueFields], pool: PoolKey) -> frozenset[RepoKey]:
    """Name the repositories beside its own that the jobs of one pool may read with our token."""
    listed = [given.jobs_may_read for given in _for_pool(keys, pool) if given.jobs_may_read is not None]
    return frozenset(listed[-1] if listed else ())


def _for_pool(keys: Mapping[str, QueueFields], pool: PoolKey) -> Iterator[QueueFields]:
    """Give what is set for a pool, from the widest key to the most specific one."""
    repo = str(pool.repository)
    return (keys[key] for key in ("*", pool.org, repo, f"{repo}@{pool.branch}") if key in keys)


_FIELDS = fields(QueueSettings)
