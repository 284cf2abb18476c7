"""Issues that block merging, and the branches that they name in their titles."""

import re
from collections.abc import Iterable

from tide.domain.pulls import Blocker

# Prow: blockers.go branchRE; ASCII, since that is what Go's word characters are.
_BRANCH = re.compile(r"\bbranch:[^\w-]*([\w\-./]+)\b", re.IGNORECASE | re.ASCII)


def parse_title(title: str) -> tuple[str, tuple[str, ...]]:
    """Split an issue's title into what people read and the branches that it names as `branch:NAME`.

    No branches means that all branches of the repository are blocked (Prow: blockers.go parseBranches).
    """
    branches = tuple(dict.fromkeys(_BRANCH.findall(title)))
    return (_BRANCH.sub("", title).strip(), branches)


def applicable(blockers: Iterable[Blocker], branch: str) -> tuple[Blocker, ...]:
    """Give the issues that block one branch, in ascending order (Prow: Blockers.GetApplicable)."""
    matching = {blocker.number: blocker for blocker in blockers if not blocker.branches or branch in blocker.branches}
    return tuple(matching[number] for number in sorted(matching))
