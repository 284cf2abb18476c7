"""Addresses: of our own pages, and of what they speak of at the code host."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from tide.domain.keys import PoolKey, PullKey, RepoKey

LARGEST_NUMBER = 2**31 - 1
"""GitHub numbers issues and pull requests with 32-bit integers; the store's columns are as wide."""
_NUMBER = re.compile(r"#(?P<number>[1-9][0-9]{0,9})", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class HostLinks:
    """Links into the code host's own pages; `url` is its address without a slash at the end."""

    url: str

    def repository(self, repo: RepoKey) -> str:
        """Give the address of a repository."""
        return f"{self.url}/{_path(repo.org)}/{_path(repo.name)}"

    def branch(self, pool: PoolKey) -> str:
        """Give the address of a branch."""
        return f"{self.repository(pool.repository)}/tree/{quote(pool.branch, safe='/')}"

    def commit(self, repo: RepoKey, sha: str) -> str:
        """Give the address of a commit."""
        return f"{self.repository(repo)}/commit/{_path(sha)}"

    def pull(self, pull: PullKey) -> str:
        """Give the address of a pull request."""
        return f"{self.repository(pull.repository)}/pull/{pull.number}"


def pool_path(pool: PoolKey) -> str:
    """Give the path of our page about a pool."""
    return f"/pool/{_path(pool.org)}/{_path(pool.repo)}/{quote(pool.branch, safe='/')}"


def pull_path(pull: PullKey) -> str:
    """Give the path of our page about a pull request."""
    return f"/pull/{_path(pull.org)}/{_path(pull.repo)}/{pull.number}"


def outside_link(text: str) -> str:
    """Give an address from outside back if a page may link to it, else "".

    Only web addresses and our own log pages pass: a context's target may be any text, `javascript:` included.
    """
    if text.startswith("/runs/"):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in {"http", "https"} and parts.netloc else ""


def pool_key(org: str, repo: str, branch: str) -> PoolKey:
    """Read the parts of a path as a pool; raise ValueError when no pool can be named so."""
    return pool_named(f"{org}/{repo}:{branch}")


def pull_key(org: str, repo: str, number: str) -> PullKey:
    """Read the parts of a path as a pull request; raise ValueError when none can be named so."""
    return _possible(PullKey.parse(_printable(f"{org}/{repo}#{number}")))


def pool_named(text: str) -> PoolKey:
    """Read what names a pool: `org/repo:branch`; raise ValueError when none can be named so."""
    return PoolKey.parse(_printable(text))


def pull_named(text: str) -> PullKey:
    """Read what names a pull request: `org/repo#7`, or its address; raise ValueError when none can be named so."""
    return _possible(PullKey.named(_printable(text)))


def pull_asked_for(text: str) -> PullKey | None:
    """Find the one pull request that a search names."""
    try:
        return pull_named(text)
    except ValueError:
        return None


def number_asked_for(text: str) -> int | None:
    """Find the number that a search names: `#7`."""
    match = _NUMBER.fullmatch(text)
    return int(match["number"]) if match and int(match["number"]) <= LARGEST_NUMBER else None


def _possible(key: PullKey) -> PullKey:
    if key.number > LARGEST_NUMBER:
        raise ValueError("no pull request has such a number")
    return key


def _path(part: str) -> str:
    return quote(part, safe="")


def _printable(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise ValueError("a name holds no control characters")
    return text
