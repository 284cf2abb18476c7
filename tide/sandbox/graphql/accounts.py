"""Users, organizations and bots as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tide.sandbox.graphql.reading import Reading
    from tide.sandbox.model import Account


@dataclass(frozen=True)
class AccountView:
    """An ``Actor``, a ``RepositoryOwner`` or both."""

    account: Account

    @property
    def typename(self) -> str:
        """``User``, ``Organization`` or ``Bot``."""
        return self.account.type

    @property
    def login(self) -> str:
        """The login; a bot's comes without the ``[bot]`` that REST shows."""
        return self.account.login.removesuffix("[bot]") if self.account.type == "Bot" else self.account.login


def account_view(reading: Reading, login: str | None) -> AccountView | None:
    """Return the view of a login; None for nobody (GitHub shows a deleted account so)."""
    account = reading.forge.accounts.get(login) if login else None
    return AccountView(account) if account else None
