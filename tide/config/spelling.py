"""How a configuration writes the names of organisations and repositories, beside how GitHub spells them.

GitHub takes names for one that differ in nothing but case, and so does this queue. Prow does not: what it looks up by
GitHub's spelling, it does not find under another one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tide.config.files import ConfigFile
from tide.config.own import MergeQueueFile
from tide.config.places import Path
from tide.config.problems import Finding
from tide.config.prow.config import ProwConfig
from tide.config.prow.jobs import JobSections
from tide.config.prow.values import GoStruct
from tide.domain.keys import RepoKey
from tide.domain.names import ByName, folded

_QUERY_LISTS = (("orgs", "orgs"), ("repos", "repos"), ("excluded_repos", "excludedRepos"))
_EVERYTHING = "*"
_GERRIT = "://"


@dataclass(frozen=True, slots=True)
class Written:
    """A name, `org` or `org/repo`, and where it is written."""

    name: str
    file: ConfigFile
    path: Path


_Spellings: TypeAlias = Mapping[str, Mapping[str, Sequence[Written]]]


@dataclass(frozen=True, slots=True)
class Spelling:
    """The names of a configuration: for each, in the form in which names are compared, how it is written and where.

    Of `repos` only the part behind the slash is looked at: an organisation is told once, not for all its repositories.
    """

    orgs: _Spellings
    repos: _Spellings

    @classmethod
    def of(cls, names: Iterable[Written]) -> "Spelling":
        """Sort names."""
        orgs: dict[str, dict[str, list[Written]]] = defaultdict(lambda: defaultdict(list))
        repos: dict[str, dict[str, list[Written]]] = defaultdict(lambda: defaultdict(list))
        for written in names:
            org, slash, repo = written.name.partition("/")
            orgs[folded(org)][org].append(written)
            if slash:
                repos[folded(written.name)][repo].append(written)
        return cls(orgs, repos)

    def unlike(self, known: Iterable[RepoKey]) -> Iterator[Finding]:
        """Give the names that GitHub spells otherwise; `known` are repositories as it spells them."""
        repos = sorted(set(known))
        for org in dict.fromkeys(repo.org for repo in repos):
            yield from _unlike(self.orgs.get(folded(org), {}), org, "organisation")
        for repo in repos:
            yield from _unlike(self.repos.get(folded(str(repo)), {}), repo.name, f"repository of {repo.org}")

    def several(self) -> Iterator[Finding]:
        """Give the names that are written in several ways: one of them is not GitHub's."""
        for spellings in (*self.orgs.values(), *self.repos.values()):
            first, *others = spellings
            for other in others:
                message = f"{other!r} is {first!r} elsewhere: one name to GitHub, which minds no case, and two to Prow"
                yield from (Finding(at.file, at.path, message) for at in spellings[other])


NO_NAMES = Spelling({}, {})


def _unlike(spellings: Mapping[str, Sequence[Written]], known: str, what: str) -> Iterator[Finding]:
    for spelled, places in spellings.items():
        if spelled != known:
            message = (
                f"GitHub spells the {what} {known!r}, not {spelled!r}: Prow, which minds case, finds nothing by it"
            )
            yield from (Finding(at.file, at.path, message) for at in places)


def names_in(sections: JobSections, file: ConfigFile) -> Iterator[Written]:
    """List the names in a file of Prow's."""
    for kind in ("presubmits", "postsubmits"):
        yield from (Written(repo, file, (kind, repo)) for repo in getattr(sections, kind) if _GERRIT not in repo)
    if isinstance(sections, ProwConfig):
        yield from _names_in_queries(sections, file)
        yield from _names_in_methods(sections.tide.merge_method, file)
        yield from _keys_in(sections.tide, file, ("tide",))
        yield from _keys_in(sections.branch_protection, file, ("branch-protection",))
        yield from _keys_in(sections.in_repo_config, file, ("in_repo_config",))


def _keys_in(struct: GoStruct, file: ConfigFile, path: Path) -> Iterator[Written]:
    """List the names that are keys of the tables in a struct; below an organisation stand those of its repositories."""
    for name, field in type(struct).model_fields.items():
        table, place = getattr(struct, name), (*path, field.alias or name)
        if isinstance(table, ByName):
            org = f"{path[-1]}/" if name == "repos" else ""
            yield from (Written(f"{org}{key}", file, (*place, key)) for key in table if key != _EVERYTHING)
        if isinstance(table, dict):
            for key, below in table.items():
                if isinstance(below, GoStruct):
                    yield from _keys_in(below, file, (*place, key))
        elif isinstance(table, GoStruct):
            yield from _keys_in(table, file, place)


def names_in_own(own: MergeQueueFile, file: ConfigFile) -> Iterator[Written]:
    """List the names in our own file."""
    for key, fields in own.merge_queue.items():
        place = ("merge_queue", key)
        if key != _EVERYTHING:
            yield Written(key.partition("@")[0], file, place)
        for index, repo in enumerate(fields.jobs_may_read or ()):
            yield Written(str(repo), file, (*place, "jobs_may_read", index))


def _names_in_queries(prow: ProwConfig, file: ConfigFile) -> Iterator[Written]:
    for index, query in enumerate(prow.tide.queries):
        for name, key in _QUERY_LISTS:
            place = ("tide", "queries", index, key)
            yield from (Written(text, file, (*place, at)) for at, text in enumerate(getattr(query, name)))


def _names_in_methods(table: Mapping[str, object], file: ConfigFile) -> Iterator[Written]:
    for key, below in table.items():
        place = ("tide", "merge_method", key)
        yield Written(key.partition("@")[0], file, place)
        if isinstance(below, Mapping) and "/" not in key:
            yield from (Written(f"{key}/{repo}", file, (*place, repo)) for repo in below if repo != _EVERYTHING)
