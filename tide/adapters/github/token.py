"""Who we are to GitHub: a token in a file that may be replaced while we run."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import structlog

from tide.domain.errors import Unauthorized

_log = structlog.get_logger(__name__)


class Credentials(Protocol):
    """Gives the headers that authorise a request. A GitHub App has other ones for each organisation."""

    @property
    def name(self) -> str:
        """What these credentials are, for messages to people; never the secret itself."""
        ...

    async def headers(self, org: str) -> Mapping[str, str]:
        """Give the headers for a request about `org`, "" where none is concerned; raise Unauthorized without any."""
        ...


class TokenFile:
    """A token in a file, read again whenever the file changes (a mounted Secret is swapped under its name).

    While the file cannot be read the last good token stays in use.

    Args:
        path: The file; surrounding white space in it does not count.
        hide: Told of each token before it is used, so that no log shows it.
    """

    def __init__(self, path: Path, hide: Callable[[str], None] = lambda _token: None) -> None:
        self._path, self._hide = path, hide
        self._seen: tuple[int, ...] | None = None
        self._token = ""

    def __repr__(self) -> str:
        return f"TokenFile({str(self._path)!r})"

    @property
    def name(self) -> str:
        """The file's name in words."""
        return f"the token in {self._path}"

    async def headers(self, org: str) -> Mapping[str, str]:  # noqa: ARG002 - one token speaks to all organisations
        """Give the Authorization header; raise Unauthorized when there never was a usable token."""
        return {"Authorization": f"Bearer {self.token()}"}

    def token(self) -> str:
        """Give the token as it stands in the file now; raise Unauthorized when there never was a usable one."""
        try:
            seen = _identity(self._path)
            if seen != self._seen:
                self._token = _usable(self._path.read_text(encoding="utf-8"))
                self._seen = seen
                self._hide(self._token)
        except (OSError, ValueError) as error:
            problem = f"no token for GitHub can be read from {self._path}: {getattr(error, 'strerror', None) or error}"
            if not self._token:
                raise Unauthorized(problem) from None
            _log.warning("the last token stays in use", problem=problem)
        return self._token


def _identity(path: Path) -> tuple[int, ...]:
    # The inode tells a swapped symlink; the time and the size tell a file written in place.
    stat = os.stat(path)  # noqa: PTH116 - follows the links of a mounted Secret, as Path.stat does, in one call
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


def _usable(text: str) -> str:
    token = text.strip()
    if not token:
        raise ValueError("it is empty")
    # Anything else would end up as a broken header, and the client's complaint would show it.
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("it has more than one word, or characters that no token has")
    return token
