"""How lists and SHAs are put into sentences."""

from collections.abc import Iterable, Sequence

LONGEST_STATUS = 140
"""Characters that the description of a status may have (GitHub docs: Create a commit status)."""

_LIST_LIMIT = 50  # Prow: status.go maxStatusDescriptionLength keeps lists of names this short
_SEPARATOR = ", "


def numbered(numbers: Iterable[int]) -> str:
    """Write `#1, #2 and #3`."""
    return enumerated([f"#{number}" for number in numbers])


def enumerated(names: Sequence[str]) -> str:
    """Write `a, b and c`."""
    *first, last = names or ("nothing",)
    return f"{', '.join(first)} and {last}" if first else last


def shortened(names: Iterable[str]) -> str:
    """Write `a, b`, sorted and each once, leaving out names so that it stays short (Prow: status.go truncate)."""
    ordered = sorted(set(names))
    kept = ordered[:1]
    length = sum(map(len, kept))
    for name in ordered[1:]:
        length += len(_SEPARATOR) + len(name)
        if length > _LIST_LIMIT:
            break
        kept.append(name)
    return _SEPARATOR.join(kept)


def plural(count: int, singular: str, several: str) -> str:
    """Choose the word that fits a count."""
    return singular if count == 1 else several


def sentence(text: str) -> str:
    """End a text with a full stop, on one line."""
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."
