"""Tables of what was measured, with what was aimed at beside it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: what, how much, and the aim if there is one."""

    what: str
    measured: str
    aim: str = ""


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a table with aligned columns."""
    cells = [("", "measured", "aim"), *((row.what, row.measured, row.aim) for row in rows)]
    widths = [max(len(cell[column]) for cell in cells) for column in range(3)]
    print(f"\n{title}")
    for what, measured, aim in cells:
        print(f"  {what:<{widths[0]}}  {measured:>{widths[1]}}  {aim:>{widths[2]}}".rstrip())
