"""Jobs and presets (Prow: pkg/config/jobs.go). Pod specifications stay as they are written."""

from pydantic import Field

from tide.config.prow.values import Flag, GoStruct, ListOf, MapOf, Number, Opaque, Text


class Preset(GoStruct):
    """What is added to the jobs that carry all of `labels` (Prow: Preset)."""

    labels: MapOf[Text] = Field(default_factory=dict)
    env: ListOf[Opaque] = ()
    volumes: ListOf[Opaque] = ()
    volume_mounts: ListOf[Opaque] = Field(default=(), alias="volumeMounts")
    tolerations: ListOf[Opaque] = ()


class RerunAuth(GoStruct):
    """Who may start a job again (Prow: RerunAuthConfig)."""

    allow_anyone: Flag = False
    github_team_ids: ListOf[Number] = ()
    github_team_slugs: ListOf[Opaque] = ()
    github_users: ListOf[Text] = ()
    github_orgs: ListOf[Text] = ()


class Refs(GoStruct):
    """Another repository to check out (Prow: Refs)."""

    org: Text = ""
    repo: Text = ""
    repo_link: Text = ""
    base_ref: Text = ""
    base_sha: Text = ""
    base_link: Text = ""
    path_alias: Text = ""
    workdir: Flag = False
    clone_uri: Text = ""
    skip_submodules: Flag = False
    clone_depth: Number = 0
    skip_fetch_head: Flag = False
    auxiliary: Flag = False
    blobless_fetch: Flag | None = None
    sparse_checkout_files: ListOf[Text] = ()


class Job(GoStruct):
    """What all kinds of jobs have (Prow: JobBase, UtilityConfig)."""

    name: Text = ""
    labels: MapOf[Text] = Field(default_factory=dict)
    annotations: MapOf[Text] = Field(default_factory=dict)
    max_concurrency: Number = 0
    agent: Text = ""
    cluster: Text = ""
    namespace: Text = ""
    error_on_eviction: Flag = False
    spec: Opaque | None = None
    pipeline_run_spec: Opaque | None = None
    tekton_pipeline_run_spec: Opaque | None = None
    reporter_config: Opaque | None = None
    rerun_auth_config: RerunAuth | None = None
    hidden: Flag = False
    prowjob_defaults: Opaque | None = None
    job_queue_name: Text = ""
    decorate: Flag | None = None
    decoration_config: Opaque | None = None
    path_alias: Text = ""
    clone_uri: Text = ""
    skip_submodules: Flag = False
    clone_depth: Number = 0
    skip_fetch_head: Flag = False
    extra_refs: ListOf[Refs] = ()


class BranchJob(Job):
    """A job of a repository's branches that may depend on what changed (Prow: Brancher, RegexpChangeMatcher)."""

    branches: ListOf[Text] = ()
    skip_branches: ListOf[Text] = ()
    run_if_changed: Text = ""
    skip_if_only_changed: Text = ""
    context: Text = ""
    skip_report: Flag = False
    jenkins_spec: Opaque | None = None


class PresubmitJob(BranchJob):
    """A job on pull requests (Prow: Presubmit)."""

    always_run: Flag = False
    optional: Flag = False
    trigger: Text = ""
    rerun_command: Text = ""
    run_before_merge: Flag = False


class PostsubmitJob(BranchJob):
    """A job on what was merged (Prow: Postsubmit)."""

    always_run: Flag | None = None


class PeriodicJob(Job):
    """A job by the clock (Prow: Periodic)."""

    cron: Text = ""
    interval: Text = ""
    minimum_interval: Text = ""
    tags: ListOf[Text] = ()
    retry: Opaque | None = None


class JobSections(GoStruct):
    """The keys that both config.yaml and job files may hold (Prow: JobConfig)."""

    presets: ListOf[Preset] = ()
    presubmits: MapOf[ListOf[PresubmitJob]] = Field(default_factory=dict)
    postsubmits: MapOf[ListOf[PostsubmitJob]] = Field(default_factory=dict)
    periodics: ListOf[PeriodicJob] = ()
    decorate_all_jobs: Flag = False


class JobFile(JobSections):
    """A job file; `decorate_all_jobs` has no effect in it."""

    known_to_others = frozenset({"prow_ignored"})


class InRepoJobFile(GoStruct):
    """A file of jobs that a repository holds itself (Prow: ProwYAML)."""

    known_to_others = frozenset({"prow_ignored"})

    presets: ListOf[Preset] = ()
    presubmits: ListOf[PresubmitJob] = ()
    postsubmits: ListOf[PostsubmitJob] = ()
