"""How a token reaches git: by GIT_ASKPASS, in the environment of that one process.

Neither the command line nor the URL nor a configuration file ever holds it. A credential helper of the operator is
asked first by git, and the script answers only for the server that the repository's URL names, so that a redirect
or a submodule elsewhere gets nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tide.domain.keys import RepoKey

TokenOf = Callable[[RepoKey], Awaitable[str]]
"""Gives the token for a repository; "" when there is none."""

_SCRIPT = """\
#!/bin/sh
# git asks "Username for 'https://host': " and "Password for 'https://user@host': ".
case $1 in
  "Username for '$TIDE_GIT_SERVER'"*) echo x-access-token ;;
  "Password for '$TIDE_GIT_LOGIN'"*) printf '%s\\n' "$TIDE_GIT_TOKEN" ;;
  *) exit 1 ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Gives git what it needs to prove who we are; `directory` holds the script."""

    directory: Path
    token_of: TokenOf | None = None

    async def environment(self, repo: RepoKey, url: str) -> dict[str, str]:
        """Give the variables for a process that may speak to the server of `url`."""
        parts = urlsplit(url)
        if self.token_of is None or parts.scheme not in {"http", "https"}:
            return {}
        token = await self.token_of(repo)
        if not token:
            return {}
        host = parts.netloc.rpartition("@")[2]
        return {
            "GIT_ASKPASS": str(_script(self.directory)),
            "TIDE_GIT_SERVER": f"{parts.scheme}://{host}",
            "TIDE_GIT_LOGIN": f"{parts.scheme}://x-access-token@{host}",
            "TIDE_GIT_TOKEN": token,
        }


def _script(directory: Path) -> Path:
    path = directory / "askpass"
    if not path.exists() or path.read_text() != _SCRIPT:
        directory.mkdir(parents=True, exist_ok=True)
        fresh = directory / "askpass.new"
        fresh.write_text(_SCRIPT)
        fresh.chmod(0o700)
        fresh.replace(path)
    return path
