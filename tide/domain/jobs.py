"""A configured job, as far as a merge queue needs to understand it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Presubmit:
    """A job that runs on pull requests (Prow: Presubmit).

    Patterns are regular expressions with RE2's meaning, searched unanchored. `digest` stands for what the job
    executes: two jobs with one digest give one result on one tree. `definition` is the whole job with Prow's own keys
    (agent, cluster, spec, decoration_config, extra_refs, labels, ...), after presets and defaults; only the CI's
    adapter looks inside.
    """

    name: str
    context: str
    always_run: bool = False
    optional: bool = False
    skip_report: bool = False
    run_before_merge: bool = False
    branches: tuple[str, ...] = ()
    skip_branches: tuple[str, ...] = ()
    run_if_changed: str = ""
    skip_if_only_changed: str = ""
    rerun_command: str = ""
    digest: str = ""
    definition: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_context_required(self) -> bool:
        """Tell whether a merge needs its context (Prow: ContextRequired)."""
        return not self.optional and not self.skip_report

    @property
    def has_file_matcher(self) -> bool:
        """Tell whether the changed files decide if it runs."""
        return bool(self.run_if_changed or self.skip_if_only_changed)

    @property
    def needs_explicit_trigger(self) -> bool:
        """Tell whether only a command starts it (Prow: NeedsExplicitTrigger)."""
        return not self.always_run and not self.has_file_matcher
