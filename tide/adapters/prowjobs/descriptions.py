"""The description of a commit status that says for which base it holds (Prow: config.go ContextDescriptionWithBaseSha).

`TEXT<padding> BaseSHA:<sha>`: Tide reads the SHA back, so it is never cut; the padding hides it from people.
"""

_LONGEST = 140  # GitHub refuses more (REST: Create a commit status)
_DELIMITER = " BaseSHA:"
_ELISION = " ... "
_PADDING = "\u2001"


def description_with_base(text: str, base_sha: str) -> str:
    """Give a status description of at most 140 characters."""
    suffix = _DELIMITER + base_sha
    # A second delimiter would hide the first from its readers.
    shown = _elided(" ".join(text.replace(_DELIMITER.strip(), "base").split()), _LONGEST - len(suffix))
    return shown + _PADDING * (_LONGEST - len(shown) - len(suffix)) + suffix


def _elided(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = (longest - len(_ELISION)) // 2
    return text[:half] + _ELISION + text[-half:]
