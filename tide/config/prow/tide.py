"""The `tide` section of config.yaml (Prow: pkg/config/tide.go)."""

from datetime import timedelta

from pydantic import Field

from tide.config.prow.values import Duration, Flag, GoStruct, ListOf, MapOf, NamesTo, Number, Opaque, Text


class TideQuery(GoStruct):
    """Which pull requests opt in (Prow: TideQuery)."""

    author: Text = ""
    labels: ListOf[Text] = ()
    missing_labels: ListOf[Text] = Field(default=(), alias="missingLabels")
    excluded_branches: ListOf[Text] = Field(default=(), alias="excludedBranches")
    included_branches: ListOf[Text] = Field(default=(), alias="includedBranches")
    milestone: Text = ""
    review_approved_required: Flag = Field(default=False, alias="reviewApprovedRequired")
    orgs: ListOf[Text] = ()
    repos: ListOf[Text] = ()
    excluded_repos: ListOf[Text] = Field(default=(), alias="excludedRepos")


class CommitTemplate(GoStruct):
    """Go templates for the merge commit (Prow: TideMergeCommitTemplate)."""

    title: Text = ""
    body: Text = ""


class ContextOptionsLevel(GoStruct):
    """What one level says about contexts (Prow: TideContextPolicy); None where it says nothing."""

    skip_unknown: Flag | None = Field(default=None, alias="skip-unknown-contexts")
    required: ListOf[Text] = Field(default=(), alias="required-contexts")
    required_if_present: ListOf[Text] = Field(default=(), alias="required-if-present-contexts")
    optional: ListOf[Text] = Field(default=(), alias="optional-contexts")
    optional_patterns: ListOf[Text] = Field(default=(), alias="optional-regex-contexts")
    from_branch_protection: Flag | None = Field(default=None, alias="from-branch-protection")
    overwrite_pending: Flag | None = Field(default=None, alias="overwrite-pending-contexts")


class RepoContextOptions(ContextOptionsLevel):
    """The options of a repository, and of its branches by exact name."""

    branches: MapOf[ContextOptionsLevel] = Field(default_factory=dict)


class OrgContextOptions(ContextOptionsLevel):
    """The options of an organisation and of its repositories."""

    repos: NamesTo[RepoContextOptions] = Field(default_factory=dict)


class ContextOptions(ContextOptionsLevel):
    """The options for everything and of organisations (Prow: TideContextPolicyOptions)."""

    orgs: NamesTo[OrgContextOptions] = Field(default_factory=dict)


class PriorityEntry(GoStruct):
    """Labels that together make a pull request urgent (Prow: TidePriority)."""

    labels: ListOf[Text] = ()


class TideSection(GoStruct):
    """The section itself (Prow: Tide).

    `merge_method` is overloaded: a method, or a map of repositories to a method or to a map of branch patterns to
    methods; it is taken apart by `merge_methods`.
    """

    sync_period: Duration = timedelta(minutes=1)
    status_update_period: Duration | None = None
    max_goroutines: Number = 0
    queries: ListOf[TideQuery] = ()
    merge_method: MapOf[object] = Field(default_factory=dict)
    merge_commit_template: NamesTo[CommitTemplate] = Field(default_factory=dict)
    target_url: Text = ""
    target_urls: NamesTo[Text] = Field(default_factory=dict)
    pr_status_base_url: Text = ""
    pr_status_base_urls: NamesTo[Text] = Field(default_factory=dict)
    blocker_label: Text = ""
    squash_label: Text = ""
    rebase_label: Text = ""
    merge_label: Text = ""
    context_options: ContextOptions = Field(default_factory=ContextOptions)
    batch_size_limit: NamesTo[Number] = Field(default_factory=dict)
    prioritize_existing_batches: NamesTo[Flag] = Field(default_factory=dict)
    github_merge_blocks_policy: NamesTo[Text] = Field(default_factory=dict)
    priority: ListOf[PriorityEntry] = ()
    display_all_tide_queries_in_status: Flag = False
    gerrit: Opaque = Field(default_factory=dict)
