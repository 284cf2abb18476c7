"""What the files of a cluster hold: what a connection is made with, and what is shown over it.

client-go: rest/transport.go (TLSConfigFor, HTTPWrappersForConfig): what stands in a kubeconfig itself counts before the
file that it names, and a token file before a token.
"""

import base64
import binascii
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tide.adapters.kept_file import Identity, reason
from tide.adapters.kubernetes.finding import Found, KubernetesSettings
from tide.adapters.trust import authorities, trusting_authorities


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A client certificate, with those that vouch for it, and its key, in PEM form."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to trust, and who we say that we are, while a connection is made: another one needs other connections.

    `authority` is in PEM form, None where the `authorities` of the system count.
    """

    authority: bytes | None = None
    is_insecure: bool = False
    key_pair: KeyPair | None = None
    authorities: tuple[Identity, ...] = ()

    def context(self) -> ssl.SSLContext:
        """Make what connections are made with.

        Raises:
            ValueError: something in it is no certificate, no key, or they do not belong together.
            OSError: the authorities of the system cannot be read.
        """
        try:
            context = self._verifying()
            if self.key_pair is not None:
                _show(context, self.key_pair)
        except ssl.SSLError as error:
            raise ValueError(
                f"certificates or keys make no sense: {getattr(error, 'reason', None) or error}"
            ) from error
        return context

    def _verifying(self) -> ssl.SSLContext:
        if self.is_insecure:
            return httpx.create_ssl_context(verify=False)
        if self.authority is None:
            return trusting_authorities()
        context = ssl.create_default_context(cadata=self.authority.decode("ascii", "ignore"))
        # Python 3.13 asks more of an authority than Go does, and than those of several clouds have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


@dataclass(frozen=True, slots=True)
class Held:
    """All of it; `authorization` is the header of that name, "" for none."""

    trust: Trust
    authorization: str = field(repr=False)


def files_of(found: Found) -> tuple[Path, ...]:
    """Give the files in which it stands."""
    cluster, user = found.cluster, found.user
    pairs = (
        (cluster.ca_data, cluster.ca_file),
        (user.certificate_data, user.certificate_file),
        (user.key_data, user.key_file),
        (None, user.token_file),
    )
    return (*found.told_in, *(found.path(name) for data, name in pairs if name and not data))


def read_held(found: Found, settings: KubernetesSettings) -> Held:
    """Read it all; the `settings` are told what to hide.

    Raises:
        OSError: a file cannot be read.
        ValueError: something makes no sense; no value is told.
    """
    cluster, user = found.cluster, found.user
    authority = _content(found, cluster.ca_data, cluster.ca_file, "certificate-authority")
    certificate = _content(found, user.certificate_data, user.certificate_file, "client-certificate")
    key = _content(found, user.key_data, user.key_file, "client-key")
    for secret in filter(None, (user.key_data, user.password, user.token)):
        settings.hide(secret)
    trust = Trust(
        authority=authority,
        is_insecure=bool(cluster.is_insecure),
        key_pair=KeyPair(certificate, key) if certificate and key else None,
        authorities=() if authority or cluster.is_insecure else authorities(),
    )
    return Held(trust, _authorization(found, settings))


def bearer(token: str) -> str:
    """Give the header that shows a token; raise ValueError for what is none."""
    # Anything else would end up as a broken header, and the client's complaint would show it.
    if not (token.isascii() and token.isprintable()):
        raise ValueError("the token has more than one line, or characters that no token has")
    return f"Bearer {token}"


def _authorization(found: Found, settings: KubernetesSettings) -> str:
    user = found.user
    token = _token(found.path(user.token_file), user.token) if user.token_file else user.token
    if token:
        settings.hide_passing(token)
        return bearer(token)
    if user.username:
        shown = base64.b64encode(f"{user.username}:{user.password or ''}".encode()).decode()
        settings.hide(shown)
        return f"Basic {shown}"
    return ""


def _token(path: Path, otherwise: str | None) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        if otherwise:
            return otherwise
        raise ValueError(f"the token file {path} cannot be read: {reason(error)}") from None
    if not token and not otherwise:
        raise ValueError(f"the token file {path} is empty")
    return token or otherwise or ""


def _content(found: Found, data: str | None, name: str | None, what: str) -> bytes | None:
    if data:
        try:
            return base64.b64decode(data)
        except (binascii.Error, ValueError):
            raise ValueError(f"{what}-data is not base64") from None
    if not name:
        return None
    path = found.path(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the {what} {path} cannot be read: {reason(error)}") from None
    if not content.strip():  # also, an empty authority would mean those of the system
        raise ValueError(f"the {what} {path} is empty")
    return content


def _show(context: ssl.SSLContext, pair: KeyPair) -> None:
    # OpenSSL reads it from a file only. An empty passphrase, as it would otherwise ask for one on a terminal.
    with tempfile.TemporaryDirectory(prefix="tide-") as place:
        path = Path(place) / "pair.pem"
        path.touch(mode=0o600)
        path.write_bytes(pair.certificate.rstrip() + b"\n" + pair.key)
        context.load_cert_chain(path, password="")
