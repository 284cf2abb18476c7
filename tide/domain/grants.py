"""What the operator lets jobs clone that a stranger could not."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tide.domain.keys import RepoKey


@dataclass(frozen=True, slots=True)
class CloneGrants:
    """What the jobs of a pool may clone, beside their own repository and what is open to everybody.

    `repositories` are those of the code host that may be read with our token. `addresses` are the `clone_uri` that
    configured jobs name, with the repositories that they are said to hold: the operator's own means serve these.
    """

    repositories: frozenset[RepoKey] = frozenset()
    addresses: Mapping[str, RepoKey] = field(default_factory=dict)


NO_GRANTS = CloneGrants()
