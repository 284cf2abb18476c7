"""Who a request speaks for, by its ``Authorization`` header."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tide.sandbox.apps import AppRefusedError, looks_like_jwt
from tide.sandbox.registry import DEFAULT_LOGIN

if TYPE_CHECKING:
    from tide.sandbox.apps import App, Apps, Installation
    from tide.sandbox.model import Repository

BAD_CREDENTIALS = "Bad credentials"


class BadCredentialsError(PermissionError):
    """The token is not good."""


@dataclass(frozen=True)
class Caller:
    """Who asks: ``token`` is empty for anonymous requests; ``app`` is an App in its own name."""

    login: str
    token: str
    app: App | None = None
    installation: Installation | None = None

    @property
    def anonymous(self) -> bool:
        """Whether no token was sent."""
        return not self.token

    @property
    def account(self) -> str:
        """Whose rate limits count: those of an installation go on when its token changes."""
        if self.app:
            return f"app {self.app.id}"
        return f"installation {self.installation.id}" if self.installation else self.token

    def sees(self, repository: Repository) -> bool:
        """Whether a repository is there for this caller."""
        return self.installation is None or repository.owner == self.installation.org


ANONYMOUS = Caller("", "")


@dataclass
class Tokens:
    """Which tokens are good and whom they speak for.

    Any non-empty token is good and speaks for ``DEFAULT_LOGIN`` unless it is registered for a login, revoked, or
    ``only_registered`` is set. The tokens of Apps, as far as there are any, are told by ``apps``.
    """

    apps: Apps | None = None
    logins: dict[str, str] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    only_registered: bool = False

    def register(self, token: str, login: str) -> None:
        """Let a token speak for a login."""
        self.logins[token] = login
        self.revoked.discard(token)

    def caller(self, authorization: str | None) -> Caller:
        """Return who a request speaks for.

        Args:
            authorization: the header's value: ``token X``, ``Bearer X`` or Basic with the token as password.

        Raises:
            BadCredentialsError: the header is malformed, or its token is not good.
        """
        if not authorization:
            return ANONYMOUS
        token = _token(authorization)
        if self.apps and (found := _app_caller(self.apps, token)):
            return found
        known = self.logins.get(token)
        if not token or token in self.revoked or (self.only_registered and known is None):
            raise BadCredentialsError(BAD_CREDENTIALS)
        return Caller(known or DEFAULT_LOGIN, token)


def _app_caller(apps: Apps, token: str) -> Caller | None:
    if apps.by_id and looks_like_jwt(token):
        try:
            app = apps.caller(token)
        except AppRefusedError as error:
            raise BadCredentialsError(str(error)) from error
        return Caller(app.login, token, app=app)
    if not apps.is_ours(token):
        return None
    installation = apps.installation(token)
    if installation is None:
        raise BadCredentialsError(BAD_CREDENTIALS)
    return Caller(installation.app.login, token, installation=installation)


def _token(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() in {"token", "bearer"}:
        return value.strip()
    if scheme.lower() != "basic":
        raise BadCredentialsError(BAD_CREDENTIALS)
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadCredentialsError(BAD_CREDENTIALS) from error
    # GitHub takes the token as the user name too, with `x-oauth-basic` or nothing as password.
    return user if password in {"", "x-oauth-basic"} else password
