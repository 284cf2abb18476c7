"""What Go calls built-in functions (Go: text/template, funcs.go)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote_plus

from tide.golang.template.formatting import formatted, joined, printed, sliced
from tide.golang.template.values import NO_VALUE, ExecutionError, Record, Value, as_bytes, is_true, type_name

_Arguments = Sequence[Value]


def call(name: str, arguments: _Arguments) -> Value:
    """Call a function, but for `and` and `or`, which look at one argument after the other.

    Raises:
        ExecutionError: Go would not take these arguments, or the function fails.
    """
    least, most = _ARITIES[name]
    if not least <= len(arguments) <= (len(arguments) if most is None else most):
        wanted = f"{least}" if most is not None else f"at least {least}"
        raise ExecutionError(f"wrong number of args for {name}: want {wanted} got {len(arguments)}")
    return _FUNCTIONS[name](arguments)


def _len(arguments: _Arguments) -> Value:
    [item] = arguments
    if isinstance(item, str):
        return len(as_bytes(item))
    if isinstance(item, tuple):
        return len(item)
    raise ExecutionError(f"error calling len: len of type {type_name(item)}")


def _index(arguments: _Arguments) -> Value:
    item, *indexes = arguments
    for index in indexes:
        if not isinstance(item, str | tuple):
            raise ExecutionError(f"error calling index: can't index item of type {type_name(item)}")
        content = as_bytes(item) if isinstance(item, str) else item
        item = content[_position("index", index, len(content) - 1)]
    return item


def _slice(arguments: _Arguments) -> Value:
    item, *indexes = arguments
    if not isinstance(item, str | tuple):
        raise ExecutionError(f"error calling slice: can't slice item of type {type_name(item)}")
    length = len(as_bytes(item)) if isinstance(item, str) else len(item)
    if len(indexes) > (2 if isinstance(item, str) else 3):
        raise ExecutionError("error calling slice: cannot 3-index slice a string")
    places = [_position("slice", index, length) for index in indexes]
    if places != sorted(places):
        raise ExecutionError(f"error calling slice: invalid slice index: {places[0]} > {places[1]}")
    start, end = [*places, *([0, length][len(places) :])][:2]
    return sliced(item, start, end) if isinstance(item, str) else item[start:end]


def _position(function: str, index: Value, most: int) -> int:
    if isinstance(index, bool) or not isinstance(index, int):
        raise ExecutionError(f"error calling {function}: cannot index slice/array with type {type_name(index)}")
    if not 0 <= index <= most:
        raise ExecutionError(f"error calling {function}: index out of range: {index}")
    return int(index)


def _printf(arguments: _Arguments) -> Value:
    layout, *values = arguments
    if not isinstance(layout, str):
        raise ExecutionError(f"wrong type for value; expected string; got {type_name(layout)}")
    return formatted(layout, values)


def _println(arguments: _Arguments) -> Value:
    return " ".join(map(printed, arguments)) + "\n"


_HTML = str.maketrans({"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JS = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "<": "\\u003C",
        ">": "\\u003E",
        "&": "\\u0026",
        "=": "\\u003D",
        **{chr(code): f"\\u{code:04X}" for code in range(0x20)},
        "\x7f": "\\u007F",
    }
)


def _text_of(arguments: _Arguments) -> str:
    return joined(["<no value>" if argument is NO_VALUE else argument for argument in arguments])


def _call(arguments: _Arguments) -> Value:
    raise ExecutionError(f"error calling call: non-function of type {type_name(arguments[0])}")


def _eq(arguments: _Arguments) -> Value:
    first, *others = arguments
    if not others:
        raise ExecutionError("error calling eq: missing argument for comparison")
    return any(_equal(first, other) for other in others)


def _equal(one: Value, other: Value) -> bool:
    if one is NO_VALUE or other is NO_VALUE or one is other is None:
        return all(value is None or value is NO_VALUE for value in (one, other))
    for value in (one, other):
        if value is None or isinstance(value, tuple | Record | datetime):
            raise ExecutionError(f"error calling eq: non-comparable type {type_name(value)}")
    _refuse_different("eq", one, other)
    return one == other


def _refuse_different(function: str, one: Value, other: Value) -> None:
    if _kind(one) != _kind(other):
        types = f"{type_name(one)} and {type_name(other)}"
        raise ExecutionError(f"error calling {function}: incompatible types for comparison: {types}")


def _kind(value: Value) -> str:
    kinds = ((bool, "bool"), (str, "string"), (int, "int"), (float, "float"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "other")


def _lt(arguments: _Arguments) -> Value:
    return _less("lt", arguments[0], arguments[1])


def _less(function: str, one: Value, other: Value) -> bool:
    _refuse_different(function, one, other)
    if isinstance(one, str) and isinstance(other, str):
        return as_bytes(one) < as_bytes(other)
    if _kind(one) in {"int", "float"} and isinstance(one, int | float) and isinstance(other, int | float):
        return one < other
    raise ExecutionError(f"error calling {function}: invalid type for comparison")


def _le(arguments: _Arguments) -> Value:
    one, other = arguments
    return _less("le", one, other) or _equal(one, other)


def _gt(arguments: _Arguments) -> Value:
    one, other = arguments
    return not _less("gt", one, other) and not _equal(one, other)


def _ge(arguments: _Arguments) -> Value:
    return not _less("ge", arguments[0], arguments[1])


# How many arguments a function takes, at least and at most.
_ARITIES: Mapping[str, tuple[int, int | None]] = {
    **dict.fromkeys(("and", "or", "call", "eq", "index", "printf", "slice"), (1, None)),
    **dict.fromkeys(("html", "js", "print", "println", "urlquery"), (0, None)),
    **dict.fromkeys(("ge", "gt", "le", "lt", "ne"), (2, 2)),
    **dict.fromkeys(("len", "not"), (1, 1)),
}
_FUNCTIONS: Mapping[str, Callable[[_Arguments], Value]] = {
    "call": _call,
    "eq": _eq,
    "ge": _ge,
    "gt": _gt,
    "html": lambda arguments: _text_of(arguments).translate(_HTML),
    "index": _index,
    "js": lambda arguments: _text_of(arguments).translate(_JS),
    "le": _le,
    "len": _len,
    "lt": _lt,
    "ne": lambda arguments: not _equal(arguments[0], arguments[1]),
    "not": lambda arguments: not is_true(arguments[0]),
    "print": joined,
    "printf": _printf,
    "println": _println,
    "slice": _slice,
    "urlquery": lambda arguments: quote_plus(as_bytes(_text_of(arguments)), safe="-_.~"),
}
FUNCTION_NAMES = frozenset(_ARITIES)
