"""The pages on what Tide does name a test for each statement, and the tests exist."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGES = sorted((TESTS / "behaviour").glob("[0-9]*-*.md"))
REFERENCE = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@dataclass(frozen=True)
class Row:
    """One statement: where it stands, whether it is so here, and which tests show it."""

    place: str
    here: str
    tests: tuple[tuple[str, str], ...]


def rows(page: Path) -> Iterator[Row]:
    """Give the rows of a page's tables, without their heads."""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("| ") and not line.startswith("| statement |"):
            _, here, tests = (cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|")))
            yield Row(f"{page.name}:{number}", here, tuple(REFERENCE.findall(tests)))


@cache
def functions_in(path: str) -> frozenset[str]:
    """Name the tests in a file, a path below `tests`."""
    tree = ast.parse((TESTS / path).read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_statement_names_tests_that_exist(page: Path) -> None:
    found = list(rows(page))
    assert found
    assert not [row.place for row in found if not row.tests]
    missing = [(row.place, *test) for row in found for test in row.tests if test[1] not in functions_in(test[0])]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_statement_says_whether_it_is_so_here(page: Path) -> None:
    assert not [row.place for row in rows(page) if row.here != "as Tide" and not row.here.startswith("changed: ")]
