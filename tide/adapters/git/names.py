"""Names that reach git's command line or standard input; whatever could be read as something else is refused."""

import re
from pathlib import PurePath

from tide.domain.errors import BadAnswer
from tide.domain.keys import RepoKey

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REPO_PART = re.compile(r"[A-Za-z0-9._-]{1,100}")
_REF_CHARACTERS = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")
_REF_FORBIDDEN = re.compile(r"\.\.|@\{|//|/\.|\.lock(/|$)|\.$|/$")


def checked_sha(sha: str) -> str:
    """Give `sha` back; raise BadAnswer unless it is a full object name in lower case."""
    if not _SHA.fullmatch(sha):
        raise BadAnswer(f"{sha[:80]!r} is not a commit's SHA")
    return sha


def checked_ref(ref: str) -> str:
    """Give `ref` back; raise BadAnswer unless it is a full ref name (git-check-ref-format)."""
    if not _REF_CHARACTERS.fullmatch(ref) or _REF_FORBIDDEN.search(ref):
        raise BadAnswer(f"{ref[:300]!r} is not the name of a ref")
    return ref


def repository_directory(repo: RepoKey) -> PurePath:
    """Give the relative directory of a repository's local copy; raise BadAnswer for a name that GitHub cannot have."""
    for part in (repo.org, repo.name):
        if not _REPO_PART.fullmatch(part) or part.startswith("-") or part in {".", ".."}:
            raise BadAnswer(f"{str(repo)[:220]!r} is not the name of a repository")
    return PurePath(repo.org, f"{repo.name}.git")
