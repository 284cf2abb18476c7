"""What GitHub demands of the branch `main`: classic protection, of which there is one at a time, and a ruleset."""

from tests.integration.sync.story import Story
from tide.sandbox.protection import (
    BranchProtection,
    BypassActor,
    RequiredCheck,
    RequiredReviews,
    RequiredStatusChecks,
    Rule,
    Ruleset,
)


def require_checks(ctx: Story, *names: str, strict: bool = False, enforce_admins: bool = False) -> None:
    """Protect it so that these contexts must have passed; where it is `strict`, on heads that are up to date."""
    checks = RequiredStatusChecks(strict=strict, checks=tuple(RequiredCheck(name) for name in names))
    protection = BranchProtection(required_status_checks=checks, enforce_admins=enforce_admins)
    ctx.forge.protect_branch(ctx.repository(), "main", protection)


def require_reviews(ctx: Story, count: int = 1, *, enforce_admins: bool = False) -> None:
    """Protect it so that as many must have approved."""
    reviews = RequiredReviews(required_approving_review_count=count)
    protection = BranchProtection(required_pull_request_reviews=reviews, enforce_admins=enforce_admins)
    ctx.forge.protect_branch(ctx.repository(), "main", protection)


def put_rules(ctx: Story, *rules: Rule, bypass: tuple[BypassActor, ...] = ()) -> None:
    """Put a ruleset on every branch."""
    now = ctx.clock.now()
    ctx.forge.put_ruleset(ctx.repository(), Ruleset(1, "rules", "RRS_1", now, now, rules, bypass_actors=bypass))
