"""Jobs that do not get what they seem to ask for."""

from collections.abc import Iterable

from tide.config.completion import KUBERNETES_AGENT
from tide.config.defaults import decoration_entries
from tide.config.problems import Findings, Sourced
from tide.config.prow.config import ProwConfig
from tide.config.prow.jobs import Job, PeriodicJob, Preset, PresubmitJob
from tide.domain.names import folded

_LONGEST_LABEL = 63  # Kubernetes: validation.LabelValueMaxLength
_PRESET = "preset-"  # what labels of presets begin with, by custom


def advise_on_jobs(
    jobs: Iterable[Sourced[Job]], presets: Iterable[Preset], config: ProwConfig, findings: Findings
) -> None:
    """Warn of names that labels cannot hold, of pods without utilities, and of labels that bring nothing."""
    brought = {pair for preset in presets for pair in preset.labels.items()}
    known = {label for label, _ in brought}
    is_decorated = config.decorate_all_jobs
    has_defaults = bool(decoration_entries(config))
    for job in jobs:
        if (job.value.agent or KUBERNETES_AGENT) == KUBERNETES_AGENT:
            _warn_of_long_name(job, findings)
            if has_defaults and not is_decorated:
                _warn_of_plain_pod(job, findings)
        _warn_of_clones(job, findings)
        for label, value in job.value.labels.items():
            if (label, value) not in brought and (label in known or label.startswith(_PRESET)):
                message = f"no preset has the label {label}: {value!r}, so it brings the job nothing"
                findings.warn(job, message, "labels", label, kind="label of no preset", other=f"{label}: {value!r}")


def _warn_of_long_name(job: Sourced[Job], findings: Findings) -> None:
    """Prow: checkconfig validateJobRequirements."""
    if len(job.value.name) > _LONGEST_LABEL:
        message = f"its name is longer than the {_LONGEST_LABEL} characters of a label, by which Prow's pods are found"
        findings.warn(job, message, "name")


def _warn_of_clones(job: Sourced[Job], findings: Findings) -> None:
    """Prow: checkconfig validatePeriodicDefaultCloneConfig, validateJobExtraRefs."""
    if isinstance(job.value, PeriodicJob):
        for key in ("clone_depth", "clone_uri", "path_alias"):
            if getattr(job.value, key):
                findings.warn(job, f"{key} has no effect in a periodic; it belongs into extra_refs", key)
    named = [folded(f"{refs.org}/{refs.repo}") for refs in job.value.extra_refs]
    if isinstance(job.value, PresubmitJob):
        own = folded(str(job.path[1]))
        for index, name in enumerate(named):
            if name == own or name in named[:index]:
                message = f"{name} is cloned more than once, which Prow's clonerefs refuses"
                findings.warn(job, message, "extra_refs", index, kind="cloned twice")


def _warn_of_plain_pod(job: Sourced[Job], findings: Findings) -> None:
    """Prow: checkconfig validateDecoratedJobs, which also tells of those that decline by `decorate: false`."""
    if job.value.decorate is None and job.value.decoration_config is None:
        message = (
            "runs without Prow's pod utilities, though plank has defaults for them: nothing is cloned, and no log is "
            "kept; set decorate: true, or to false where that is meant"
        )
        findings.warn(job, message)
