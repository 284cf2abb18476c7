"""What git is run with where strangers name the addresses: nothing of the operator's that would prove who we are.

A `.gitmodules`, a `.lfsconfig` or a job that a repository holds itself can name any address, also one on this host. So
git speaks HTTP alone there, without the operator's credential helpers, headers, cookies, client certificates, ssh keys,
tickets or .netrc. What only says by which way a server is reached stays. (git-config(1), git(1) GIT_ALLOW_PROTOCOL)
"""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from tide.adapters.git.program import GitProgram, git_environment
from tide.domain.errors import Unavailable

_PATIENCE = timedelta(seconds=60)
_WAYS = re.compile(
    r"""(?x)
    PATH | TMPDIR | LD_LIBRARY_PATH | GIT_EXEC_PATH
    | GIT_SSL_(?:CAINFO|CAPATH|NO_VERIFY|VERSION|CIPHER_LIST) | GIT_HTTP_(?:USER_AGENT|LOW_SPEED_\w+)
    | SSL_CERT_FILE | SSL_CERT_DIR | CURL_CA_BUNDLE
    | (?i:https?_proxy|all_proxy|no_proxy)
    """
)
_SETTINGS = re.compile(
    r"""(?xs)
    url\.https?://[^@]*\.insteadof  # credentials may stand before an @
    | http\.(?:.*\.)?(?:proxy|proxyauthmethod|ssl(?:verify|cainfo|capath|backend|version|cipherlist)|version
        |useragent|lowspeed(?:limit|time)|postbuffer|maxrequests)
    | filter\..*\.(?:clean|smudge|process|required)
    | safe\.directory
    """
)
_OURS = (
    ("credential.useHttpPath", "true"),  # so that the question for credentials names the repository
    ("http.emptyAuth", "false"),  # or whoever asks for a Kerberos ticket gets one
)


async def for_strangers(program: GitProgram, means: Mapping[str, str]) -> GitProgram:
    """Give the program for commands that strangers' addresses may come into; `means` are added to its environment.

    Raise Unavailable when git cannot tell what the operator has set.
    """
    # No repository: one around the working directory is no setting of the operator's.
    command = ["config", "--list", "-z"]
    listed = await program.run(command, cwd=Path("/"), patience=_PATIENCE, environment={"GIT_DIR": os.devnull})
    if listed.code:
        raise Unavailable(f"git's own configuration cannot be read: {listed.complaint}")
    settings = [*ways(listed.stdout.decode(errors="surrogateescape")), *_OURS]
    surroundings = {
        **git_environment(os.environ, _WAYS),
        **_as_variables(settings),
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ALLOW_PROTOCOL": "http:https",
        "GIT_SSH_COMMAND": "false",  # git-lfs knows nothing of GIT_ALLOW_PROTOCOL
    }
    return program.within({**surroundings, **means})


def ways(listing: str) -> list[tuple[str, str]]:
    """Pick the settings that say by which way servers are reached from what `git config --list -z` tells."""
    entries = [entry.partition("\n") for entry in listing.split("\0") if entry]
    return [
        (name, _without_home(value) if newline else "true")
        for name, newline, value in entries
        if _SETTINGS.fullmatch(name)
    ]


def _without_home(value: str) -> str:
    # HOME is another one for git there.
    return str(Path(value).expanduser()) if value.startswith("~/") else value


def _as_variables(settings: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return variables
