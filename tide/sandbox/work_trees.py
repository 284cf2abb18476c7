"""A kept work tree per repository, in which merges are made by git as a person would make them."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tide.sandbox.git_program import GitFailedError, run_git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tide.sandbox.commits import Commit
    from tide.sandbox.git_store import GitStore

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
        with self._written(message) as path:
            await self._attempt("merge", "-q", "--no-ff", "--no-edit", "-F", path, head_sha)

    async def squash(self, head_sha: str, message: str, author: str) -> None:
        """Make one commit of all changes (``git merge --squash``).

        Raises:
            ConflictError: git stopped.
        """
        await self._attempt("merge", "-q", "--squash", head_sha)
        with self._written(message) as path:
            options = ("-q", "--allow-empty", "--no-verify", "--cleanup=verbatim", f"--author={author}")
            await self._run("commit", *options, "-F", path)

    async def replay(self, commits: Sequence[Commit]) -> None:
        """Apply commits one after the other, authors and messages kept (GitHub's rebase).

        Raises:
            ConflictError: git stopped.
        """
        for commit in commits:
            await self._attempt("cherry-pick", "--allow-empty", "--keep-redundant-commits", commit.sha)

    @contextmanager
    def _written(self, message: str) -> Iterator[str]:
        """Give the path of a file with a message: it may be longer than an argument may be. git takes no NUL in it."""
        with tempfile.NamedTemporaryFile(dir=self._git.path) as file:
            file.write(message.replace("\0", "").encode())
            file.flush()
            yield file.name

    async def _attempt(self, *arguments: str) -> None:
        try:
            await self._run(*arguments)
        except GitFailedError as error:
            if error.code == CONFLICT:
                raise ConflictError from error
            raise

    async def _run(self, *arguments: str) -> bytes:
        return (await run_git(arguments, cwd=self._git.work_tree, environment=self._environment))[1]
