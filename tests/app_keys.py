"""Keys of GitHub Apps; making one takes a while, so there are only two."""

from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat


def rsa_key(name: str = "one") -> RSAPrivateKey:
    """Give a key, the same one for the same name."""
    return _made(name)


@cache
def _made(_name: str) -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: RSAPrivateKey, passphrase: bytes = b"") -> str:
    """Write a private key as GitHub hands it out, which is without a passphrase."""
    protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, protection).decode()


def claims(token: str, key: RSAPrivateKey) -> dict[str, Any]:
    """Read a token that a key has signed, whatever the time."""
    timeless = jwt.PyJWT(options={"verify_exp": False, "verify_iat": False})
    return timeless.decode(token, key.public_key(), algorithms=["RS256"])
