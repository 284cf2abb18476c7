"""Git, for what the code host cannot tell: which heads merge together, and into which tree."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tide.domain.evidence import Assembly, Proposal
from tide.domain.in_repo import InRepoFile
from tide.domain.keys import RepoKey


class Git(Protocol):
    """Works on local copies of repositories. Every call may raise a RemoteError; an old answer is never given."""

    def keep(self, repos: Collection[RepoKey]) -> None:
        """Forget what is remembered of all repositories but these; the local copies stay."""
        ...

    async def fetch(self, repo: RepoKey, wanted: Mapping[str, str]) -> None:
        """Make the commits `wanted` (SHA -> ref on the server, such as `refs/pull/7/head`) present.

        Raise NotFound when a SHA cannot be had, Unavailable when the server cannot be reached in time. Asks the
        server only when a commit is missing here.
        """
        ...

    async def changed_files(self, repo: RepoKey, base_sha: str, head_sha: str) -> tuple[str, ...]:
        """List the paths that the head changes since it left the base, sorted; of a renamed file the new one only."""
        ...

    async def in_repo_key(self, repo: RepoKey, sha: str) -> str:
        """Name the job files that a repository holds itself (`.prow/`, `.prow.yaml`), "" where there are none.

        `sha` is a commit that was fetched or a tree that was assembled. Equal keys stand for equal files.
        """
        ...

    async def in_repo_files(self, repo: RepoKey, key: str) -> tuple[InRepoFile, ...]:
        """Read the job files that a key stands for, in any order, those named `.prowignore` included.

        What is too large or no plain file comes with its trouble instead of its content.
        """
        ...

    async def assemble(self, repo: RepoKey, base_sha: str, proposals: Sequence[Proposal], limit: int) -> Assembly:
        """Merge heads onto a base one after the other, in memory, until `limit` (0: all) have gone in.

        A head that conflicts, leaves the tree as it is, or whose landing cannot be predicted is skipped with its
        reason. All commits must have been fetched.
        """
        ...
