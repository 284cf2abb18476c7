"""Accounts, repositories, ids and the clock: what every deed on the forge needs."""

from __future__ import annotations

import base64
import itertools
from typing import TYPE_CHECKING

from tide.sandbox.changes import ChangeLog, RepositoryChanged
from tide.sandbox.git_store import GitStore
from tide.sandbox.model import Account, Label, Milestone, Repository, RepositorySettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tide.sandbox.model import AccountType, Issue, Permission
    from tide.sandbox.protection import BranchProtection, Ruleset

DEFAULT_LOGIN = "merge-bot"
"""Whom an unregistered token speaks for."""


class NoSuchRepositoryError(LookupError):
    """The forge has no repository of that name."""


class Registry:
    """The forge's accounts and repositories.

    Args:
        now: the clock; aware UTC.
        root: an existing directory under which bare repositories and work trees are made.
    """

    def __init__(self, now: Callable[[], datetime], root: Path) -> None:
        self.now = now
        self.root = root
        self.log = ChangeLog()
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}
        self.nodes: dict[str, Issue] = {}
        self._ids = itertools.count(1)
        self.account(DEFAULT_LOGIN)

    def subscribe(self, subscriber: Callable[..., None]) -> Callable[[], None]:
        """Call ``subscriber`` with every change (``tide.sandbox.changes``); returns what ends it."""
        return self.log.subscribe(subscriber)

    def next_id(self) -> int:
        """Return a number never used before: ids grow with time, as GitHub's do."""
        return next(self._ids)

    def node_id(self, prefix: str, number: int) -> str:
        """Return an opaque GraphQL id in GitHub's newer shape, such as ``PR_kwDOAAAB``."""
        return f"{prefix}_{base64.urlsafe_b64encode(number.to_bytes(6, 'big')).decode()}"

    def account(self, login: str, account_type: AccountType | None = None) -> Account:
        """Return the account of a login, made when it is new (``x[bot]`` is a Bot, others users)."""
        found = self.accounts.get(login)
        if found is None:
            number = self.next_id()
            kind: AccountType = account_type or ("Bot" if login.endswith("[bot]") else "User")
            prefix = {"User": "U", "Bot": "BOT", "Organization": "O"}[kind]
            found = Account(number, self.node_id(prefix, number), login, kind, self.now())
            self.accounts[login] = found
        return found

    def repository(self, full_name: str) -> Repository:
        """Return a repository by ``owner/name``, case-insensitively as GitHub does.

        Raises:
            NoSuchRepositoryError: there is none.
        """
        found = self.repositories.get(full_name.lower())
        if found is None:
            raise NoSuchRepositoryError(full_name)
        return found

    async def create_repository(
        self,
        owner: str,
        name: str,
        *,
        default_branch: str = "main",
        owner_type: AccountType = "Organization",
        settings: RepositorySettings | None = None,
        actor: str = DEFAULT_LOGIN,
    ) -> Repository:
        """Make an empty repository with its bare git repository; fill it by ``git push`` or ``GitStore``.

        Raises:
            ValueError: it exists already.
        """
        if f"{owner}/{name}".lower() in self.repositories:
            raise ValueError(f"{owner}/{name} exists already")
        account = self.account(owner, owner_type)
        git = await GitStore.create(self.root, owner=account.login, name=name, default_branch=default_branch)
        number = self.next_id()
        repository = Repository(
            id=number,
            node_id=self.node_id("R", number),
            owner=account.login,
            name=name,
            default_branch=default_branch,
            created_at=self.now(),
            git=git,
            settings=settings or RepositorySettings(),
        )
        self.repositories[repository.full_name.lower()] = repository
        self.repository_changed(repository, "created", actor)
        return repository

    def repository_changed(self, repository: Repository, what: str, actor: str = DEFAULT_LOGIN) -> None:
        """Publish that something of the repository itself changed."""
        repository.updated_at = self.now()
        self.log.publish(
            RepositoryChanged(
                sequence=self.log.next_sequence(), at=self.now(), actor=actor, repository=repository, what=what
            )
        )

    def permission(self, repository: Repository, login: str) -> Permission:
        """Return what a login may do: the collaborators' entry, admin for the owner, write for everybody else."""
        if login == repository.owner:
            return "admin"
        return repository.collaborators.get(login, "write")

    def set_permission(self, repository: Repository, login: str, permission: Permission) -> None:
        """Make a login a collaborator."""
        self.account(login)
        repository.collaborators[login] = permission
        self.repository_changed(repository, "collaborators")

    def change_settings(self, repository: Repository, actor: str = DEFAULT_LOGIN, **settings: bool) -> None:
        """Set fields of ``RepositorySettings``."""
        for name, value in settings.items():
            if not hasattr(repository.settings, name):
                raise ValueError(f"no setting {name}")
            setattr(repository.settings, name, value)
        self.repository_changed(repository, "settings", actor)

    def protect_branch(
        self, repository: Repository, branch: str, protection: BranchProtection | None, actor: str = DEFAULT_LOGIN
    ) -> None:
        """Set or, with None, remove the classic protection of a branch."""
        if protection is None:
            repository.protections.pop(branch, None)
        else:
            repository.protections[branch] = protection
        self.repository_changed(repository, "protection", actor)

    def put_ruleset(self, repository: Repository, ruleset: Ruleset, actor: str = DEFAULT_LOGIN) -> None:
        """Add a ruleset or replace the one of the same id."""
        repository.rulesets[ruleset.id] = ruleset
        self.repository_changed(repository, "ruleset", actor)

    def delete_ruleset(self, repository: Repository, ruleset_id: int, actor: str = DEFAULT_LOGIN) -> None:
        """Remove a ruleset."""
        del repository.rulesets[ruleset_id]
        self.repository_changed(repository, "ruleset", actor)

    def ensure_label(self, repository: Repository, name: str) -> Label:
        """Return the label of that name (case-insensitive), made when it is new."""
        for label in repository.labels.values():
            if label.name.lower() == name.lower():
                return label
        number = self.next_id()
        label = Label(number, self.node_id("LA", number), name)
        repository.labels[name] = label
        self.repository_changed(repository, "label")
        return label

    def create_milestone(self, repository: Repository, title: str, creator: str = DEFAULT_LOGIN) -> Milestone:
        """Make a milestone."""
        number = self.next_id()
        milestone = Milestone(
            id=number,
            node_id=self.node_id("MI", number),
            number=max(repository.milestones, default=0) + 1,
            title=title,
            creator=self.account(creator).login,
            created_at=self.now(),
            updated_at=self.now(),
        )
        repository.milestones[milestone.number] = milestone
        self.repository_changed(repository, "milestone", creator)
        return milestone
