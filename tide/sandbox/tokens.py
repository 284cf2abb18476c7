"""Who a request speaks for, by its ``Authorization`` header."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from tide.sandbox.registry import DEFAULT_LOGIN


class BadCredentialsError(PermissionError):
    """The token is not good."""


@dataclass(frozen=True)
class Caller:
    """Who asks: ``token`` is empty for anonymous requests."""

    login: str
    token: str

    @property
    def anonymous(self) -> bool:
        """Whether no token was sent."""
        return not self.token


ANONYMOUS = Caller("", "")


@dataclass
class Tokens:
    """Which tokens are good and whom they speak for.

    Any non-empty token is good and speaks for ``DEFAULT_LOGIN`` unless it is registered for a login, revoked, or
    ``only_registered`` is set.
    """

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
        known = self.logins.get(token)
        if not token or token in self.revoked or (self.only_registered and known is None):
            raise BadCredentialsError("Bad credentials")
        return Caller(known or DEFAULT_LOGIN, token)


def _token(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() in {"token", "bearer"}:
        return value.strip()
    if scheme.lower() != "basic":
        raise BadCredentialsError("Bad credentials")
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadCredentialsError("Bad credentials") from error
    # GitHub takes the token as the user name too, with `x-oauth-basic` or nothing as password.
    return user if password in {"", "x-oauth-basic"} else password
