"""Constants as Go writes them (Go: strconv.Unquote, text/template/parse newNumber)."""

import re

from tide.golang.template.values import as_text

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))", re.DOTALL
)
_SIMPLE = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))
_BYTES = 256
_LARGEST_INT = (1 << 63) - 1
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)")


def unquoted(text: str) -> str:
    """Read a constant in `"`, `'` or backquotes; raise ValueError when it is none."""
    quote, inside = text[0], text[1:-1]
    if quote == "`":
        return inside.replace("\r", "")
    other = "'" if quote == '"' else '"'
    return as_text(b"".join(_pieces(inside, other)))


def _pieces(inside: str, forbidden: str) -> list[bytes]:
    pieces: list[bytes] = []
    at = 0
    for escape in _ESCAPE.finditer(inside):
        pieces += [inside[at : escape.start()].encode("utf-8", "surrogateescape"), _unescaped(escape, forbidden)]
        at = escape.end()
    return [*pieces, inside[at:].encode("utf-8", "surrogateescape")]


def _unescaped(escape: re.Match[str], forbidden: str) -> bytes:
    simple, hexadecimal, octal, short, long, unknown = escape.groups()
    if simple and simple != forbidden:
        return _SIMPLE[simple].encode()
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if octal and int(octal, 8) < _BYTES:
        return bytes([int(octal, 8)])
    try:
        return chr(int(short or long or "x", 16)).encode()
    except (ValueError, OverflowError):
        raise ValueError(f"\\{simple or octal or unknown or ''} is no escape that Go knows") from None


def number(text: str) -> int | float:
    """Read a number as an untyped constant; raise ValueError when it is none, or too large."""
    if text.endswith("i"):
        raise ValueError(f"{text!r} is a complex number, which is not supported")
    plain = _without_underscores(text)
    if _INTEGER.fullmatch(plain):
        value = int(_with_octal_mark(plain), 0)
        if not -_LARGEST_INT - 1 <= value <= _LARGEST_INT:
            raise ValueError(f"{text!r} overflows int")
        return value
    if re.match(r"[+-]?0(?:[xXoObB]|[0-9]+$)", plain):
        raise ValueError(f"bad number {text!r}")
    return float(plain)


def _without_underscores(text: str) -> str:
    """Take out the underscores; Go wants a digit, or the mark of the base, on both sides of each."""
    if re.search(r"(?<![0-9a-fA-FxXoObB])_|_(?![0-9a-fA-F])", text):
        raise ValueError(f"bad number {text!r}")
    return text.replace("_", "")


def _with_octal_mark(plain: str) -> str:
    return re.sub(r"^([+-]?)0([0-7])", r"\g<1>0o\g<2>", plain)
