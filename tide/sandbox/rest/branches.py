"""Endpoints of the protection and the rulesets of branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tide.sandbox.branch_rules import active_rulesets, bypass_of
from tide.sandbox.protection import (
    BranchProtection,
    BypassActor,
    RequiredCheck,
    RequiredReviews,
    RequiredStatusChecks,
    Rule,
    Ruleset,
    RuleType,
)
from tide.sandbox.rest.call import Answer, Body, RestError, not_found
from tide.sandbox.rest.shapes_rules import protection, ruleset

if TYPE_CHECKING:
    from tide.sandbox.rest.call import Call

NOT_PROTECTED = "Branch not protected"
NO_BRANCH = "Branch not found"


class CheckBody(Body):
    """One required check."""

    context: str
    app_id: int | None = None


class ChecksBody(Body):
    """Required checks; ``contexts`` is the old form of ``checks``."""

    strict: bool = False
    contexts: tuple[str, ...] = ()
    checks: tuple[CheckBody, ...] = ()

    def value(self) -> RequiredStatusChecks:
        """Return the rule."""
        old = [RequiredCheck(context) for context in self.contexts]
        new = [RequiredCheck(check.context, check.app_id) for check in self.checks]
        return RequiredStatusChecks(self.strict, tuple(new or old))


class ActorsBody(Body):
    """Users that a restriction or an allowance names."""

    users: tuple[str, ...] = ()


class ReviewsBody(Body):
    """Required reviews."""

    required_approving_review_count: int = 1
    dismiss_stale_reviews: bool = False
    require_code_owner_reviews: bool = False
    require_last_push_approval: bool = False
    bypass_pull_request_allowances: ActorsBody = ActorsBody()

    def value(self) -> RequiredReviews:
        """Return the rule."""
        fields = self.model_dump(exclude={"bypass_pull_request_allowances"})
        return RequiredReviews(**fields, bypass_users=frozenset(self.bypass_pull_request_allowances.users))


class ProtectionBody(Body):
    """Body of ``PUT /branches/{branch}/protection``: four fields must be there, null turns a rule off."""

    required_status_checks: ChecksBody | None
    enforce_admins: bool | None
    required_pull_request_reviews: ReviewsBody | None
    restrictions: ActorsBody | None
    required_linear_history: bool = False
    allow_force_pushes: bool | None = None
    allow_deletions: bool = False
    lock_branch: bool = False

    def value(self) -> BranchProtection:
        """Return the protection."""
        checks, reviews, restrictions = (
            self.required_status_checks,
            self.required_pull_request_reviews,
            self.restrictions,
        )
        return BranchProtection(
            required_status_checks=checks.value() if checks else None,
            required_pull_request_reviews=reviews.value() if reviews else None,
            enforce_admins=bool(self.enforce_admins),
            restrictions=frozenset(restrictions.users) if restrictions else None,
            required_linear_history=self.required_linear_history,
            allow_force_pushes=bool(self.allow_force_pushes),
            allow_deletions=self.allow_deletions,
            lock_branch=self.lock_branch,
        )


class RuleBody(Body):
    """One rule with GitHub's parameters."""

    type: RuleType
    parameters: dict[str, Any] = Field(default_factory=dict)


class ActorBody(Body):
    """Who may pass a ruleset by."""

    actor_id: int | None = None
    actor_type: Literal["User", "Integration", "OrganizationAdmin", "RepositoryRole", "Team"]
    bypass_mode: Literal["always", "pull_request"] = "always"


class RefNames(Body):
    """Patterns of refs."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Conditions(Body):
    """Where a ruleset applies."""

    ref_name: RefNames = RefNames(include=("~DEFAULT_BRANCH",))


class RulesetBody(Body):
    """Body of ``POST /rulesets``."""

    name: str
    target: Literal["branch"] = "branch"
    enforcement: Literal["active", "evaluate", "disabled"]
    bypass_actors: tuple[ActorBody, ...] = ()
    conditions: Conditions = Conditions()
    rules: tuple[RuleBody, ...] = ()


def _branch(call: Call) -> str:
    name = call.path("branch")
    if name not in call.repository.branches:
        raise RestError(404, NO_BRANCH)
    return name


def _classic(call: Call) -> BranchProtection:
    """Return the classic protection of the branch; raise GitHub's 404 where there is none."""
    found = call.repository.protections.get(_branch(call))
    if found is None:
        raise RestError(404, NOT_PROTECTED)
    return found


def _shown_protection(call: Call) -> dict[str, Any]:
    return protection(call.base, call.forge, call.repository, _branch(call), _classic(call))


async def get_protection(call: Call) -> Answer:
    """``GET /branches/{branch}/protection``."""
    return Answer(_shown_protection(call))


async def put_protection(call: Call) -> Answer:
    """``PUT /branches/{branch}/protection``."""
    name = _branch(call)
    call.forge.protect_branch(call.repository, name, call.body(ProtectionBody).value(), call.login)
    return await get_protection(call)


async def rules_of_branch(call: Call) -> Answer:
    """``GET /rules/branches/{branch}``: every active rule, whoever may pass it by."""
    shown = [
        {
            "type": rule.type,
            **({"parameters": dict(rule.parameters)} if rule.parameters else {}),
            "ruleset_source_type": "Repository",
            "ruleset_source": call.repository.full_name,
            "ruleset_id": found.id,
        }
        for found in active_rulesets(call.forge, call.repository, call.path("branch"))
        for rule in found.rules
    ]
    return call.page(shown, lambda rule: rule)


async def get_ruleset(call: Call) -> Answer:
    """``GET /rulesets/{number}``."""
    return Answer(_shown_to_caller(call, _ruleset(call)))


def _shown_to_caller(call: Call, found: Ruleset) -> dict[str, Any]:
    shown = ruleset(call.base, call.repository, found)
    return {**shown, "current_user_can_bypass": bypass_of(call.forge, call.repository, found, call.login)}


def _ruleset(call: Call) -> Ruleset:
    number = call.path("number")
    found = call.repository.rulesets.get(int(number)) if number.isdigit() else None
    if found is None:
        raise not_found()
    return found


async def create_ruleset(call: Call) -> Answer:
    """``POST /rulesets``."""
    body = call.body(RulesetBody)
    number = call.forge.next_id()
    made = Ruleset(
        id=number,
        name=body.name,
        node_id=call.forge.node_id("RRS", number),
        created_at=call.forge.now(),
        updated_at=call.forge.now(),
        rules=tuple(Rule(rule.type, rule.parameters) for rule in body.rules),
        include=body.conditions.ref_name.include,
        exclude=body.conditions.ref_name.exclude,
        enforcement=body.enforcement,
        bypass_actors=tuple(
            BypassActor(actor.actor_type, actor.actor_id, bypass_mode=actor.bypass_mode) for actor in body.bypass_actors
        ),
    )
    call.forge.put_ruleset(call.repository, made, call.login)
    return Answer(_shown_to_caller(call, made), 201)
