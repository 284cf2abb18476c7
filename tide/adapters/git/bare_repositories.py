"""The port `Git` over bare repositories that are kept between syncs."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tide.adapters.git.assembly import Assembler
from tide.adapters.git.attribute_files import AttributeFiles
from tide.adapters.git.credentials import Credentials, TokenOf, UrlOf
from tide.adapters.git.failures import failure
from tide.adapters.git.in_repo import read_files, read_key
from tide.adapters.git.merging import Merger
from tide.adapters.git.names import repository_directory
from tide.adapters.git.program import GitProgram
from tide.adapters.git.repository import BareRepository, Patience
from tide.domain.errors import Unavailable
from tide.domain.evidence import Assembly, Proposal
from tide.domain.in_repo import InRepoFile
from tide.domain.keys import RepoKey
from tide.domain.memo import Memo


@dataclass(eq=False)
class _Copy:
    """A local copy and what is known of it; `assembled` maps trees that were made here to the last head in them."""

    repository: BareRepository
    merger: Merger
    attributes: AttributeFiles
    changed_files: Memo[tuple[str, str], tuple[str, ...]] = field(default_factory=lambda: Memo(16384))
    in_repo_keys: Memo[str, str] = field(default_factory=lambda: Memo(16384))
    assembled: Memo[str, str] = field(default_factory=lambda: Memo(16384))


@dataclass(eq=False)
class BareRepositories:
    """Implements `tide.ports.git.Git` with the git program.

    `directory` holds `ORG/REPO.git`.
    """

    directory: Path
    url_of: UrlOf
    token_of: TokenOf | None = None
    program: GitProgram = field(default_factory=GitProgram)
    patience: Patience = field(default_factory=Patience)
    _copies: dict[RepoKey, _Copy] = field(default_factory=dict)

    def keep(self, repos: Collection[RepoKey]) -> None:
        """Forget what is remembered of all others; one that is being written goes on, and is forgotten later."""
        self._copies = {
            repo: copy for repo, copy in self._copies.items() if repo in repos or copy.repository.lock.locked()
        }

    async def fetch(self, repo: RepoKey, wanted: Mapping[str, str]) -> None:
        """Make commits present; see `tide.ports.git.Git.fetch`. What can be had is there also when it raises."""
        await self._copy(repo).repository.fetch(wanted)

    async def changed_files(self, repo: RepoKey, base_sha: str, head_sha: str) -> tuple[str, ...]:
        """List what a head changes; see `tide.ports.git.Git.changed_files`."""
        copy, key = self._copy(repo), (base_sha, head_sha)
        known = copy.changed_files.get(key)
        if known is not None:
            return known
        found = await copy.repository.repairing(lambda: _changed_files(copy.repository, base_sha, head_sha))
        return copy.changed_files.keep(key, found)

    async def in_repo_key(self, repo: RepoKey, sha: str) -> str:
        """Name the job files that a commit or a tree holds; see `tide.ports.git.Git.in_repo_key`."""
        copy = self._copy(repo)
        known = copy.in_repo_keys.get(sha)
        if known is not None:
            return known
        if copy.assembled.get(sha) is None:
            copy.repository.require(sha)
        return copy.in_repo_keys.keep(sha, await copy.repository.repairing(lambda: read_key(copy.repository, sha)))

    async def in_repo_files(self, repo: RepoKey, key: str) -> tuple[InRepoFile, ...]:
        """Read job files; see `tide.ports.git.Git.in_repo_files`."""
        repository = self._copy(repo).repository

        async def work() -> tuple[InRepoFile, ...]:
            async with repository.lock:
                return await read_files(repository, key)

        return await repository.repairing(work)

    async def assemble(self, repo: RepoKey, base_sha: str, proposals: Sequence[Proposal], limit: int) -> Assembly:
        """Merge heads onto a base in memory; see `tide.ports.git.Git.assemble`."""
        copy = self._copy(repo)
        assembler = Assembler(copy.merger, copy.attributes, await self.program.version())

        async def work() -> Assembly:
            async with copy.repository.lock:
                copy.repository.require(base_sha, *(proposal.head_sha for proposal in proposals))
                assembly = await assembler.assemble(base_sha, proposals, limit)
                for step in assembly.steps:
                    copy.assembled.keep(step.run_tree, step.head_sha)
                return assembly

        return await copy.repository.repairing(work)

    def _copy(self, repo: RepoKey) -> _Copy:
        if repo not in self._copies:
            repository = self._repository(repo)
            self._copies[repo] = _Copy(repository, Merger(repository), AttributeFiles(repository))
        return self._copies[repo]

    def _repository(self, repo: RepoKey) -> BareRepository:
        # Jobs on this machine run what strangers wrote: the code of other repositories is none of their business.
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        credentials = Credentials(self.directory, self.url_of, self.token_of)
        return BareRepository(
            str(repo),
            self.directory / repository_directory(repo),
            self.url_of(repo),
            self.program,
            lambda: credentials.for_server(repo),
            self.patience,
        )


async def _changed_files(repository: BareRepository, base_sha: str, head_sha: str) -> tuple[str, ...]:
    """List what a head changes; a renamed file has its new name only, as in GitHub's list, which Prow goes by.

    GitHub takes for renamed what is half the same. To find that out the contents have to be fetched, which is done only
    where files have come and others have gone. Where it takes too long both names count: too many jobs do no harm.
    """
    repository.require(base_sha, head_sha)
    listed = await _differing(repository, base_sha, head_sha, "--name-status", "--no-renames")
    states, paths = set(listed[::2]), listed[1::2]
    if states >= {"A", "D"}:
        with contextlib.suppress(Unavailable):
            paths = await _differing(repository, base_sha, head_sha, "--name-only", "--find-renames=50%")
    return tuple(sorted(paths))


async def _differing(repository: BareRepository, base_sha: str, head_sha: str, *options: str) -> list[str]:
    """Compare a head with where it left the base; give the fields that git writes."""
    compared = ("diff-tree", "-r", "-z", *options)
    finished = await repository.run(*compared, "--merge-base", base_sha, head_sha)
    if finished.code and "merge base" in finished.stderr:
        origin = await _origin(repository, base_sha, head_sha)
        finished = await repository.run(*compared, origin, head_sha)
    if finished.code:
        raise failure(f"git diff-tree in {repository.name}", finished)
    return finished.stdout.decode(errors="surrogateescape").split("\0")[:-1]


async def _origin(repository: BareRepository, base_sha: str, head_sha: str) -> str:
    """Give the first of several merge bases; the base itself where there is no common history."""
    finished = await repository.run("merge-base", base_sha, head_sha)
    return finished.stdout.decode().strip() or base_sha
