"""Amounts of bytes on the command line, as Kubernetes writes them."""

import re

import click

_SIZE = re.compile(r"(?P<number>[0-9]{1,15})(?P<unit>Ki|Mi|Gi|Ti|)")
_UNITS = {"": 1, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}


class Size(click.ParamType[int]):
    """A number of bytes such as 512Mi or 8Gi."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read one value."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(str(value))
        if not match:
            return self.fail(f"{value!r} is not a size such as 512Mi or 8Gi", param, ctx)
        return int(match["number"]) * _UNITS[match["unit"]]
