"""Git attributes that decide how files merge, carried over to a repository that has no work tree.

`git merge` in a work tree obeys the `.gitattributes` files that it finds there (gitattributes(5): `merge`, `binary`).
A bare repository has none, but every git reads the file that `core.attributesFile` names. So all `.gitattributes` of
a tree are written into one such file, each pattern prefixed with the directory that it stands in.
"""

import re
from collections.abc import Mapping

_BLANK = b" \t\r\n"
_LONGEST_LINE = 2048  # git ignores longer ones (attr.h: ATTR_MAX_LINE_LENGTH)
_MACRO = b"[attr]"
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2}|.)", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def merge_attributes(files: Mapping[bytes, bytes]) -> bytes:
    """Join the `.gitattributes` of a tree (directory without slashes at its ends -> content) into one file.

    Gives b"" when none of them can change how anything merges.
    """
    if not any(b"merge" in content or b"binary" in content for content in files.values()):
        return b""
    # The last match decides, and the deepest file has the last word.
    directories = sorted(files, key=lambda directory: (directory.count(b"/") + bool(directory), directory))
    return b"".join(_moved(directory, files[directory]) for directory in directories)


def _moved(directory: bytes, content: bytes) -> bytes:
    lines = (_moved_line(directory, line.strip(_BLANK)) for line in content.split(b"\n") if len(line) < _LONGEST_LINE)
    return b"".join(line + b"\n" for line in lines if line)


def _moved_line(directory: bytes, line: bytes) -> bytes:
    if not line or line.startswith(b"#") or not directory:
        return line
    pattern, settings = _split(line)
    # Macros count in the top directory only, negative patterns never; one for directories meets no file.
    if pattern.startswith((_MACRO, b"!")) or pattern.endswith(b"/"):
        return b""
    where = directory if b"/" in pattern else directory + b"/**"
    return _quote(_literal(where, is_glob_allowed=where is not directory) + b"/" + pattern.lstrip(b"/")) + settings


def _split(line: bytes) -> tuple[bytes, bytes]:
    quoted = _QUOTED.match(line)
    if quoted:
        return _ESCAPE.sub(_unescape, quoted[1]), b" " + line[quoted.end() :]
    pattern, *rest = line.split(None, 1)
    return pattern, b" " + b"".join(rest)


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if len(code) > 1 else _LETTERS.get(code, code)


def _literal(directory: bytes, *, is_glob_allowed: bool) -> bytes:
    name = directory.removesuffix(b"/**") if is_glob_allowed else directory
    escaped = re.sub(rb"([\\*?\[!])", rb"\\\1", name)
    return escaped + b"/**" if is_glob_allowed else escaped


def _quote(pattern: bytes) -> bytes:
    escaped = re.sub(rb'[\x00-\x1f"\\\x7f-\xff]', lambda match: b"\\%03o" % match[0][0], pattern)
    return b'"' + escaped + b'"'
