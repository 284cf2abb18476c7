"""How a token reaches git: by GIT_ASKPASS, in the environment of that one process.

Neither the command line nor the URL nor a configuration file ever holds it. The script answers only for the addresses
that it was given tokens for: for a whole server where git speaks to nobody but that, for single repositories where
others say whom git speaks to.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tide.domain.keys import RepoKey

TokenOf = Callable[[RepoKey], Awaitable[str]]
"""Gives the token for a repository; "" when there is none."""

UrlOf = Callable[[RepoKey], str]
"""Gives the URL that a repository is fetched from; no credentials in it."""

_SCRIPT = """\
#!/bin/sh
# git asks "Username for 'https://host': ", then "Password for 'https://x-access-token@host': "; with
# credential.useHttpPath the repository's path follows the host. Only what comes first in the address tells the server.
question=${1%"': "}
case $question in
  "Username for '"*"://"*)
    address=${question#"Username for '"}
    rest=${address#*://} ;;
  "Password for '"*"://"*)
    address=${question#"Password for '"}
    rest=${address#*://}
    case $rest in
      x-access-token@*) rest=${rest#x-access-token@} ;;
      *) exit 1 ;;
    esac ;;
  *) exit 1 ;;
esac
[ -z "$TIDE_GIT_WHOLE_SERVER" ] || rest=${rest%%/*}
asked=$(printf '%s' "${address%%://*}://$rest" | tr '[:upper:]' '[:lower:]')
asked=${asked%/info/lfs}
asked=${asked%.git}
answer=$(printf '%s\\n' "$TIDE_GIT_TOKENS" | while read -r known token; do
  if [ "$known" = "$asked" ]; then
    case $1 in
      Username*) echo x-access-token ;;
      *) printf '%s\\n' "$token" ;;
    esac
    break
  fi
done)
[ -n "$answer" ] || exit 1
printf '%s\\n' "$answer"
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Gives git what it needs to prove who we are at the code host; `directory` holds the script."""

    directory: Path
    url_of: UrlOf
    token_of: TokenOf | None = None

    async def for_server(self, repo: RepoKey) -> dict[str, str]:
        """Give the variables for a process that is told by nobody but us whom it speaks to.

        It may speak to the server that `repo` is on, which sends it on where a repository has been renamed.
        """
        parts = urlsplit(self.url_of(repo))
        means = await self._environment({f"{parts.scheme}://{parts.netloc}": repo})
        # The operator may have set credential.useHttpPath.
        return {**means, "TIDE_GIT_WHOLE_SERVER": "1"} if means else {}

    async def for_repositories(self, repos: Iterable[RepoKey]) -> dict[str, str]:
        """Give the variables for a process that strangers may lead anywhere: they answer for these repositories alone.

        The process has to run with `credential.useHttpPath`.
        """
        return await self._environment({self.url_of(repo).removesuffix(".git"): repo for repo in sorted(repos)})

    async def _environment(self, repos: dict[str, RepoKey]) -> dict[str, str]:
        if self.token_of is None:
            return {}
        tokens = {
            url.lower(): await self.token_of(repo)
            for url, repo in repos.items()
            if urlsplit(url).scheme in {"http", "https"}
        }
        lines = [f"{url} {token}" for url, token in tokens.items() if token]
        if not lines:
            return {}
        return {"GIT_ASKPASS": str(_script(self.directory)), "TIDE_GIT_TOKENS": "\n".join(lines)}


def _script(directory: Path) -> Path:
    path = directory / "askpass"
    if not path.exists() or path.read_text() != _SCRIPT:
        directory.mkdir(parents=True, exist_ok=True)
        fresh = directory / "askpass.new"
        fresh.write_text(_SCRIPT)
        fresh.chmod(0o700)
        fresh.replace(path)
    return path
