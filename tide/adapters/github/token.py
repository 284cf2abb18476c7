"""A token in a file: one for all organisations."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from tide.adapters.github.credentials import Grant
from tide.adapters.kept_file import KeptFile


class TokenFile:
    """A token in a file, read again whenever the file changes.

    Args:
        path: The file; surrounding white space in it does not count.
        hide: Told of each token before it is used, so that no log shows it.
    """

    def __init__(self, path: Path, hide: Callable[[str], None] = lambda _token: None) -> None:
        def read(content: bytes) -> str:
            token = _usable(content.decode())
            hide(token)
            return token

        self._file = KeptFile(path, "token for GitHub", read)

    def __repr__(self) -> str:
        return f"TokenFile({str(self._file.path)!r})"

    @property
    def name(self) -> str:
        """The file's name in words."""
        return f"the token in {self._file.path}"

    async def grant(self, org: str) -> Grant:
        """Give the token, whatever the organisation; raise Unauthorized when there never was a usable one."""
        token = self.token()
        return Grant(token=token, owner=_owner(token), name=self.name, org=org)

    async def orgs(self) -> tuple[str, ...]:
        """Say that one token is for everything."""
        return ("",)

    def refused(self, grant: Grant) -> None:
        """Do nothing: only whoever writes the file can help."""

    def token(self) -> str:
        """Give the token as it stands in the file now; raise Unauthorized when there never was a usable one."""
        return self._file.value()


def _owner(token: str) -> str:
    # Another token may belong to another account.
    return f"token {hashlib.sha256(token.encode()).hexdigest()[:16]}"


def _usable(text: str) -> str:
    token = text.strip()
    if not token:
        raise ValueError("it is empty")
    # Anything else would end up as a broken header, and the client's complaint would show it.
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("it has more than one word, or characters that no token has")
    return token
