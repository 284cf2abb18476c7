"""From a job as it is written to one that can be run, with everything noted that is wrong with it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tide.config.completion import Defaults, Definition, complete, execution_digest, filled_in, repository_of
from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import Job, PeriodicJob, PostsubmitJob, Preset, PresubmitJob
from tide.config.validation.conflicts import check_trigger
from tide.config.validation.jobs import JobRules, check_change_matchers, check_job, check_periodic
from tide.domain.jobs import Presubmit


@dataclass(frozen=True, slots=True)
class JobMaker:
    """Fills in jobs and checks each by itself."""

    defaults: Defaults
    rules: JobRules

    def with_presets(self, presets: tuple[Preset, ...]) -> "JobMaker":
        """Give one that applies more presets."""
        return replace(self, defaults=self.defaults.with_presets(presets))

    def presubmit(self, job: Sourced[PresubmitJob], repo: str, findings: Findings) -> Presubmit:
        """Make a presubmit of the repository `org/repo`."""
        check_change_matchers(job, findings)
        check_trigger(job, findings)
        definition, collisions = complete(job.value, repo, self.defaults)
        self._check(job, definition, collisions, findings)
        return _as_presubmit(job.value, definition)

    def check_postsubmit(self, job: Sourced[PostsubmitJob], repo: str, findings: Findings) -> None:
        """Check a postsubmit of the repository `org/repo`."""
        check_change_matchers(job, findings)
        self._check(job, *filled_in(job.value, repo, self.defaults), findings)

    def check_periodic(self, job: Sourced[PeriodicJob], findings: Findings) -> None:
        """Check a periodic."""
        check_periodic(job, findings)
        self._check(job, *filled_in(job.value, repository_of(job.value), self.defaults), findings)

    def _check(self, job: Sourced[Job], definition: Definition, collisions: Iterable[str], findings: Findings) -> None:
        for collision in collisions:
            findings.error(job, collision, "spec")
        check_job(job, definition, self.rules, findings)


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
