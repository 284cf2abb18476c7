"""Branch protection and rulesets as GitHub keeps them; :mod:`tide.sandbox.rules` says what they refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class RequiredCheck:
    """A context or check-run name that must be green; ``app_id`` None or -1 means from anyone."""

    context: str
    app_id: int | None = None


@dataclass(frozen=True)
class RequiredStatusChecks:
    """Required contexts of a branch; ``strict`` wants the head to contain the base."""

    strict: bool = False
    checks: tuple[RequiredCheck, ...] = ()


@dataclass(frozen=True)
class RequiredReviews:
    """Reviews that a branch requires."""

    required_approving_review_count: int = 1
    dismiss_stale_reviews: bool = False
    require_code_owner_reviews: bool = False
    require_last_push_approval: bool = False
    bypass_users: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BranchProtection:
    """Classic protection of a branch. ``restrictions`` are the logins that may push or merge; None means everyone."""

    required_status_checks: RequiredStatusChecks | None = None
    required_pull_request_reviews: RequiredReviews | None = None
    enforce_admins: bool = False
    restrictions: frozenset[str] | None = None
    required_linear_history: bool = False
    allow_force_pushes: bool = False
    allow_deletions: bool = False
    lock_branch: bool = False
    required_signatures: bool = False


RuleType = Literal[
    "creation",
    "update",
    "deletion",
    "required_linear_history",
    "non_fast_forward",
    "required_status_checks",
    "pull_request",
    "merge_queue",
    "required_signatures",
]


@dataclass(frozen=True)
class Rule:
    """One rule of a ruleset with GitHub's own parameters."""

    type: RuleType
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BypassActor:
    """Who may pass a ruleset by. ``login`` is the sandbox's own: it stands for the account with that ``actor_id``."""

    actor_type: Literal["User", "Integration", "OrganizationAdmin", "RepositoryRole", "Team"]
    actor_id: int | None = None
    login: str | None = None
    bypass_mode: Literal["always", "pull_request"] = "always"


@dataclass(frozen=True)
class Ruleset:
    """A ruleset of a repository over branches; patterns are refs, ``~DEFAULT_BRANCH`` or ``~ALL``."""

    id: int
    name: str
    node_id: str
    created_at: datetime
    updated_at: datetime
    rules: tuple[Rule, ...]
    include: tuple[str, ...] = ("~DEFAULT_BRANCH",)
    exclude: tuple[str, ...] = ()
    enforcement: Literal["active", "evaluate", "disabled"] = "active"
    bypass_actors: tuple[BypassActor, ...] = ()

    def covers(self, branch: str, default_branch: str) -> bool:
        """Whether the patterns name this branch (GitHub: "Creating rulesets", fnmatch syntax)."""

        def matches(pattern: str) -> bool:
            if pattern == "~ALL":
                return True
            if pattern == "~DEFAULT_BRANCH":
                return branch == default_branch
            return fnmatchcase(f"refs/heads/{branch}", pattern)

        return any(map(matches, self.include)) and not any(map(matches, self.exclude))
