"""What a request shows to be let in, and whose limits it draws on."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A token and what belongs to it.

    `owner` names, without telling the token, whose limits it draws on and for whom answers are kept: an installation
    goes on being the same when its token changes. `name` is what it is in words, for messages to people. `expires_at`
    and `budget_name` are for a caching proxy in front of GitHub: None and "" where it finds its own way.
    """

    token: str = field(repr=False)
    owner: str
    name: str
    org: str = ""
    expires_at: datetime | None = None
    budget_name: str = ""


class Credentials(Protocol):
    """Gives the tokens: one for everything, or, for a GitHub App, one for each organisation."""

    async def grant(self, org: str) -> Grant:
        """Give what a request about `org` shows, "" where no organisation is concerned.

        Raises:
            Unauthorized: There is nothing to show.
            Transient: It could not be had just now.
        """
        ...

    async def orgs(self) -> tuple[str, ...]:
        """Give the organisations that there are tokens for; `("",)` where one token is for everything."""
        ...

    def refused(self, grant: Grant) -> None:
        """Hear that GitHub does not take a token."""
        ...
