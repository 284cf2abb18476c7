"""What status descriptions say about the base that a result was got on.

`TEXT<padding> BaseSHA:<sha>` (Prow: config.go ContextDescriptionWithBaseSha): the SHA is read back, so it is never cut;
the padding hides it from people.
"""

import re
from functools import lru_cache

_DELIMITER = " BaseSHA:"  # Prow: config.go contextDescriptionBaseSHADelimiter
_DELIMITERS = (_DELIMITER, " Basesha:")  # and its older form
_SHA = re.compile(r"[0-9a-f]{40}")
_SKIP_RETEST = "[prow:skip-retest]"  # Prow: config.go, set by /override-sticky

_LONGEST = 140  # GitHub refuses more (REST: Create a commit status)
_ELISION = " ... "
_PADDING = "\u2001"

# A batch says nothing about one of its members alone: a status that lends its result must not be read back as one.
_OF_BATCH = "Tested in a batch:"


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
    if description.startswith(_OF_BATCH):
        return False
    return needs_no_retest(description) or (bool(base_sha) and base_sha_of(description) == base_sha)


def description_with_base(text: str, base_sha: str) -> str:
    """Give a status description of at most 140 characters."""
    suffix = _DELIMITER + base_sha
    # A second delimiter would hide the first from its readers.
    shown = _elided(" ".join(text.replace(_DELIMITER.strip(), "base").split()), _LONGEST - len(suffix))
    return shown + _PADDING * (_LONGEST - len(shown) - len(suffix)) + suffix


def description_of_batch(text: str, base_sha: str) -> str:
    """Give the description of a status by which one member of a batch is lent the result of them all."""
    return description_with_base(f"{_OF_BATCH} {text}", base_sha)


def _elided(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = (longest - len(_ELISION)) // 2
    return text[:half] + _ELISION + text[-half:]
