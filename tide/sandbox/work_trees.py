"""A kept work tree per repository, in which merges are made by git as a person would make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tide.sandbox.git_program import GitFailedError, run_git

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tide.sandbox.git_store import GitStore
    from tide.sandbox.model import Commit

CONFLICT = 1
"""Exit code of ``git merge`` and ``git cherry-pick`` that stopped at a conflict."""


class ConflictError(Exception):
    """git could not merge."""


class WorkTree:
    """The work tree of one repository; use it only with the store's ``lock`` held.

    Args:
        git: the bare repository.
        environment: identity and dates for the commits made.
    """

    def __init__(self, git: GitStore, environment: Mapping[str, str]) -> None:
        self._git = git
        self._environment = environment

    async def check_out(self, sha: str) -> None:
        """Put the work tree on a commit, whatever state it was left in."""
        path = self._git.work_tree
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            await self._git.run("worktree", "add", "-q", "-f", "--detach", str(path), sha)
            return
        await self._run("reset", "-q", "--hard")
        await self._run("checkout", "-q", "--force", "--detach", sha)
        await self._run("clean", "-q", "-ffdx")

    async def head(self) -> str:
        """Return the commit that the work tree is on."""
        return (await self._run("rev-parse", "HEAD")).decode().strip()

    async def merge(self, head_sha: str, message: str) -> None:
        """Make a merge commit (``git merge --no-ff``).

        Raises:
            ConflictError: git stopped.
        """
        await self._attempt("merge", "-q", "--no-ff", "--no-edit", "-m", message, head_sha)

    async def squash(self, head_sha: str, message: str, author: str) -> None:
        """Make one commit of all changes (``git merge --squash``).

        Raises:
            ConflictError: git stopped.
        """
        await self._attempt("merge", "-q", "--squash", head_sha)
        await self._run(
            "commit", "-q", "--allow-empty", "--no-verify", "--cleanup=verbatim", f"--author={author}", "-m", message
        )

    async def replay(self, commits: Sequence[Commit]) -> None:
        """Apply commits one after the other, authors and messages kept (GitHub's rebase).

        Raises:
            ConflictError: git stopped.
        """
        for commit in commits:
            await self._attempt("cherry-pick", "--allow-empty", "--keep-redundant-commits", commit.sha)

    async def _attempt(self, *arguments: str) -> None:
        try:
            await self._run(*arguments)
        except GitFailedError as error:
            if error.code == CONFLICT:
                raise ConflictError from error
            raise

    async def _run(self, *arguments: str) -> bytes:
        return (await run_git(arguments, cwd=self._git.work_tree, environment=self._environment))[1]
