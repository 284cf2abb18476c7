"""`tide.merge_method`, taken apart into the table that policy looks methods up in."""

from collections.abc import Iterable, Mapping

from tide.config.problems import Findings, Sourced
from tide.config.prow.tide import TideSection
from tide.domain.names import ByName
from tide.domain.pulls import MergeMethod
from tide.golang.regexp import compile_pattern
from tide.policy.merge_method import MethodTable, RepoMethods

_CHOICE = "merge, squash or rebase"


def method_table(sections: Iterable[Sourced[TideSection]], findings: Findings) -> MethodTable:
    """Read the table, noting what is neither a method nor a map of repositories or branch expressions.

    Args:
        sections: that of config.yaml and those of its supplements; of a key that several set the first is taken.
        findings: told of what is wrong.
    """
    table: dict[str, MergeMethod | Mapping[str, RepoMethods]] = {}
    for section in sections:
        for key, methods in _table(section, findings).items():
            table.setdefault(key, methods)
    return ByName(table)


def _table(tide: Sourced[TideSection], findings: Findings) -> dict[str, MergeMethod | Mapping[str, RepoMethods]]:
    table: dict[str, MergeMethod | Mapping[str, RepoMethods]] = {}
    for key, value in tide.value.merge_method.items():
        path = ("merge_method", key)
        if not isinstance(value, Mapping):
            table |= _one(tide, path, key, value, findings)
            continue
        table[key] = _repositories(tide, path, value, findings)
        if "/" in key:
            org, _, repo = key.partition("/")
            message = f"a map has no effect under {key}; put it under {org}, as the value of {repo}"
            findings.warn(tide, message, *path)
    return table


def _repositories(
    tide: Sourced[TideSection], path: tuple[str, ...], entries: Mapping[str, object], findings: Findings
) -> dict[str, RepoMethods]:
    repositories: dict[str, RepoMethods] = {}
    for repo, value in entries.items():
        if not isinstance(value, Mapping):
            repositories |= _one(tide, (*path, repo), repo, value, findings)
            continue
        repositories[repo] = _branches(tide, (*path, repo), value, findings)
    return ByName(repositories)


def _branches(
    tide: Sourced[TideSection], path: tuple[str, ...], entries: Mapping[str, object], findings: Findings
) -> dict[str, MergeMethod]:
    branches: dict[str, MergeMethod] = {}
    for pattern, value in entries.items():
        try:
            compile_pattern(pattern)
        except ValueError as error:
            findings.error(tide, f"the branch expression {pattern!r} is not valid: {error}", *path, pattern)
            continue
        branches |= _one(tide, (*path, pattern), pattern, value, findings)
    return branches


def _one(
    tide: Sourced[TideSection], path: tuple[str, ...], key: str, value: object, findings: Findings
) -> dict[str, MergeMethod]:
    """Give {key: method}; nothing for null, which leaves it to the wider levels, and for what is no method."""
    if value is None or value == "":
        return {}
    if isinstance(value, str) and value in set(MergeMethod):
        return {key: MergeMethod(value)}
    findings.error(tide, f"unknown merge method {value!r}: must be {_CHOICE}", *path)
    return {}
