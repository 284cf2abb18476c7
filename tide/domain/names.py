"""Names of organisations and repositories: GitHub takes those for one that differ in nothing but case."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

V = TypeVar("V")


@lru_cache(maxsize=16384)
def folded(name: str) -> str:
    """Give a name in the form in which it is compared; behind an `@` a branch may stand, whose case counts."""
    repo, at, branch = name.partition("@")
    return f"{repo.lower()}{at}{branch}"


def org_of(repo: str) -> str:
    """Give the organisation of `org/repo`."""
    return repo.partition("/")[0]


@lru_cache(maxsize=4096)
def folded_all(names: tuple[str, ...]) -> frozenset[str]:
    """Give names in the form in which they are compared."""
    return frozenset(map(folded, names))


class ByName(dict[str, V]):
    """A table by names of GitHub's that is made once and never changed.

    It is asked for a name as GitHub spells it. What is written just so is found first, since Prow looks at nothing
    else; then the first that differs in nothing but case.
    """

    def __init__(self, table: Mapping[str, V]) -> None:
        super().__init__(table)
        self._spelled: dict[str, str] = {}
        for name in self:
            self._spelled.setdefault(folded(name), name)

    def __missing__(self, name: str) -> V:
        return super().__getitem__(self._spelled[folded(name)])

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and folded(name) in self._spelled)

    def get(self, name: str, default: Any = None) -> Any:
        """Give what is kept under a name, else the default."""
        try:
            return self[name]
        except KeyError:
            return default
