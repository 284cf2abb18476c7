"""The `branch-protection` section (Prow: pkg/config/branch_protection.go), as far as Tide looks at it."""

from pydantic import Field

from tide.config.prow.values import Flag, GoStruct, ListOf, MapOf, NamesTo, Opaque, Text


class StatusChecks(GoStruct):
    """The contexts that a branch requires (Prow: ContextPolicy)."""

    contexts: ListOf[Text] = ()
    strict: Flag | None = None


class ProtectionPolicy(GoStruct):
    """What one level says about protection (Prow: Policy); None where it says nothing."""

    unmanaged: Flag | None = None
    protect: Flag | None = None
    required_status_checks: StatusChecks | None = None
    enforce_admins: Flag | None = None
    restrictions: Opaque | None = None
    require_manually_triggered_jobs: Flag | None = None
    required_pull_request_reviews: Opaque | None = None
    required_linear_history: Flag | None = None
    allow_force_pushes: Flag | None = None
    allow_deletions: Flag | None = None
    require_signed_commits: Flag | None = None
    include: ListOf[Text] = ()
    exclude: ListOf[Text] = ()


class RepoProtection(ProtectionPolicy):
    """The policy of a repository, and of its branches by exact name."""

    branches: MapOf[ProtectionPolicy] = Field(default_factory=dict)


class OrgProtection(ProtectionPolicy):
    """The policy of an organisation and of its repositories."""

    repos: NamesTo[RepoProtection] = Field(default_factory=dict)


class BranchProtection(ProtectionPolicy):
    """The policy for everything and of organisations (Prow: BranchProtection)."""

    orgs: NamesTo[OrgProtection] = Field(default_factory=dict)
    protect_tested: Flag | None = Field(default=None, alias="protect-tested-repos")
    allow_disabled_policies: Flag | None = None
    allow_disabled_job_policies: Flag | None = None
    protect_repos_with_optional_jobs: Flag | None = None
