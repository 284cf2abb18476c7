"""Flags as Go's flag package reads them, so that Prow's own arguments fit unchanged."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import click

from tide.golang.durations import parse_duration

F = TypeVar("F", bound=Callable[..., Any])

_ONE_DASH = re.compile(r"-[A-Za-z][\w.-]+(=.*)?", re.DOTALL)
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def with_two_dashes(arguments: Sequence[str]) -> list[str]:
    """Turn `-flag` and `-flag=value` into `--flag…`; Go makes no difference between them."""
    ended = False
    result = []
    for argument in arguments:
        ended = ended or argument == "--"
        result.append(f"-{argument}" if not ended and _ONE_DASH.fullmatch(argument) else argument)
    return result


class GoBool(click.ParamType[bool]):
    """A boolean in any of Go's spellings."""

    name = "bool"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Read one value."""
        if isinstance(value, bool):
            return value
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        return self.fail(f"{value!r} is not a boolean (true or false)", param, ctx)


class GoDuration(click.ParamType[timedelta]):
    """A duration such as 1m30s."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read one value."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            return self.fail(str(error), param, ctx)


def switch(name: str, *, default: bool, help: str) -> Callable[[F], F]:  # noqa: A002 - click's own word
    """Declare a boolean flag: `--x`, `--x=true`, `--x=false`."""
    return click.option(
        name,
        is_flag=False,
        flag_value="true",
        type=GoBool(),
        default=str(default).lower(),
        show_default=True,
        help=help,
    )
