"""Which authorities we trust where nobody names one: those of the environment, else of the system.

OpenSSL docs: `SSL_CERT_FILE` and `SSL_CERT_DIR`, as curl, git and Go's programs heed them too.
"""

import os
import ssl
from functools import lru_cache
from pathlib import Path

import httpx

from tide.adapters.kept_file import Identity, identity


def authorities() -> tuple[Identity, ...]:
    """Give what changes when they are replaced: of a directory, when something in it comes or goes."""
    found = ssl.get_default_verify_paths()
    return tuple(identity(Path(place)) for place in (found.cafile, found.capath) if place)


def trusting_authorities() -> ssl.SSLContext:
    """Read them.

    Raises:
        OSError: They cannot be read (also `ssl.SSLError`).
    """
    context = httpx.create_ssl_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        # Beside those of certifi: what the system trusts, as git does.
        context.load_default_certs()
    return context


def shared_trust() -> ssl.SSLContext:
    """Give what trusts them as they are now, for all who add nothing to it: to read them takes long.

    Raises:
        OSError: They cannot be read (also `ssl.SSLError`).
    """
    return _read_once(authorities(), os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=1)
def _read_once(*_where: object) -> ssl.SSLContext:
    return trusting_authorities()
