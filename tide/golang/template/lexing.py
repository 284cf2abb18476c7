"""Text to tokens (Go: text/template/parse, lex.go)."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tide.golang.template.values import TemplateSyntaxError

_BLANKS = " \t\r\n"
_OPEN = re.compile(r"\{\{(?P<trim>-(?=[ \t\r\n]))?")
_COMMENT = re.compile(r"[ \t\r\n]*/\*(?:(?!\*/).)*\*/(?P<close>[ \t\r\n]-\}\}|\}\})", re.DOTALL)
_BEGINS_COMMENT = re.compile(r"[ \t\r\n]*/\*")
_TOKEN = re.compile(
    r"""
      (?P<end> [ \t\r\n]-\}\} | \}\} )
    | (?P<space> (?: [ \t\r\n] (?!-\}\}) )+ )
    | (?P<string> " (?: [^"\\\n] | \\[^\n] )* " )
    | (?P<raw> ` [^`]* ` )
    | (?P<char> ' (?: [^'\\\n] | \\[^\n] )* ' )
    | (?P<number>
        [+-]? (?: 0[xX][0-9a-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+
                | (?: [0-9][0-9_]* (?: \.[0-9_]* )? | \.[0-9][0-9_]* ) (?: [eE][+-]?[0-9_]+ )? ) i? )
    | (?P<variable> \$ \w* )
    | (?P<field> \. [^\W\d]\w* )
    | (?P<word> [^\W\d]\w* )
    | (?P<mark> := | [=|,().] )
    """,
    re.VERBOSE,
)
_MUST_END = frozenset({"variable", "field", "word"})
_ENDS = re.compile(r"[ \t\r\n,.|:()]|\}\}|\Z")
_UNFINISHED = {'"': "unterminated quoted string", "`": "unterminated raw quoted string", "'": "unterminated character"}


class Token(NamedTuple):
    """A piece of a template: `kind` is the name of what it is, or the piece itself for marks such as `|`."""

    kind: str
    text: str
    line: int


def tokens(text: str) -> Iterator[Token]:
    """Take a text apart.

    Yields:
        `text` for what stands outside of actions; for each action its tokens, closed by `end`; `eof` last.

    Raises:
        TemplateSyntaxError: there is an action that is none.
    """
    at, trims = 0, False
    while True:
        found = _OPEN.search(text, at)
        outside = text[at : found.start()] if found else text[at:]
        if trims:
            outside = outside.lstrip(_BLANKS)
        if found and found["trim"]:
            outside = outside.rstrip(_BLANKS)
        if outside:
            yield Token("text", outside, _line(text, at))
        if not found:
            yield Token("eof", "", _line(text, len(text)))
            return
        at = found.end()
        if _BEGINS_COMMENT.match(text, at) and (found["trim"] or text[at] == "/"):
            closing = _comment(text, at)
            at = closing.end()
            trims = closing["close"] != "}}"
            continue
        for token, end in _inside(text, at):
            yield token
            at, trims = end, token.text != "}}"


def _comment(text: str, at: int) -> re.Match[str]:
    comment = _COMMENT.match(text, at)
    if not comment:
        raise TemplateSyntaxError(_line(text, at), "a comment is not closed with */}}")
    return comment


def _inside(text: str, at: int) -> Iterator[tuple[Token, int]]:
    while True:
        found = _TOKEN.match(text, at)
        line = _line(text, at)
        if not found or not found.lastgroup:
            raise TemplateSyntaxError(line, _complaint(text[at : at + 1]))
        kind, piece, at = found.lastgroup, found.group(), found.end()
        if kind in _MUST_END and not _ENDS.match(text, at):
            raise TemplateSyntaxError(line, f"bad character {text[at]!r} behind {piece!r}")
        if kind == "number" and re.match(r"\w", text[at : at + 1]):
            raise TemplateSyntaxError(line, f"bad number {piece + text[at]!r}")
        yield Token(piece if kind == "mark" else kind, piece, line), at
        if kind == "end":
            return


def _complaint(character: str) -> str:
    if not character:
        return "an action {{ is not closed with }}"
    return _UNFINISHED.get(character, f"unexpected {character!r} in an action")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
