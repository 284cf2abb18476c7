"""Rules for every kind of job (Prow: validateJobBase, validateAgent, validateLabels)."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from tide.config.completion import KUBERNETES_AGENT, Definition
from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import Job, PeriodicJob, PostsubmitJob, PresubmitJob
from tide.config.validation.cron_lines import judged
from tide.config.validation.decoration import check_decoration
from tide.config.validation.pods import check_pod
from tide.golang.durations import parse_duration
from tide.golang.regexp import compile_pattern

_JENKINS, _TEKTON = "jenkins", "tekton-pipeline"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_JENKINS_NAME = re.compile(r"[A-Za-z0-9._-](?:[A-Za-z0-9._/-]*[A-Za-z0-9_-])?")
_QUALIFIED_NAME = re.compile(r"(?:(?P<prefix>[a-z0-9.-]{1,253})/)?(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,61})?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(?:(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,61})?[A-Za-z0-9])?")
_RESERVED_LABELS = frozenset({"prow.k8s.io/type", "created-by-prow", "prow.k8s.io/id"})


@dataclass(frozen=True, slots=True)
class JobRules:
    """What a job is checked against beside itself."""

    pod_namespace: str = "default"
    job_queues: Collection[str] = field(default_factory=frozenset)


def check_job(job: Sourced[Job], definition: Definition, rules: JobRules, findings: Findings) -> None:
    """Note everything that is wrong with a job; `definition` has at least what is filled in."""
    _check_name(job, definition, findings)
    if job.value.max_concurrency < 0:
        findings.error(job, f"must be 0 or more, not {job.value.max_concurrency}", "max_concurrency")
    _check_agent(job, definition, rules, findings)
    _check_labels(job, findings)
    if job.value.job_queue_name and job.value.job_queue_name not in rules.job_queues:
        message = f"{job.value.job_queue_name!r} is not in plank.job_queue_capacities; add it there or leave it out"
        findings.error(job, message, "job_queue_name")
    _check_timeouts(job, findings)
    if "spec" in definition:
        _check_rerun_auth(job, findings)
        check_pod(job, definition, findings)
        if "decoration_config" in definition:
            check_decoration(job, definition, findings)


def _check_name(job: Sourced[Job], definition: Definition, findings: Findings) -> None:
    if not job.value.name:
        findings.error(job, "the job has no name; give it one of letters, digits, '-', '.' and '_'", "name")
        return
    pattern = _JENKINS_NAME if definition["agent"] == _JENKINS else _NAME
    if not pattern.fullmatch(job.value.name):
        findings.error(job, "its name must be of letters, digits, '-', '.' and '_' only", "name")


def _check_agent(job: Sourced[Job], definition: Definition, rules: JobRules, findings: Findings) -> None:
    agent = definition["agent"]
    if agent not in {KUBERNETES_AGENT, _JENKINS, _TEKTON}:
        findings.warn(job, f"agent {agent!r} is unknown: the job is not checked further", "agent")
        return
    has_pipeline = job.value.pipeline_run_spec is not None or job.value.tekton_pipeline_run_spec is not None
    rejections = (
        (agent == KUBERNETES_AGENT and job.value.spec is None, "spec", "a job of the kubernetes agent needs a spec"),
        (agent != KUBERNETES_AGENT and job.value.spec is not None, "spec", f"agent {agent!r} takes no pod spec"),
        (agent == _TEKTON and not has_pipeline, "agent", "a job of the tekton agent needs a pipeline_run_spec"),
        (agent != _TEKTON and has_pipeline, "agent", f"a pipeline_run_spec needs agent {_TEKTON!r}, not {agent!r}"),
        (
            agent != KUBERNETES_AGENT and "decoration_config" in definition,
            "decorate",
            f"only jobs of the kubernetes agent can be decorated, not of {agent!r}",
        ),
        (
            agent != KUBERNETES_AGENT and job.value.error_on_eviction,
            "error_on_eviction",
            f"only jobs of the kubernetes agent can be evicted, not of {agent!r}",
        ),
        (
            agent != _TEKTON and definition["namespace"] != rules.pod_namespace,
            "namespace",
            f"must be the pod_namespace {rules.pod_namespace!r} with agent {agent!r}; leave it out",
        ),
    )
    for is_wrong, key, message in rejections:
        if is_wrong:
            findings.error(job, message, key)


def _check_labels(job: Sourced[Job], findings: Findings) -> None:
    for label, value in job.value.labels.items():
        if label in _RESERVED_LABELS:
            findings.error(job, f"label {label!r} is Prow's own", "labels", label)
        if not _QUALIFIED_NAME.fullmatch(label):
            findings.error(job, f"{label!r} is not a label that Kubernetes takes", "labels", label)
        if not _LABEL_VALUE.fullmatch(value):
            message = f"{value!r} is not a value that Kubernetes takes for a label: 63 letters, digits, '-', '.', '_'"
            findings.error(job, message, "labels", label)
    for annotation in job.value.annotations:
        if not _QUALIFIED_NAME.fullmatch(annotation):
            findings.error(job, f"{annotation!r} is not an annotation that Kubernetes takes", "annotations", annotation)


def _check_rerun_auth(job: Sourced[Job], findings: Findings) -> None:
    auth = job.value.rerun_auth_config
    if auth is None or not auth.allow_anyone:
        return
    if auth.github_users or auth.github_orgs or auth.github_team_ids or auth.github_team_slugs:
        findings.error(job, "allow_anyone and a list of who may exclude each other; keep one", "rerun_auth_config")


def _check_timeouts(job: Sourced[Job], findings: Findings) -> None:
    for key in ("timeout", "grace_period"):
        duration = (job.value.decoration_config or {}).get(key, "0s")
        try:
            parse_duration(duration if isinstance(duration, str) else "")
        except ValueError:
            message = f"{duration!r} is not a duration such as 90s, 1m30s or 24h"
            findings.error(job, message, "decoration_config", key)


def check_change_matchers(job: Sourced[PresubmitJob] | Sourced[PostsubmitJob], findings: Findings) -> None:
    """Note expressions that do not compile, and ways to choose a job that exclude each other."""
    value = job.value
    for key in ("branches", "skip_branches"):
        _check_expression(job, "|".join(getattr(value, key)), findings, key)
    for key in ("run_if_changed", "skip_if_only_changed"):
        _check_expression(job, getattr(value, key), findings, key)
        if value.always_run and getattr(value, key):
            findings.error(job, f"always_run and {key} exclude each other; keep one", key)
    if value.run_if_changed and value.skip_if_only_changed:
        message = "run_if_changed and skip_if_only_changed exclude each other; keep one"
        findings.error(job, message, "skip_if_only_changed")


def _check_expression(
    job: Sourced[PresubmitJob] | Sourced[PostsubmitJob], pattern: str, findings: Findings, key: str
) -> None:
    try:
        compile_pattern(pattern)
    except ValueError as error:
        findings.error(job, f"the expression {pattern!r} is not valid: {error}", key)


def check_periodic(job: Sourced[PeriodicJob], findings: Findings) -> None:
    """Note a periodic that has no clock, or several, or one that cannot be read."""
    clocks = [key for key in ("cron", "interval", "minimum_interval") if getattr(job.value, key)]
    if not clocks:
        findings.error(job, "a periodic needs one of cron, interval and minimum_interval")
    if len(clocks) > 1:
        findings.error(job, f"{' and '.join(clocks)} exclude each other; keep one", clocks[-1])
    _check_cron(job, findings)
    for key in ("interval", "minimum_interval"):
        _check_interval(job, getattr(job.value, key), findings, key)
    _check_interval(job, (job.value.retry or {}).get("interval", ""), findings, "retry", "interval")


def _check_cron(job: Sourced[PeriodicJob], findings: Findings) -> None:
    if not job.value.cron:
        return
    verdict = judged(job.value.cron)
    if verdict.fault:
        findings.error(job, f"{job.value.cron!r} is no cron line: {verdict.fault}", "cron")
    elif verdict.doubt:
        # The queue never starts a periodic: what Prow may take must not stop the queue.
        findings.warn(job, verdict.doubt, "cron")


def _check_interval(job: Sourced[PeriodicJob], text: object, findings: Findings, *steps: str) -> None:
    if text is None or text == "":
        return
    try:
        parse_duration(str(text))
    except ValueError as error:
        findings.error(job, str(error), *steps)
