"""What a search string covers, for finding the same without a search."""

import re
from dataclasses import dataclass
from datetime import datetime

from tide.domain.keys import RepoKey
from tide.domain.names import folded_all

_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*"?)+')


@dataclass(frozen=True, slots=True)
class Scope:
    """The organisations of a search without the repositories `left_out`, and repositories of others.

    Those left out are `org/repo` in the form in which names are compared. `since` is when the oldest change was that it
    asks for; None where it asks for open pull requests.
    """

    orgs: tuple[str, ...]
    repos: tuple[RepoKey, ...]
    left_out: frozenset[str]
    since: datetime | None


def tokens(query: str) -> list[str]:
    """Divide a search string; what is in quotes stays together."""
    return _TOKEN.findall(query)


def scope_of(query: str) -> Scope:
    """Read what a search string of ours covers (`tide.policy.search`)."""
    names: dict[str, list[str]] = {"org": [], "repo": [], "-repo": [], "updated": [], "state": []}
    for token in tokens(query):
        qualifier, _, value = token.partition(":")
        if qualifier in names:
            names[qualifier].append(value.strip('"'))
    is_of_changes = "open" not in names["state"] and names["updated"]
    return Scope(
        orgs=tuple(names["org"]),
        repos=tuple(RepoKey.parse(name) for name in names["repo"]),
        left_out=folded_all(tuple(names["-repo"])),
        since=datetime.fromisoformat(names["updated"][0].partition("..")[0]) if is_of_changes else None,
    )
