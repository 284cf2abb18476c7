"""The GraphQL documents, read from their files."""

import re
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

_IMPORT = re.compile(r'^#import "\./(?P<name>[\w.]+)"$', re.MULTILINE)
_FOLDER = files(__package__) / "documents"
_WITH_REVIEWS = {"review_fields.graphql": "review_fields_listed.graphql"}


@cache
def document(name: str, *, with_reviews: bool = False) -> str:
    """Give the text of a document with the fragments that it imports.

    Args:
        name: The file's name without its ending, such as `search_pulls`.
        with_reviews: Whether the reviews of pull requests are asked for, too.
    """
    return "\n".join(_with_imports(f"{name}.graphql", set(), _WITH_REVIEWS if with_reviews else {}))


def _with_imports(file: str, seen: set[str], instead: dict[str, str]) -> list[str]:
    if file in seen:
        return []
    seen.add(file)
    text = (_FOLDER / PurePosixPath(instead.get(file, file)).name).read_text(encoding="utf-8")
    imported = [part for name in _IMPORT.findall(text) for part in _with_imports(name, seen, instead)]
    return [*imported, text]
