"""From a job as it is written to one that can be run, with everything noted that is wrong with it."""

from dataclasses import dataclass, replace

from tide.config.completion import Defaults, Definition, complete, execution_digest
from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import Job, PostsubmitJob, Preset, PresubmitJob
from tide.config.validation.conflicts import check_trigger
from tide.config.validation.jobs import JobRules, check_change_matchers, check_job
from tide.domain.jobs import Presubmit


@dataclass(frozen=True, slots=True)
class JobMaker:
    """Fills in jobs and checks each by itself."""

    defaults: Defaults
    rules: JobRules

    def with_presets(self, presets: tuple[Preset, ...]) -> "JobMaker":
        """Give one that applies more presets."""
        return replace(self, defaults=replace(self.defaults, presets=(*self.defaults.presets, *presets)))

    def presubmit(self, job: Sourced[PresubmitJob], repo: str, findings: Findings) -> Presubmit:
        """Make a presubmit of the repository `org/repo`."""
        check_change_matchers(job, findings)
        check_trigger(job, findings)
        return _as_presubmit(job.value, self.completed(job, repo, findings))

    def postsubmit(self, job: Sourced[PostsubmitJob], repo: str, findings: Findings) -> Definition:
        """Make a postsubmit of the repository `org/repo`."""
        check_change_matchers(job, findings)
        return self.completed(job, repo, findings)

    def completed(self, job: Sourced[Job], repo: str, findings: Findings) -> Definition:
        """Fill in a job of any kind; `repo` is "" for one that checks nothing out."""
        definition, collisions = complete(job.value, repo, self.defaults)
        for collision in collisions:
            findings.error(job, collision, "spec")
        check_job(job, definition, self.rules, findings)
        return definition


def _as_presubmit(job: PresubmitJob, definition: Definition) -> Presubmit:
    return Presubmit(
        name=job.name,
        context=definition["context"],
        always_run=job.always_run,
        optional=job.optional,
        skip_report=job.skip_report,
        run_before_merge=job.run_before_merge,
        branches=job.branches,
        skip_branches=job.skip_branches,
        run_if_changed=job.run_if_changed,
        skip_if_only_changed=job.skip_if_only_changed,
        rerun_command=definition.get("rerun_command", ""),
        digest=execution_digest(definition),
        definition=definition,
    )
