"""What a failed git command means, by what it says (LC_ALL=C)."""

import re

from tide.adapters.git.program import Finished
from tide.domain.errors import NotFound, RemoteError, Unauthorized, Unavailable


class DamagedError(Exception):
    """The local copy of a repository cannot be used any more; it is made anew once."""


def _any_of(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


_DAMAGED = _any_of(
    "is corrupt",
    "corrupt (?:loose|patch|pack|packed)",
    "bad (?:tree )?object",
    "unable to read (?:tree|sha1|[0-9a-f]{40})",
    "unable to (?:find|parse) [0-9a-f]{40}",
    "unable to unpack",
    "not a git repository",
    "object file .* is empty",
    "garbage at end of loose",
    "inflate: ",
    "packfile .* (?:cannot be|is far too|does not match|index)",
    "index file .* is too small",
    "invalid (?:sha1|object) pointer",
    "invalid index-pack output",
    "not something we can merge",
    "not a valid (?:object|commit) name",
    "is not a valid object",
    "could not parse (?:commit|object)",
    "missing (?:blob|tree|commit|object)",
    "failed to (?:traverse|read object)",
    "did not send all necessary objects",
    "unexpected line in .*packed-refs",
    "bad config",
)
_ENVIRONMENT = _any_of(
    "promisor remote",
    "unable to access",
    "could not resolve",
    "connection (?:refused|reset|timed out)",
    "could not read from remote",
    "early EOF",
    "hung up",
    "RPC failed",
    "timed out",
    "no space left",
    "too many open files",
    "cannot allocate memory",
)
_REMOTE: tuple[tuple[re.Pattern[str], type[RemoteError]], ...] = (
    (
        _any_of(
            "authentication failed",
            "could not read (?:username|password)",
            "terminal prompts disabled",
            "permission denied",
            "access denied",
            "returned error: 40[13]",
        ),
        Unauthorized,
    ),
    (
        _any_of(
            "repository not found",
            "repository '[^']*' (?:not found|does not exist)",
            "returned error: 404",
            "does not appear to be a git repository",
            "couldn't find remote ref",
        ),
        NotFound,
    ),
)
_REFUSED_SHA = re.compile(r"(?:not our ref|unadvertised object|no such remote ref) ([0-9a-f]{40,64})")


def is_environmental(finished: Finished) -> bool:
    """Tell whether the network or the machine is to blame, and not what was merged."""
    return bool(_ENVIRONMENT.search(finished.stderr) or any(pattern.search(finished.stderr) for pattern, _ in _REMOTE))


def is_damage(finished: Finished) -> bool:
    """Tell whether the local copy is to blame."""
    return bool(_DAMAGED.search(finished.stderr)) and not is_environmental(finished)


def failure(what: str, finished: Finished) -> Exception:
    """Turn a failed command into what to raise; `what` names it for people."""
    message = f"{what}: {finished.complaint}"
    for pattern, error in _REMOTE:
        if pattern.search(finished.stderr):
            return error(message)
    if is_damage(finished):
        return DamagedError(message)
    return Unavailable(message)


def refused_sha(finished: Finished) -> str:
    """Give the SHA that the server would not hand out, "" when that is not why a fetch failed."""
    match = _REFUSED_SHA.search(finished.stderr)
    return match[1] if match else ""
