"""Job files that a repository holds itself (Prow: in-repo config)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InRepoFile:
    """One file that may say something about the jobs of its repository.

    `path` leads from the top of the repository; `trouble` says why the content cannot be used, "" when `text` is it.
    """

    path: str
    text: bytes = b""
    trouble: str = ""
