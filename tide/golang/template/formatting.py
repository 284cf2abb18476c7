"""fmt's verbs (Go: fmt, print.go and format.go)."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tide.golang.floats import float_text
from tide.golang.template import times
from tide.golang.template.values import (
    NO_VALUE,
    ExecutionError,
    NamedInt,
    Record,
    Value,
    as_bytes,
    as_text,
    type_name,
)

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\*|[0-9]+)?(?:\.(?P<precision>\*|[0-9]*))?(?P<verb>[^\[]?)", re.DOTALL
)
_WIDEST = 10_000


def printed(value: Value) -> str:
    """Write a value as `%v` does."""
    return _written(value, _Directive("v"))


def joined(values: Sequence[Value]) -> str:
    """Write values as fmt.Sprint does: with a space between two of which neither is a string."""
    pieces: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            pieces.append(" ")
        pieces.append(printed(value))
    return "".join(pieces)


@dataclass(slots=True)
class _Directive:
    verb: str
    flags: str = ""
    width: int = 0
    precision: int | None = None


def formatted(layout: str, arguments: Sequence[Value]) -> str:
    """Write values as fmt.Sprintf does, mistakes included; raise ExecutionError for what is not supported."""
    rest = list(arguments)
    text = _VERB.sub(lambda found: _directive(found, rest), layout)
    if rest:
        text += f"%!(EXTRA {', '.join(map(_extra, rest))})"
    return text


def _extra(value: Value) -> str:
    return "<nil>" if value is None or value is NO_VALUE else f"{type_name(value)}={printed(value)}"


def _directive(found: re.Match[str], rest: list[Value]) -> str:
    verb = found["verb"]
    if not verb:
        if found.string[found.end() : found.end() + 1] == "[":
            raise ExecutionError("printf with numbered arguments is not supported")
        return "%!(NOVERB)"
    flags = found["flags"].replace("+", "") if verb == "v" else found["flags"]  # %+v is about structs
    directive = _Directive(verb, flags, _count(found["width"], rest) or 0)
    if found["precision"] is not None:
        directive.precision = _count(found["precision"] or "0", rest)
    if directive.width < 0:
        directive.flags, directive.width = directive.flags + "-", -directive.width
    if verb == "%":
        return "%"
    if not rest:
        return f"%!{verb}(MISSING)"
    return _written(rest.pop(0), directive)


def _count(text: str | None, rest: list[Value]) -> int | None:
    if text is None:
        return None
    count = rest.pop(0) if text == "*" and rest else text
    try:
        number = int(str(count))
    except ValueError:
        raise ExecutionError("printf with * and no number for it is not supported") from None
    if abs(number) > _WIDEST:
        raise ExecutionError("printf wants a width or precision that is too large")
    return number


def _written(value: Value, how: _Directive) -> str:
    if how.verb == "T":
        return _padded(type_name(value)[: how.precision], how)
    if how.verb == "p":
        raise ExecutionError("printf of an address is not supported")
    if value is NO_VALUE or (value is None and how.verb == "v"):
        return _padded("<nil>", how) if how.verb == "v" else _bad("<nil>", how)
    if value is None:
        raise ExecutionError(f"printf of a nil pointer with %{how.verb} is not supported")
    if isinstance(value, Record):
        raise ExecutionError(f"a {value.type_name} as a whole cannot be printed")
    if isinstance(value, tuple):
        return f"[{' '.join(_written(item, how) for item in value)}]"
    if isinstance(value, NamedInt | datetime) and how.verb in "vsqxX":
        value = times.text(value) if isinstance(value, datetime) else value.word
    if _is_rare(value, how):
        raise ExecutionError(f"printf of a {type_name(value)} with %{how.flags}{how.verb} is not supported")
    return _scalar(value, how)


def _is_rare(value: Value, how: _Directive) -> bool:
    """Tell whether a verb is one of those that no text of a commit needs, and that are not written here."""
    if isinstance(value, NamedInt | datetime):
        return how.verb != "d" or isinstance(value, datetime)
    if isinstance(value, float) and (how.verb in "bxX" or "#" in how.flags):
        return True
    if "#" in how.flags and (how.verb not in "qxXoO" or isinstance(value, str) or how.precision is not None):
        return how.verb != "q" or isinstance(value, int)
    return "+" in how.flags and how.verb == "q" and isinstance(value, str)


def _scalar(value: Value, how: _Directive) -> str:
    if isinstance(value, bool):
        text = str(value).lower() if how.verb in "tv" else None
    elif isinstance(value, str):
        text = _string(value, how)
    elif isinstance(value, int):
        text = _integer(value, how)
    elif isinstance(value, float):
        text = _float(value, how)
    else:
        text = None
    if text is None:
        plain = _Directive("v", how.flags, how.width, how.precision)
        return _bad(f"{type_name(value)}={_written(value, plain)}", how)
    return _padded(text, how, is_number=isinstance(value, int | float) and how.verb not in "cqU")


def _bad(what: str, how: _Directive) -> str:
    return f"%!{how.verb}({what})"


def _string(text: str, how: _Directive) -> str | None:
    if how.precision is not None:
        text = text[: how.precision]
    if how.verb in "sv":
        return text
    if how.verb == "q":
        return f"`{text}`" if "#" in how.flags and "`" not in text else quoted(text)
    if how.verb in "xX":
        separator = " " if " " in how.flags else ""
        digits = as_bytes(text).hex(separator) if separator else as_bytes(text).hex()
        return digits.upper() if how.verb == "X" else digits
    return None


def quoted(text: str) -> str:
    """Write a string as Go's strconv.Quote does."""
    return '"' + "".join(map(_quoted_character, text)) + '"'


_ESCAPES = {**{character: json.dumps(character)[1:-1] for character in '"\\\n\r\t\b\f'}, "\a": "\\a", "\v": "\\v"}
_ONE_BYTE, _TWO_BYTES, _DELETE = 0x20, 0x10000, "\x7f"


def _quoted_character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if "\udc80" <= character <= "\udcff":
        return f"\\x{code - 0xDC00:02x}"
    if code < _ONE_BYTE or character == _DELETE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _TWO_BYTES else f"\\U{code:08x}"


_BASES: Mapping[str, str] = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_PREFIXES: Mapping[str, str] = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}


def _integer(number: int, how: _Directive) -> str | None:
    if how.verb == "c":
        return chr(number) if 0 <= number <= sys.maxunicode else "\ufffd"
    if how.verb == "q":
        return f"'{quoted(chr(number))[1:-1]}'" if 0 <= number <= sys.maxunicode else "'\ufffd'"
    if how.verb == "U":
        return f"U+{number:04X}"
    if how.verb not in _BASES:
        return None
    digits = format(abs(int(number)), _BASES[how.verb])
    if how.precision is not None:
        digits = digits.rjust(how.precision, "0") if number or how.precision else ""
    prefix = "0o" if how.verb == "O" else _PREFIXES.get(how.verb, "") if "#" in how.flags else ""
    return _sign(number < 0, how) + prefix + digits


def _sign(is_negative: bool, how: _Directive) -> str:  # noqa: FBT001 - it is the subject
    if is_negative:
        return "-"
    return "+" if "+" in how.flags else " " if " " in how.flags else ""


def _float(number: float, how: _Directive) -> str | None:
    writer = _FLOATS.get(how.verb)
    return None if writer is None else _sign(str(number).startswith("-"), how) + writer(abs(number), how.precision)


def _fixed(number: float, precision: int | None) -> str:
    return f"{number:.{6 if precision is None else precision}f}"


def _with_exponent(number: float, precision: int | None) -> str:
    return f"{number:.{6 if precision is None else precision}e}"


def _shortest(number: float, precision: int | None) -> str:
    """Write the digits that tell a float from others, or as many as asked for, with an exponent where it is large."""
    if precision is not None:
        return f"{number:.{precision or 1}g}"
    return float_text(number)


_FLOATS: Mapping[str, Callable[[float, int | None], str]] = {
    **dict.fromkeys("fF", _fixed),
    "e": _with_exponent,
    "E": lambda number, precision: _with_exponent(number, precision).upper(),
    **dict.fromkeys("gv", _shortest),
    "G": lambda number, precision: _shortest(number, precision).upper(),
}


def _padded(text: str, how: _Directive, *, is_number: bool = False) -> str:
    missing = how.width - len(text)
    if missing <= 0:
        return text
    if "-" in how.flags:
        return text + " " * missing
    if "0" in how.flags and not (is_number and how.precision is not None and how.verb in _BASES):
        sign = len(text) - len(text.lstrip("+- ")) if is_number else 0
        return text[:sign] + "0" * missing + text[sign:]
    return " " * missing + text


def sliced(text: str, start: int, end: int) -> str:
    """Give the bytes from `start` up to `end` of a string."""
    return as_text(as_bytes(text)[start:end])
