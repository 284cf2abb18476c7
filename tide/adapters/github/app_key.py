"""The private key of a GitHub App, and the JSON Web Tokens that it signs.

GitHub docs: Generating a JSON Web Token (JWT) for a GitHub App.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tide.adapters.kept_file import KeptFile

# GitHub refuses what was issued in its future, and what lasts longer than ten minutes from its present: a clock that
# is a minute ahead or five behind does no harm.
ISSUED_BEFORE = timedelta(minutes=1)
LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """Which GitHub App we are; `key_path` is the file with its private key, in PEM form."""

    app_id: str
    key_path: Path


class AppKey:
    """Signs for a GitHub App; the key's file is read again whenever it changes."""

    def __init__(self, identity: AppIdentity) -> None:
        self._app_id = identity.app_id
        self._file = KeptFile(identity.key_path, "private key of a GitHub App", _rsa_key)

    def __repr__(self) -> str:
        return f"AppKey({self._app_id!r}, {str(self._file.path)!r})"

    @property
    def name(self) -> str:
        """What it is in words."""
        return f"the key in {self._file.path} of the GitHub App {self._app_id}"

    def check(self) -> None:
        """Raise Unauthorized when there is no usable key."""
        self._file.value()

    def token(self, now: datetime) -> str:
        """Give a token that speaks for the App itself for a few minutes; raise Unauthorized without a usable key."""
        claims = {
            "iss": self._app_id,
            "iat": int((now - ISSUED_BEFORE).timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
        }
        return jwt.encode(claims, self._file.value(), algorithm="RS256")


def _rsa_key(content: bytes) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(content.decode().strip().encode(), password=None)
    except TypeError:
        raise ValueError("it is protected by a passphrase") from None
    except UnicodeDecodeError:
        raise
    except (ValueError, UnsupportedAlgorithm):
        # The library's words may quote the content.
        raise ValueError("it is not a private key in PEM form") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("it is not an RSA key")  # noqa: TRY004 - what a file holds is a value, not a type of ours
    return key
