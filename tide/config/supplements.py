"""Supplemental config files (--supplemental-prow-config-dir), merged into config.yaml (Prow: ProwConfig.mergeFrom)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tide.config.files import ConfigFile
from tide.config.problems import Findings, Sourced
from tide.config.prow.branch_protection import BranchProtection, OrgProtection, ProtectionPolicy, RepoProtection
from tide.config.prow.config import ProwConfig
from tide.config.prow.jobs import JobSections
from tide.config.prow.values import GoStruct
from tide.domain.names import ByName

if TYPE_CHECKING:
    from tide.config.places import Path

L = TypeVar("L", bound=ProtectionPolicy)

_SLACK = "slack_reporter_configs"
_ELSEWHERE = "cannot be set in a supplemental file: only branch-protection, {}, tide.merge_method and tide.queries can"
_POLICY = tuple(ProtectionPolicy.model_fields)
_EVERYWHERE = {
    name: field.alias or name for name, field in BranchProtection.model_fields.items() if name not in {*_POLICY, "orgs"}
}
_JOBS = tuple(JobSections.model_fields)
_NARROWER: Mapping[type[ProtectionPolicy], str] = {
    BranchProtection: "orgs",
    OrgProtection: "repos",
    RepoProtection: "branches",
}


def supplemented(
    config: Sourced[ProwConfig], supplements: Sequence[Sourced[ProwConfig]], findings: Findings
) -> ProwConfig:
    """Merge supplemental files into config.yaml.

    Queries are put behind each other; merge methods, protection policies and Slack reporters are united, where each
    may be set by one file only.

    Args:
        config: what config.yaml says.
        supplements: what the supplemental files say, in the order in which they were read.
        findings: told of what is set twice, and of what must not be set in a supplemental file.
    """
    if not supplements:
        return config.value
    for file in supplements:
        _refuse_the_rest(file, findings)
    files = (config, *supplements)
    _refuse_repeated(files, _slack_reporters, (_SLACK,), findings)
    _refuse_repeated(files, lambda prow: prow.tide.merge_method, ("tide", "merge_method"), findings)
    tide = config.value.tide.model_copy(
        update={
            "queries": tuple(query for file in files for query in file.value.tide.queries),
            "merge_method": _union(file.value.tide.merge_method for file in reversed(files)),
        }
    )
    protection = _Protection(findings)
    for file in files:
        protection.add(Sourced(file.value.branch_protection, file.file, ("branch-protection",)))
    return config.value.model_copy(update={"tide": tide, "branch_protection": protection.merged})


def _union(tables: Iterable[Mapping[str, object]]) -> dict[str, object]:
    return {key: value for table in tables for key, value in table.items()}


def _refuse_the_rest(file: Sourced[ProwConfig], findings: Findings) -> None:
    """Note what a supplemental file must not say. Jobs in one are ignored by Prow, as nothing that it knows there."""
    for key in _said(file.value):
        if key in _JOBS:
            findings.warn(file, "has no effect in a supplemental file; jobs belong under --job-config-path", key)
        elif key not in {"tide", "branch-protection", _SLACK}:
            findings.error(file, _ELSEWHERE.format(_SLACK), key)
    for key in _said(file.value.tide):
        if key not in {"queries", "merge_method"}:
            findings.error(file, _ELSEWHERE.format(_SLACK), "tide", key)


def _said(struct: GoStruct) -> Iterator[str]:
    """Name the keys that Prow knows and that are set to something; what defaults to None is a pointer in Go."""
    for name, field in type(struct).model_fields.items():
        value = getattr(struct, name)
        if name in struct.model_fields_set and value is not None and (field.default is None or not _is_zero(value)):
            yield field.alias or name
    for key, value in (struct.model_extra or {}).items():
        if key in struct.known_to_others and not _is_zero(value):
            yield key


def _is_zero(value: object) -> bool:
    """Tell whether Go would see the zero value of a field, which says nothing."""
    if isinstance(value, GoStruct):
        return next(_said(value), None) is None
    if isinstance(value, Mapping):
        return all(map(_is_zero, value.values()))
    return value in (None, "", 0, False, ())


def _slack_reporters(prow: ProwConfig) -> Iterable[str]:
    table = (prow.model_extra or {}).get(_SLACK)
    return table if isinstance(table, Mapping) else ()


def _refuse_repeated(
    files: Sequence[Sourced[ProwConfig]],
    keys: Callable[[ProwConfig], Iterable[str]],
    path: tuple[str, ...],
    findings: Findings,
) -> None:
    """Note the keys of the table at `path` that more than one file has."""
    first: dict[str, ConfigFile] = {}
    for file in files:
        for key in keys(file.value):
            if first.setdefault(key, file.file) is not file.file:
                findings.error(file, _twice(first[key]), *path, key)


def _twice(earlier: ConfigFile) -> str:
    return f"is also set in {earlier.path}; keep it in one of the two files"


class _Protection:
    """Unites the branch protection of several files (Prow: BranchProtection.merge)."""

    def __init__(self, findings: Findings) -> None:
        self.merged = BranchProtection()
        self._findings = findings
        self._owners: dict[Path, ConfigFile] = {}

    def add(self, section: Sourced[BranchProtection]) -> None:
        everywhere: dict[str, object] = {}
        for name, key in _EVERYWHERE.items():
            value = getattr(section.value, name)
            if value is not None and self._claim(section, key):
                everywhere[name] = value
        self.merged = self._united(self.merged, section).model_copy(update=everywhere)

    def _united(self, merged: L, level: Sourced[L]) -> L:
        policy: dict[str, Any] = {name: getattr(level.value, name) for name in _POLICY}
        says_something = any(value is not None and value != () for value in policy.values())
        if not (says_something and self._claim(level)):
            policy = {}
        key = _NARROWER.get(type(level.value))
        narrower = self._narrower(merged, level, key) if key else {}
        return merged.model_copy(update=policy | narrower)

    def _narrower(self, merged: L, level: Sourced[L], key: str) -> dict[str, Any]:
        below = dict(getattr(merged, key))
        for name, child in getattr(level.value, key).items():
            place = Sourced(child, level.file, (*level.path, key, name))
            below[name] = self._united(below.get(name) or type(child)(), place)
        return {key: below if key == _NARROWER[RepoProtection] else ByName(below)}

    def _claim(self, level: Sourced[object], *steps: str) -> bool:
        """Tell whether a file is the first to set something; note it otherwise."""
        path = (*level.path, *steps)
        owner = self._owners.setdefault(path, level.file)
        if owner is not level.file:
            self._findings.error(level, _twice(owner), *steps)
        return owner is level.file
