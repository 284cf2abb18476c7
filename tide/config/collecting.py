"""The jobs of all files together, each with the place it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tide.config.files import ConfigFile
from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import JobSections, PeriodicJob, PostsubmitJob, Preset, PresubmitJob

T = TypeVar("T")


@dataclass(slots=True)
class CollectedJobs:
    """Jobs by repository, in the order of the files (Prow: mergeJobConfigs)."""

    presets: list[Sourced[Preset]] = field(default_factory=list)
    presubmits: dict[str, list[Sourced[PresubmitJob]]] = field(default_factory=dict)
    postsubmits: dict[str, list[Sourced[PostsubmitJob]]] = field(default_factory=dict)
    periodics: list[Sourced[PeriodicJob]] = field(default_factory=list)

    def add(self, sections: Sourced[JobSections]) -> None:
        """Append what one file says to what the earlier ones say."""
        value, file = sections.value, sections.file
        self.presets += _each(value.presets, file, "presets")
        self.periodics += _each(value.periodics, file, "periodics")
        for repo, presubmits in value.presubmits.items():
            self.presubmits.setdefault(repo, []).extend(_each(presubmits, file, "presubmits", repo))
        for repo, postsubmits in value.postsubmits.items():
            self.postsubmits.setdefault(repo, []).extend(_each(postsubmits, file, "postsubmits", repo))

    def check_presets(self, findings: Findings) -> None:
        """Note presets that share a label and its value."""
        seen: dict[tuple[str, str], Sourced[Preset]] = {}
        for preset in self.presets:
            for label, value in preset.value.labels.items():
                earlier = seen.setdefault((label, value), preset)
                if earlier is not preset:
                    message = f"another preset (in {earlier.file.path}) has the label {label}: {value}"
                    findings.error(preset, message, "labels", label)


def _each(items: Sequence[T], file: ConfigFile, *path: str) -> list[Sourced[T]]:
    return [Sourced(item, file, (*path, index)) for index, item in enumerate(items)]
