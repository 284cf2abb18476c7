"""How lists and SHAs are put into sentences."""

from collections.abc import Iterable, Sequence

LONGEST_STATUS = 140
"""Characters that the description of a status may have (GitHub docs: Create a commit status)."""

_LIST_LIMIT = 50  # Prow: status.go requirementDiff maxLabelChars
_SEPARATOR = ", "


def numbered(numbers: Iterable[int]) -> str:
    """Write `#1, #2 and #3`."""
    return enumerated([f"#{number}" for number in numbers])


def enumerated(names: Sequence[str]) -> str:
    """Write `a, b and c`."""
    *first, last = names or ("nothing",)
    return f"{', '.join(first)} and {last}" if first else last


def listed(names: Iterable[str], one: str, several: str) -> str:
    """Put names into the form for one or the form for several: sorted, each once, and no more than there is room for.

    The form follows the names that are shown (Prow: status.go requirementDiff).

    Args:
        names: at least one.
        one: the sentence about one name, which stands in the place of `{}`.
        several: the sentence about more.
    """
    shown = _with_room(sorted(set(names)))
    return plural(len(shown), one, several).format(_SEPARATOR.join(shown))


def plural(count: int, singular: str, several: str) -> str:
    """Choose the word that fits a count."""
    return singular if count == 1 else several


def sentence(text: str) -> str:
    """End a text with a full stop, on one line."""
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _with_room(names: Sequence[str]) -> Sequence[str]:
    """Give the first of some names, and as many more as fit (Prow: status.go truncate)."""
    length = len(names[0])
    for index, name in enumerate(names[1:], start=1):
        if length + len(name) > _LIST_LIMIT:
            return names[:index]
        length += len(name) + len(_SEPARATOR)
    return names
