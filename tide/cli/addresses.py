"""Flags that are addresses: a mistake is told at the start, not by a link or a request that leads nowhere."""

from urllib.parse import urlsplit

import click


class HttpAddress(click.ParamType[str]):
    """An http:// or https:// address with a host; it is given without a slash at its end.

    Args:
        may_be_empty: whether "" is taken, for a flag that says nothing then.
        may_be_host: whether the name of a host is taken as it stands, without a scheme.
    """

    name = "url"

    def __init__(self, *, may_be_empty: bool = False, may_be_host: bool = False) -> None:
        self._may_be_empty, self._may_be_host = may_be_empty, may_be_host

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read one value."""
        address = str(value)
        if "@" in address.partition("://")[2 if "://" in address else 0].partition("/")[0]:
            # They would stand in process lists, links and logs, and be shown in the place of the token.
            return self.fail("an address must not hold a user or a password", param, ctx)
        if (not address and self._may_be_empty) or ("://" not in address and address and self._may_be_host):
            return address
        if not _is_http(address):
            return self.fail(f"{address!r} is no address such as https://host/path", param, ctx)
        return address.rstrip("/")


def _is_http(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port_is_good = parts.port != 0
    except ValueError:
        return False
    is_plain = address.isprintable() and " " not in address
    return is_plain and port_is_good and parts.scheme in {"http", "https"} and bool(parts.hostname)
