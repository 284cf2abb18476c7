"""What status descriptions say about the base that a result was got on."""

import re
from functools import lru_cache

_DELIMITERS = (" BaseSHA:", " Basesha:")  # Prow: config.go contextDescriptionBaseSHADelimiter and its older form
_SHA = re.compile(r"[0-9a-f]{40}")
_SKIP_RETEST = "[prow:skip-retest]"  # Prow: config.go, set by /override-sticky


# Most descriptions of a pool are the same few texts.
@lru_cache(maxsize=4096)
def base_sha_of(description: str) -> str:
    """Give the base SHA that a description ends in, "" when there is none (Prow: BaseSHAFromContextDescription).

    The delimiter must stand there exactly once, and a full SHA after it.
    """
    for delimiter in _DELIMITERS:
        parts = description.split(delimiter)
        if len(parts) == 2 and _SHA.fullmatch(parts[1]):  # noqa: PLR2004 - the text before and the SHA after
            return parts[1]
    return ""


def needs_no_retest(description: str) -> bool:
    """Tell whether somebody decided that a result holds on every base (Prow: IsSkipRetest)."""
    return _SKIP_RETEST in description


def vouches_for(description: str, base_sha: str) -> bool:
    """Tell whether a successful status is a result on `base_sha` (Prow: tide.go prowJobsFromContexts)."""
    return needs_no_retest(description) or (bool(base_sha) and base_sha_of(description) == base_sha)
