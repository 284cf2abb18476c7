"""Who is asking the API server, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tide.sandbox.kubernetes.problems import Unauthorized, forbidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tide.sandbox.kubernetes.resources import Resource

ANYONE = "system:serviceaccount:default:sandbox"
"""Whom a token speaks for that is not registered."""
ANONYMOUS = "system:anonymous"
"""Who asks without a token, such as kubectl, which sends none without TLS (client-go: clientcmd/client_config.go)."""


class Grant(NamedTuple):
    """What a rule allows; ``*`` is every verb, resource or namespace.

    Args:
        verb: ``get``, ``list``, ``watch``, ``create``, ``patch`` or ``delete``.
        resource: the plural, such as ``prowjobs``.
        namespace: where; only ``*`` reaches across namespaces.
    """

    verb: str
    resource: str
    namespace: str = "*"

    def allows(self, wanted: Grant) -> bool:
        """Whether what is wanted falls under it."""
        return all(mine in {"*", theirs} for mine, theirs in zip(self, wanted, strict=True))


@dataclass
class Access:
    """The users, by token, and their rules; who has no rules may do everything.

    Args:
        users: whom tokens speak for.
        only_registered: whether other tokens, and none at all, are refused.
    """

    users: dict[str, str] = field(default_factory=dict)
    only_registered: bool = False
    _grants: dict[str, frozenset[Grant]] = field(default_factory=dict)
    _revoked: set[str] = field(default_factory=set)

    def register(self, token: str, user: str) -> None:
        """Let a token speak for a user."""
        self.users[token] = user
        self._revoked.discard(token)

    def revoke(self, token: str) -> None:
        """Let a token be good no more."""
        self._revoked.add(token)

    def limit(self, user: str, grants: Iterable[tuple[str, str] | tuple[str, str, str]]) -> None:
        """Let a user do only what is granted, as (verb, resource) or (verb, resource, namespace)."""
        self._grants[user] = frozenset(Grant(*grant) for grant in grants)

    def unlimit(self, user: str) -> None:
        """Let a user do everything again."""
        self._grants.pop(user, None)

    def user(self, authorization: str | None) -> str:
        """Return who asks, by the header ``Authorization``.

        Raises:
            Unauthorized: the token is not good.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        known = self.users.get(token) if token else None
        if token in self._revoked or (self.only_registered and known is None):
            raise Unauthorized("Unauthorized")
        return known or (ANYONE if token else ANONYMOUS)

    def allows(self, user: str, wanted: Grant) -> bool:
        """Whether a user may do something; an empty namespace in ``wanted`` is all of them."""
        grants = self._grants.get(user)
        return grants is None or any(grant.allows(wanted) for grant in grants)

    def check(self, user: str, verb: str, resource: Resource, *, namespace: str, name: str) -> None:
        """Refuse what a user may not do.

        Raises:
            Forbidden: in the words of apiserver ``pkg/endpoints/handlers/responsewriters/errors.go``.
        """
        if self.allows(user, Grant(verb, resource.plural, namespace)):
            return
        scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        what = f'resource "{resource.plural}" in API group "{resource.group}"'
        raise forbidden(resource, name, f'User "{user}" cannot {verb} {what} {scope}')
