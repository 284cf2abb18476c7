"""The jobs of a repository when it holds some itself: those that operators configured, followed by its own.

What is read here was written by whoever opened a pull request. It is bounded before it arrives, nothing in it is
executed, and its expressions are RE2's.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeVar

import re2
from pathspec import GitIgnoreSpec

from tide.config.collecting import CollectedJobs
from tide.config.files import ConfigFile, is_ignored
from tide.config.job_maker import JobMaker
from tide.config.parsing import Parser
from tide.config.problems import Finding, Findings, Sourced, located
from tide.config.prow.jobs import BranchJob, InRepoJobFile, PostsubmitJob, Preset, PresubmitJob
from tide.config.validation.conflicts import check_postsubmits, check_presubmits
from tide.domain.errors import ConfigError
from tide.domain.in_repo import InRepoFile
from tide.domain.jobs import Presubmit
from tide.domain.keys import RepoKey

MOST_JOBS = 1_000  # of one kind
MOST_IN_PRESETS = 1_000
_MOST_TOLD = 20
_IGNORE_FILE = ".prowignore"

T = TypeVar("T")


@dataclass(slots=True)
class _Own:
    """What the files of one repository say, in their order."""

    presets: list[Sourced[Preset]] = field(default_factory=list)
    presubmits: list[Sourced[PresubmitJob]] = field(default_factory=list)
    postsubmits: list[Sourced[PostsubmitJob]] = field(default_factory=list)

    def add(self, file: Sourced[InRepoJobFile]) -> None:
        self.presets += _each(file, file.value.presets, "presets")
        self.presubmits += _each(file, file.value.presubmits, "presubmits")
        self.postsubmits += _each(file, file.value.postsubmits, "postsubmits")

    def check_sizes(self, findings: Findings) -> None:
        """Note what is more than anybody needs: jobs are compared in pairs, and presets are added to every job."""
        for kind, jobs in (("presubmits", self.presubmits), ("postsubmits", self.postsubmits)):
            if len(jobs) > MOST_JOBS:
                findings.error(jobs[MOST_JOBS], f"the repository holds more than {MOST_JOBS} {kind}")
        if self.presets and sum(_size(preset.value) for preset in self.presets) > MOST_IN_PRESETS:
            findings.error(self.presets[-1], f"presets of the repository hold more than {MOST_IN_PRESETS} entries")


@dataclass(frozen=True, slots=True)
class InRepoJobs:
    """Evaluates what repositories hold themselves, on top of the jobs that are configured for them."""

    maker: JobMaker
    static: CollectedJobs

    def evaluate(
        self, repo: RepoKey, files: Iterable[InRepoFile], allowed_clusters: Collection[str]
    ) -> tuple[Presubmit, ...]:
        """Give the presubmits that the files of a repository bring (Prow: ReadProwYAML, DefaultAndValidateProwYAML).

        The same files give the same jobs, in whatever order they come.

        Raises:
            ConfigError: with what is wrong, by file and line inside of the repository.
        """
        findings = Findings()
        own = _read(files, findings)
        _refuse(findings)
        maker = self.maker.with_presets(tuple(preset.value for preset in own.presets))
        presubmits = tuple(maker.presubmit(job, str(repo), findings) for job in own.presubmits)
        check_presubmits([*self.static.presubmits.get(str(repo), ()), *own.presubmits], findings)
        for job in own.postsubmits:
            maker.check_postsubmit(job, str(repo), findings)
        check_postsubmits([*self.static.postsubmits.get(str(repo), ()), *own.postsubmits], findings)
        _check_clusters((*own.presubmits, *own.postsubmits), repo, allowed_clusters, findings)
        _refuse(findings)
        return presubmits


def _read(files: Iterable[InRepoFile], findings: Findings) -> _Own:
    own = _Own()
    for file in _not_ignored(files, findings):
        source = _source(file)
        if file.trouble:
            findings.errors.append(Finding(source, (), file.trouble))
            continue
        parsed = Parser().parse(source, InRepoJobFile)
        findings.errors += [Finding(source, trouble.path, trouble.message, trouble.line) for trouble in parsed.troubles]
        if parsed.model is not None:
            own.add(Sourced(parsed.model, source))
    own.check_sizes(findings)
    return own


def _not_ignored(files: Iterable[InRepoFile], findings: Findings) -> Iterator[InRepoFile]:
    """Give the files with jobs in the order in which Prow reads them: directory by directory, by name."""
    ordered = sorted(files, key=lambda file: PurePosixPath(file.path).parts)
    specs = [_ignore_spec(file, findings) for file in ordered if _is_ignore_file(file)]
    # The nearest one that has an opinion decides.
    specs.sort(key=lambda spec: len(spec[0].parts), reverse=True)
    for file in ordered:
        path = PurePosixPath(file.path)
        around = [(directory, spec) for directory, spec in specs if path.is_relative_to(directory)]
        if not _is_ignore_file(file) and not is_ignored(path, around):
            yield file


def _is_ignore_file(file: InRepoFile) -> bool:
    return PurePosixPath(file.path).name == _IGNORE_FILE


def _ignore_spec(file: InRepoFile, findings: Findings) -> tuple[PurePosixPath, GitIgnoreSpec]:
    directory, lines = PurePosixPath(file.path).parent, file.text.decode(errors="replace").splitlines()
    if file.trouble:
        findings.errors.append(Finding(_source(file), (), file.trouble))
    try:
        # RE2 takes linear time for patterns that would keep Python's own expressions busy for years.
        return directory, GitIgnoreSpec.from_lines(lines, backend="re2")
    except (ValueError, re.error, re2.error) as error:
        findings.errors.append(Finding(_source(file), (), f"is not what a .gitignore may hold: {error}"))
        return directory, GitIgnoreSpec.from_lines(())


def _source(file: InRepoFile) -> ConfigFile:
    return ConfigFile(file.path, file.text, hashlib.sha256(file.text).hexdigest())


def _each(file: Sourced[InRepoJobFile], items: Sequence[T], kind: str) -> Iterator[Sourced[T]]:
    return (Sourced(item, file.file, (kind, index)) for index, item in enumerate(items))


def _size(preset: Preset) -> int:
    return 1 + sum(map(len, (preset.env, preset.volumes, preset.volume_mounts, preset.tolerations)))


def _check_clusters(
    jobs: Iterable[Sourced[BranchJob]], repo: RepoKey, allowed: Collection[str], findings: Findings
) -> None:
    """Note jobs that would run where those of the repository itself may not (Prow: InRepoConfigAllowsCluster)."""
    for job in jobs:
        cluster = job.value.cluster or "default"
        if cluster not in allowed:
            named = ", ".join(sorted(allowed)) or "none"
            message = f"cluster {cluster!r} is not allowed for jobs that {repo} holds itself; allowed: {named}"
            findings.error(job, message, "cluster")


def _refuse(findings: Findings) -> None:
    if findings.errors:
        raise ConfigError(*located(findings.errors[:_MOST_TOLD]))
