"""config.yaml as a whole (Prow: ProwConfig), as far as a merge queue looks at it."""

from datetime import timedelta

from pydantic import Field

from tide.config.prow.branch_protection import BranchProtection
from tide.config.prow.jobs import JobSections
from tide.config.prow.tide import TideSection
from tide.config.prow.values import Duration, Flag, GoStruct, ListOf, MapOf, NamesTo, Number, Opaque, Text


class DefaultEntry(GoStruct):
    """A default for the jobs of some repository and cluster; "" and `*` mean all."""

    repo: Text = ""
    cluster: Text = ""
    config: Opaque = Field(default_factory=dict)


class Plank(GoStruct):
    """What the ProwJob controller is told (Prow: Plank)."""

    known_to_others = frozenset(
        (
            "allow_cancellations",
            "build_cluster_status_file",
            "job_url_prefix_config",
            "job_url_template",
            "max_concurrency",
            "job_url_prefix_disable_append_storage_provider",
            "max_goroutines",
            "pod_pending_timeout",
            "pod_running_timeout",
            "pod_unscheduled_timeout",
            "report_template",
            "report_templates",
        )
    )

    default_decoration_configs: MapOf[Opaque] = Field(default_factory=dict)
    default_decoration_config_entries: ListOf[DefaultEntry] = ()
    job_queue_capacities: MapOf[Number] = Field(default_factory=dict)


class InRepoConfig(GoStruct):
    """For which repositories jobs are also read from the repository itself (Prow: InRepoConfig)."""

    enabled: NamesTo[Flag] = Field(default_factory=dict)
    allowed_clusters: NamesTo[ListOf[Text]] = Field(default_factory=dict)


class GitHubOptions(GoStruct):
    """How people reach the code host (Prow: GitHubOptions)."""

    link_url: Text = ""


class Scheduler(GoStruct):
    """Whether ProwJobs wait to be assigned to a cluster first (Prow: Scheduler)."""

    known_to_others = frozenset({"scheduling"})

    enabled: Flag = False


class ProwConfig(JobSections):
    """config.yaml itself."""

    known_to_others = frozenset(
        (
            "config_version_sha",
            "deck",
            "disabled_clusters",
            "gangway",
            "gerrit",
            "github_reporter",
            "horologium",
            "jenkins_operators",
            "log_level",
            "managed_webhooks",
            "moonraker",
            "owners_dir_denylist",
            "pipeline",
            "prow_ignored",
            "pubsub_subscriptions",
            "pubsub_triggers",
            "push_gateway",
            "sinker",
            "slack_reporter_configs",
            "status_error_link",
        )
    )

    tide: TideSection = Field(default_factory=TideSection)
    plank: Plank = Field(default_factory=Plank)
    branch_protection: BranchProtection = Field(default_factory=BranchProtection, alias="branch-protection")
    in_repo_config: InRepoConfig = Field(default_factory=InRepoConfig)
    github: GitHubOptions = Field(default_factory=GitHubOptions)
    scheduler: Scheduler = Field(default_factory=Scheduler)
    prowjob_default_entries: ListOf[DefaultEntry] = ()
    prowjob_namespace: Text = "default"
    pod_namespace: Text = "default"
    default_job_timeout: Duration = timedelta(hours=24)
