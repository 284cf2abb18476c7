"""GitHub Apps: their keys, where they are installed, and the tokens of their installations.

An installation's token sees its own account's repositories only, as though all others were private: whoever shows the
wrong one finds nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from tide.sandbox.registry import Registry

TOKEN_LASTS = timedelta(hours=1)
LONGEST_JWT = timedelta(minutes=10)
PERMISSIONS = {
    "checks": "read",
    "contents": "write",
    "issues": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
"""What merging takes (GitHub docs: Permissions required for GitHub Apps)."""

JWT_PARTS = 3
UNDECODABLE = "A JSON web token could not be decoded"
# The words after which Octokit's auth-app corrects its clock.
EXPIRED = (
    "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion "
    "expires"
)
TOO_FAR = "'Expiration time' claim ('exp') is too far in the future"
ISSUED_LATER = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"


class AppRefusedError(PermissionError):
    """A JSON web token is no good; the text is GitHub's."""


@dataclass(eq=False)
class Installation:
    """An App in one account; while ``suspended_at`` is set it gets no tokens and those that it has are no good."""

    id: int
    app: App
    org: str
    created_at: datetime
    suspended_at: datetime | None = None


@dataclass(eq=False)
class App:
    """A GitHub App; ``installations`` are by account, in lower case."""

    id: int
    slug: str
    owner: str
    public_key: RSAPublicKey
    created_at: datetime
    installations: dict[str, Installation] = field(default_factory=dict)

    @property
    def login(self) -> str:
        """The account that acts for it."""
        return f"{self.slug}[bot]"


@dataclass(frozen=True)
class InstallationToken:
    """A token, and how long it is good."""

    token: str
    installation: Installation
    expires_at: datetime


@dataclass
class Apps:
    """The Apps of a forge."""

    forge: Registry
    by_id: dict[int, App] = field(default_factory=dict)
    _tokens: dict[str, InstallationToken] = field(default_factory=dict)

    def register(self, app_id: int, slug: str, public_key: RSAPublicKey, *, owner: str = "acme") -> App:
        """Make an App."""
        made = App(app_id, slug, self.forge.account(owner, "Organization").login, public_key, self.forge.now())
        self.forge.account(made.login)
        self.by_id[app_id] = made
        return made

    def install(self, app: App, org: str) -> Installation:
        """Install an App in an account; one that was there before is replaced, under another number."""
        login = self.forge.account(org, "Organization").login
        made = Installation(self.forge.next_id(), app, login, self.forge.now())
        app.installations[login.lower()] = made
        return made

    def uninstall(self, installation: Installation) -> None:
        """Take an App out of an account; its tokens are no good any more."""
        installation.app.installations.pop(installation.org.lower(), None)

    def caller(self, token: str) -> App:
        """Return the App that a JSON web token speaks for.

        Raises:
            AppRefusedError: it is no good.
        """
        try:
            claimed = _claims(token)
            app = self.by_id[int(claimed["iss"])]
            claims = _claims(token, app.public_key)
            issued, ends = (datetime.fromtimestamp(int(claims[name]), UTC) for name in ("iat", "exp"))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise AppRefusedError(UNDECODABLE) from error
        now = self.forge.now()
        if ends <= now:
            raise AppRefusedError(EXPIRED)
        if ends > now + LONGEST_JWT:
            raise AppRefusedError(TOO_FAR)
        if issued > now:
            raise AppRefusedError(ISSUED_LATER)
        return app

    def new_token(self, installation: Installation) -> InstallationToken:
        """Make a token for an installation, good for an hour."""
        ends = (self.forge.now() + TOKEN_LASTS).replace(microsecond=0)
        made = InstallationToken(f"ghs_{secrets.token_hex(18)}", installation, ends)
        self._tokens[made.token] = made
        return made

    def is_ours(self, token: str) -> bool:
        """Tell whether a token was made for an installation, good or not."""
        return token in self._tokens

    def installation(self, token: str) -> Installation | None:
        """Return the installation that a token speaks for now, None for one that is over, suspended or removed."""
        known = self._tokens.get(token)
        if known is None or known.expires_at <= self.forge.now():
            return None
        found = known.installation
        is_there = found.app.installations.get(found.org.lower()) is found
        return found if is_there and found.suspended_at is None else None


def looks_like_jwt(token: str) -> bool:
    """Tell whether a token has the form of a JSON web token."""
    return token.count(".") == JWT_PARTS - 1


# The times are checked against the forge's clock, which is not the machine's.
_TIMELESS = jwt.PyJWT(options={"verify_exp": False, "verify_iat": False})


def _claims(token: str, key: RSAPublicKey | None = None) -> dict[str, Any]:
    """Return what a token claims, unchecked without a key."""
    if key is None:
        return _TIMELESS.decode(token, options={"verify_signature": False})
    return _TIMELESS.decode(token, key, algorithms=["RS256"])
