"""The forge: the one door through which the simulated GitHub changes.

Reading is free (``forge.repositories``, the records of :mod:`tide.sandbox.model`); changing goes through the methods
here and in the storeys below (``Registry``, ``Conversations``, ``Reviews``, ``Evidence``); each publishes what it did.
Deeds that need git (merges, pushes, whether a pull merges cleanly) are coroutines; the others are plain calls, so that
thousands of pulls can be opened without a process each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tide.sandbox.branch_rules import requires_signatures
from tide.sandbox.changes import PushContent, Pushed
from tide.sandbox.evidence import Evidence
from tide.sandbox.faults import striking
from tide.sandbox.mergeability import MergeabilityCache
from tide.sandbox.model import PullRequest
from tide.sandbox.registry import DEFAULT_LOGIN
from tide.sandbox.reviews import Reviews

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from tide.sandbox.model import Mergeability, MergeMethod, Repository


NOTHING_PUSHED = PushContent()


class PullRefusedError(ValueError):
    """A pull request cannot be opened or changed like that; the message is GitHub's, ``field`` what it is about."""

    def __init__(self, message: str, *, field: str | None = None, code: str = "custom") -> None:
        super().__init__(message)
        self.field = field
        self.code = code


@dataclass(frozen=True, kw_only=True)
class NewPull:
    """A pull request to open, from one branch of a repository to another."""

    title: str
    head_ref: str
    base_ref: str
    body: str | None = None
    draft: bool = False
    labels: tuple[str, ...] = ()


class Forge(Reviews, Evidence):
    """The simulated GitHub's state with all its deeds."""

    def __init__(self, now: Callable[[], datetime], root: Path) -> None:
        super().__init__(now, root)
        self._mergeability = MergeabilityCache()

    def open_pull(self, repository: Repository, new: NewPull, author: str = DEFAULT_LOGIN) -> PullRequest:
        """Open a pull request.

        Raises:
            PullRefusedError: a branch does not exist, or an open pull has the same two branches.
        """
        self._check_refs(repository, new.head_ref, new.base_ref)
        number = self.next_id()
        pull = PullRequest(
            id=number,
            node_id=self.node_id("PR", number),
            number=self.take_number(repository),
            title=new.title,
            body=new.body,
            author=self.account(author).login,
            created_at=self.now(),
            updated_at=self.now(),
            head_ref=new.head_ref,
            head_sha=repository.branches[new.head_ref],
            head_owner=repository.owner,
            base_ref=new.base_ref,
            base_sha=repository.branches[new.base_ref],
            draft=new.draft,
        )
        repository.pulls[pull.number] = pull
        self.nodes[pull.node_id] = pull
        repository.git.set_ref_later(f"refs/pull/{pull.number}/head", pull.head_sha)
        self.touch(repository, pull, "opened", author)
        for label in new.labels:
            self.add_label(repository, pull, label, author)
        return pull

    def _check_refs(self, repository: Repository, head_ref: str, base_ref: str) -> None:
        for field, ref in (("head", head_ref), ("base", base_ref)):
            if ref not in repository.branches:
                raise PullRefusedError("", field=field, code="invalid")
        if repository.branches[head_ref] == repository.branches[base_ref]:
            raise PullRefusedError(f"No commits between {base_ref} and {head_ref}")
        for pull in repository.pulls.values():
            if pull.state == "open" and (pull.head_ref, pull.base_ref) == (head_ref, base_ref):
                raise PullRefusedError(f"A pull request already exists for {repository.owner}:{head_ref}.")

    def retarget_pull(
        self, repository: Repository, pull: PullRequest, base_ref: str, actor: str = DEFAULT_LOGIN
    ) -> None:
        """Change the base branch of an open pull.

        Raises:
            PullRefusedError: it is closed, or there is no such branch.
        """
        if pull.state != "open":
            raise PullRefusedError("Cannot change the base branch of a closed pull request.", field="base")
        if base_ref not in repository.branches:
            raise PullRefusedError(f"Proposed base branch '{base_ref}' was not found", field="base", code="invalid")
        if pull.base_ref != base_ref:
            before = {"base_ref": pull.base_ref, "base_sha": pull.base_sha}
            pull.base_ref, pull.base_sha = base_ref, repository.branches[base_ref]
            self.touch(repository, pull, "edited", actor, before=before)

    def set_draft(self, repository: Repository, pull: PullRequest, *, draft: bool, actor: str = DEFAULT_LOGIN) -> None:
        """Make it a draft, or ready for review."""
        if pull.draft != draft:
            pull.draft = draft
            self.touch(repository, pull, "converted_to_draft" if draft else "ready_for_review", actor)

    def close_pull(self, repository: Repository, pull: PullRequest, actor: str = DEFAULT_LOGIN) -> None:
        """Close a pull without merging it."""
        if pull.state == "open":
            pull.state, pull.closed_at, pull.closed_by = "closed", self.now(), actor
            pull.closing_head_sha = pull.head_sha
            self.touch(repository, pull, "closed", actor)

    def reopen_pull(self, repository: Repository, pull: PullRequest, actor: str = DEFAULT_LOGIN) -> None:
        """Open a closed pull again.

        Raises:
            PullRefusedError: it is merged, or its branch is gone.
        """
        if pull.state == "open":
            return
        if pull.merged or pull.head_ref not in repository.branches:
            raise PullRefusedError("state cannot be changed. The pull request cannot be reopened.", field="state")
        pull.state, pull.closed_at, pull.closed_by = "open", None, None
        self.touch(repository, pull, "reopened", actor)

    def branch_moved(
        self,
        repository: Repository,
        branch: str,
        after: str | None,
        *,
        actor: str = DEFAULT_LOGIN,
        pull: PullRequest | None = None,
        content: PushContent = NOTHING_PUSHED,
    ) -> None:
        """Take note that git moved, made or (``after`` None) deleted a branch; its open pulls follow.

        The git ref itself is moved by whoever calls: a push, a merge, ``write_branch``. A moved head synchronizes its
        pulls and dismisses stale approvals where the base is protected so; a vanished head or base closes them.
        """
        before = repository.branches.get(branch)
        if before == after:
            return
        if after is None:
            del repository.branches[branch]
        else:
            repository.branches[branch] = after
        repository.pushed_at = self.now()
        self.log.publish(
            Pushed(
                sequence=self.log.next_sequence(),
                at=self.now(),
                actor=actor,
                repository=repository,
                branch=branch,
                before=before,
                after=after,
                content=content,
                pull=pull,
            )
        )
        for other in [pull for pull in repository.pulls.values() if pull.state == "open"]:
            if after is None and branch in {other.head_ref, other.base_ref}:
                self.close_pull(repository, other, actor)
            elif other.head_ref == branch and after is not None:
                self._synchronize(repository, other, after, actor)

    def _synchronize(self, repository: Repository, pull: PullRequest, head_sha: str, actor: str) -> None:
        before = {"head_sha": pull.head_sha}
        pull.head_sha, pull.base_sha = head_sha, repository.branches[pull.base_ref]
        repository.git.set_ref_later(f"refs/pull/{pull.number}/head", head_sha)
        self.touch(repository, pull, "synchronize", actor, before=before)
        protection = repository.protections.get(pull.base_ref)
        reviews = protection.required_pull_request_reviews if protection else None
        if reviews is not None and reviews.dismiss_stale_reviews:
            for review in pull.reviews:
                if review.state == "APPROVED":
                    self.dismiss_review(repository, pull, review, actor)

    def pull_merged(
        self,
        repository: Repository,
        pull: PullRequest,
        sha: str,
        *,
        method: MergeMethod,
        actor: str = DEFAULT_LOGIN,
        content: PushContent = NOTHING_PUSHED,
    ) -> None:
        """Take note that git put a pull on its base as ``sha`` (``merging.merge_pull`` does both)."""
        pull.merged_at, pull.merged_by, pull.merge_commit_sha = self.now(), self.account(actor).login, sha
        pull.state, pull.closed_at, pull.closed_by = "closed", self.now(), actor
        pull.merge_method, pull.closing_head_sha = method, pull.head_sha
        self.branch_moved(repository, pull.base_ref, sha, actor=actor, pull=pull, content=content)
        self.touch(repository, pull, "closed", actor)
        if repository.settings.delete_branch_on_merge and pull.head_ref in repository.branches:
            repository.git.delete_ref_later(f"refs/heads/{pull.head_ref}")
            self.branch_moved(repository, pull.head_ref, None, actor=actor)

    async def close_contained_pulls(self, repository: Repository, branch: str, actor: str = DEFAULT_LOGIN) -> None:
        """Mark open pulls as merged whose head the branch now contains, as GitHub does after any push."""
        tip = repository.branches.get(branch)
        if tip is None:
            return
        contained = await repository.git.ancestors(tip)
        for pull in list(repository.pulls.values()):
            if pull.state == "open" and pull.base_ref == branch and pull.head_sha in contained:
                self.pull_merged(repository, pull, tip, method="merge", actor=actor)

    async def write_branch(self, repository: Repository, branch: str, sha: str, *, actor: str = DEFAULT_LOGIN) -> None:
        """Put a branch on a commit that the bare repository has, as a push by ``actor`` past all rules would."""
        content = await self.push_content(repository, branch, sha)
        await repository.git.set_ref(f"refs/heads/{branch}", sha)
        self.branch_moved(repository, branch, sha, actor=actor, content=content)

    async def write_branches(
        self, repository: Repository, heads: Mapping[str, str], *, actor: str = DEFAULT_LOGIN
    ) -> None:
        """Put many branches on commits at once, with few git processes; see ``write_branch``."""
        await repository.git.load(heads.values())
        for branch, sha in heads.items():
            content = await self.push_content(repository, branch, sha)
            repository.git.set_ref_later(f"refs/heads/{branch}", sha)
            self.branch_moved(repository, branch, sha, actor=actor, content=content)
        await repository.git.flush()

    async def push_content(self, repository: Repository, branch: str, after: str | None) -> PushContent:
        """Return what a push of ``after`` to a branch brings; call it before ``branch_moved``."""
        before = repository.branches.get(branch, repository.branches.get(repository.default_branch))
        if after is None or before is None:
            return NOTHING_PUSHED
        commits = await repository.git.commits_between(before, after)
        forced = branch in repository.branches and not await repository.git.is_ancestor(before, after)
        return PushContent(tuple(commits), forced)

    async def mergeability(self, repository: Repository, pull: PullRequest) -> Mergeability:
        """Return what git says about merging this pull's head into its base now; cached by the two SHAs."""
        return (await self.mergeabilities(repository, [pull]))[0]

    async def mergeabilities(self, repository: Repository, pulls: Iterable[PullRequest]) -> list[Mergeability]:
        """Return ``mergeability`` of many pulls of one repository with few git processes, in their order.

        Under the fault ``stale_mergeable`` GitHub has not worked them out yet: ``known`` is False.
        """
        asked = list(pulls)
        known = await self._mergeability.of(repository, asked)
        bases = {pull.base_ref for pull in asked}
        signing = {base for base in bases if requires_signatures(self, repository, base)}
        answers = [
            await _with_signatures(repository, answer) if pull.base_ref in signing else answer
            for pull, answer in zip(asked, known, strict=True)
        ]
        if striking("stale_mergeable"):
            return [replace(answer, known=False) for answer in answers]
        return answers


async def _with_signatures(repository: Repository, answer: Mergeability) -> Mergeability:
    commits = await repository.git.commits_between(answer.base_sha, answer.head_sha)
    return replace(answer, unsigned=await repository.git.has_unsigned(commits))
