r"""Regular expressions exactly as Go's `regexp` means them: RE2 syntax, UTF-8, searched unanchored, linear time.

RE2 itself takes a little more than Go does: `\C`, capture groups that share a name, and group names beyond
`[A-Za-z0-9_]`. Those are refused here, so that a configuration that loads here loads in Prow. One difference is left:
`\B` beside a character beyond ASCII also matches inside of it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import re2


class _Searcher(Protocol):
    def search(self, text: str) -> object | None: ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled regular expression."""

    text: str
    _searcher: _Searcher

    def matches(self, subject: str) -> bool:
        """Tell whether the pattern is found anywhere in `subject` (Go: Regexp.MatchString)."""
        try:
            return self._searcher.search(subject) is not None
        except UnicodeEncodeError:
            # Git file names need not be UTF-8; Go sees each byte that is not as U+FFFD.
            return self._searcher.search(_SURROGATE.sub("\ufffd", subject)) is not None


_SURROGATE = re.compile("[\ud800-\udfff]")
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
# Go has no such limit; RE2's default of 8 MiB refuses what Go takes, such as `\p{Lu}{1000}`.
_OPTIONS.max_mem = 64 << 20

# In the order in which they must be tried: quoted text and classes hide what looks like an operator.
_TOKEN = re.compile(
    r"""
      \\Q .*? (?: \\E | \Z )                                          # quoted text
    | (?P<byte> \\C )
    | \\ .
    | \[ \^? \]? (?: \[:\^?\w+:\] | \\ . | [^\]\\] )* \]              # a character class
    | \( \? P? < (?P<group> [^>]* ) >
    """,
    re.VERBOSE | re.DOTALL,
)
_GROUP_NAME = re.compile(r"[A-Za-z0-9_]+")


# Bounded, because in-repo configuration is written by whoever opens a pull request.
@lru_cache(maxsize=16384)
def compile_pattern(text: str) -> Pattern:
    """Compile `text` as Go's regexp.Compile would.

    Raises:
        ValueError: `text` is no such expression; the message is one line in RE2's words.
    """
    _refuse_what_go_refuses(text)
    try:
        return Pattern(text, re2.compile(text, _OPTIONS))
    except re2.error as error:
        raise ValueError(_words(error)) from None
    except UnicodeEncodeError:
        raise ValueError("invalid UTF-8") from None


def matches(pattern: str, subject: str) -> bool:
    """Tell whether the expression `pattern` is found anywhere in `subject`; raise ValueError as compile_pattern."""
    return compile_pattern(pattern).matches(subject)


def _refuse_what_go_refuses(text: str) -> None:
    names: set[str] = set()
    for token in _TOKEN.finditer(text):
        if token["byte"]:
            raise ValueError(r"invalid escape sequence: \C")
        name = token["group"]
        if name is None:
            continue
        if not _GROUP_NAME.fullmatch(name):
            raise ValueError(f"invalid named capture: {token.group()}")
        if name in names:
            raise ValueError(f"duplicate capture group name: {name}")
        names.add(name)


def _words(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return text.encode("unicode_escape").decode() if "\n" in text else text
