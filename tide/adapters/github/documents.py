"""The GraphQL documents, read from their files."""

import re
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

_IMPORT = re.compile(r'^#import "\./(?P<name>[\w.]+)"$', re.MULTILINE)
_FOLDER = files(__package__) / "documents"


@cache
def document(name: str) -> str:
    """Give the text of a document with the fragments that it imports.

    Args:
        name: The file's name without its ending, such as `search_pulls`.
    """
    return "\n".join(_with_imports(f"{name}.graphql", set()))


def _with_imports(file: str, seen: set[str]) -> list[str]:
    if file in seen:
        return []
    seen.add(file)
    text = (_FOLDER / PurePosixPath(file).name).read_text(encoding="utf-8")
    imported = [part for name in _IMPORT.findall(text) for part in _with_imports(name, seen)]
    return [*imported, text]
