"""Read what GitHub itself asks of a merge into a branch: rulesets and classic protection, brought to one form.

GitHub docs: REST API endpoints for rules, "Get rules for a branch" (every active rule, whoever may pass it by) and
"Get a repository ruleset" (whether we may); GraphQL `Ref.refUpdateRule`, `Ref.branchProtectionRule` and
`Repository.mergeQueue` for classic protection. Servers older than rulesets have fewer of these: what they do not tell
is found out by a refusal.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from tide.adapters.github.answers import path
from tide.adapters.github.batches import batches
from tide.adapters.github.client import Client
from tide.adapters.github.graph import Graph
from tide.adapters.github.graph_errors import FORBIDDEN
from tide.adapters.github.parse import read
from tide.adapters.github.repeating import numbered
from tide.adapters.news import News
from tide.domain.branch_rules import EVERY_METHOD, BranchRules
from tide.domain.errors import BadAnswer, NotFound, RemoteError, Unauthorized
from tide.domain.keys import PoolKey
from tide.domain.pulls import MergeMethod

BEARING_ON_MERGES = frozenset(
    {
        "merge_queue",
        "pull_request",
        "required_linear_history",
        "required_signatures",
        "required_status_checks",
        "update",
    }
)
"""The rules that we understand; GitHub refuses by the others all the same (`tide.adapters.github.merging`)."""

AT_ONCE = 50
"""Branches whose protection is asked for in one request, which costs a point however many they are."""

AHEAD_LASTS = timedelta(minutes=5)
"""For how long what was read ahead may stand for a reading."""

# How we may pass a ruleset by; the API merges by way of a pull request.
_BYPASSES = frozenset({"always", "exempt", "pull_requests_only"})

_log = structlog.get_logger(__name__)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Rule(_Told):
    type: str
    ruleset_id: int | None = None
    parameters: dict[str, Any] | None = None


class _Ruleset(_Told):
    current_user_can_bypass: str = "never"


class _Check(_Told):
    context: str


class _Checks(_Told):
    required_status_checks: tuple[_Check, ...] = ()
    strict_required_status_checks_policy: bool = False


class _PullRequests(_Told):
    required_approving_review_count: int = 0
    require_code_owner_review: bool = False
    allowed_merge_methods: tuple[str, ...] | None = None


class _UpdateRule(_Node):
    required_approving_review_count: int | None = None
    required_status_check_contexts: tuple[str | None, ...] | None = None
    requires_code_owner_reviews: bool = False
    requires_linear_history: bool = False
    requires_signatures: bool = False
    viewer_can_push: bool = True


class _ProtectionRule(_Node):
    is_admin_enforced: bool
    requires_strict_status_checks: bool


class _Ref(_Node):
    branch_protection_rule: _ProtectionRule | None = None
    ref_update_rule: _UpdateRule | None = None


class _Repository(_Node):
    merge_queue: dict[str, Any] | None = None
    ref: _Ref | None = None


class BranchRulesReader:
    """Reads the rules of branches.

    Args:
        client: What rulesets are read by.
        graph: What classic protection is read by; its clock tells how old that is.
    """

    def __init__(self, client: Client, graph: Graph) -> None:
        self._client, self._graph = client, graph
        self._ahead: dict[PoolKey, tuple[datetime, _Repository]] = {}
        self._untold, self._untold_together = News[PoolKey](), News[str]()

    async def read(self, pool: PoolKey) -> BranchRules:
        """Read what binds us on a branch; see `tide.ports.code_host.CodeHost.branch_rules`."""
        rules = await self._ruleset_rules(pool)
        bypassed = await self._bypassed(pool, rules)
        binding = [rule for rule in rules if rule.ruleset_id not in bypassed]
        classic = self._taken(pool) or await self._classic(pool)
        # A queue that a ruleset asks for is the ruleset's, and may be passed by with it.
        has_classic_queue = classic.merge_queue is not None and all(rule.type != "merge_queue" for rule in rules)
        found = reduce(with_rule, binding, BranchRules(requires_queue=has_classic_queue, may_bypass=bool(bypassed)))
        return with_protection(found, classic.ref or _Ref())

    async def prepare(self, pools: Iterable[PoolKey]) -> None:
        """Read the classic protection of these branches together; what cannot be read so is left to `read`."""
        # Each organisation may have a token, and troubles, of its own.
        by_org = [list(of_org) for _, of_org in groupby(sorted(pools), key=lambda pool: pool.org)]
        self._ahead.clear()
        await asyncio.gather(*(self._prepare(some) for here in by_org for some in batches(here, AT_ONCE)))

    async def _prepare(self, pools: Sequence[PoolKey]) -> None:
        """Read it for branches of one organisation."""
        try:
            answer = await self._graph.ask_of_many("branch_rules", list(map(_variables, pools)), org=pools[0].org)
        except RemoteError as error:
            if self._untold_together.is_new(pools[0].org, str(error)):
                _log.info("branch protection is not told of many at once", org=pools[0].org, why=str(error))
            return
        self._untold_together.is_over(pools[0].org)
        for number, pool in enumerate(pools):
            name = numbered("repository", number)
            # An error that has no place may be about any of them.
            is_whole = all(error.path and (error.path[0] != name or error.kind == FORBIDDEN) for error in answer.errors)
            told = answer.data.get(name)
            if is_whole and told is not None:
                with suppress(BadAnswer):
                    self._ahead[pool] = answer.asked_at, read(_Repository, told)

    def _taken(self, pool: PoolKey) -> _Repository | None:
        """Take what was read ahead, once, and not when it has grown old."""
        asked_at, found = self._ahead.pop(pool, (None, None))
        return found if asked_at and self._graph.clock.now() - asked_at < AHEAD_LASTS else None

    async def _ruleset_rules(self, pool: PoolKey) -> list[_Rule]:
        where = path("repos", pool.org, pool.repo, "rules", "branches", pool.branch, slash="%2F")
        try:
            listed = await self._client.get_all(where, org=pool.org)
        except NotFound:
            return []
        return [rule for rule in (read(_Rule, one) for one in listed) if rule.type in BEARING_ON_MERGES]

    async def _bypassed(self, pool: PoolKey, rules: Sequence[_Rule]) -> frozenset[int]:
        numbers = sorted({rule.ruleset_id for rule in rules if rule.ruleset_id is not None})
        return frozenset([number for number in numbers if await self._may_bypass(pool, number)])

    async def _may_bypass(self, pool: PoolKey, number: int) -> bool:
        try:
            told = await self._client.get(path("repos", pool.org, pool.repo, "rulesets", number), org=pool.org)
        except (NotFound, Unauthorized):
            return False
        return read(_Ruleset, told).current_user_can_bypass in _BYPASSES

    async def _classic(self, pool: PoolKey) -> _Repository:
        try:
            answer = await self._graph.ask("branch_rules", _variables(pool), org=pool.org)
        except BadAnswer as error:
            if self._untold.is_new(pool, str(error)):
                _log.warning("branch protection is not told", pool=str(pool), why=str(error))
            return _Repository()
        self._untold.is_over(pool)
        return read(_Repository, answer.data.get("repository") or {})


def _variables(pool: PoolKey) -> dict[str, str]:
    return {"owner": pool.org, "name": pool.repo, "ref": f"refs/heads/{pool.branch}", "branch": pool.branch}


def with_rule(rules: BranchRules, rule: _Rule) -> BranchRules:
    """Add a rule of a ruleset; of several of one kind the strictest counts."""
    parameters: Mapping[str, Any] = rule.parameters or {}
    if about_commits := _ABOUT_COMMITS.get(rule.type):
        return about_commits(rules)
    match rule.type:
        case "merge_queue":
            return replace(rules, requires_queue=True)
        case "update":
            return replace(rules, may_push=False)
        case "required_status_checks":
            checks = read(_Checks, parameters)
            return replace(
                rules,
                required_contexts=_united(rules, [check.context for check in checks.required_status_checks]),
                is_strict=rules.is_strict or checks.strict_required_status_checks_policy,
            )
        case "pull_request":
            return _with_pull_requests(rules, read(_PullRequests, parameters))
    return rules


def _with_pull_requests(rules: BranchRules, asked: _PullRequests) -> BranchRules:
    allowed = asked.allowed_merge_methods
    forbidden = () if allowed is None else [method for method in EVERY_METHOD if method.value not in allowed]
    return replace(
        _without(rules, *forbidden),
        required_approvals=max(rules.required_approvals, asked.required_approving_review_count),
        needs_code_owners=rules.needs_code_owners or asked.require_code_owner_review,
    )


def with_protection(rules: BranchRules, ref: _Ref) -> BranchRules:
    """Add what classic protection asks."""
    update, protection = ref.ref_update_rule, ref.branch_protection_rule
    if protection and not protection.is_admin_enforced:
        # Whoever is shown it is an administrator, whom nothing binds that is not enforced for them.
        return rules
    if protection and protection.requires_strict_status_checks:
        rules = replace(rules, is_strict=True)
    if update is None:
        return rules
    if update.requires_linear_history:
        rules = _linear(rules)
    if update.requires_signatures:
        rules = _signed(rules)
    contexts = [context for context in update.required_status_check_contexts or () if context]
    return replace(
        rules,
        required_contexts=_united(rules, contexts),
        required_approvals=max(rules.required_approvals, update.required_approving_review_count or 0),
        needs_code_owners=rules.needs_code_owners or update.requires_code_owner_reviews,
        may_push=rules.may_push and update.viewer_can_push,
        # The rule itself is shown to administrators only; one without checks is not strict.
        hides_strictness=protection is None and bool(contexts) and not rules.is_strict,
    )


def _linear(rules: BranchRules) -> BranchRules:
    return replace(_without(rules, MergeMethod.MERGE), requires_linear_history=True)


def _signed(rules: BranchRules) -> BranchRules:
    # GitHub signs the commits of a merge and of a squash, but not those that it rebases (chdsbd/kodiak#275).
    return replace(_without(rules, MergeMethod.REBASE), requires_signatures=True)


_ABOUT_COMMITS = {"required_linear_history": _linear, "required_signatures": _signed}


def _united(rules: BranchRules, contexts: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({*rules.required_contexts, *contexts}))


def _without(rules: BranchRules, *methods: MergeMethod) -> BranchRules:
    return replace(rules, merge_methods=tuple(method for method in rules.merge_methods if method not in methods))
