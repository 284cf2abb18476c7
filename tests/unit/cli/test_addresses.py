"""An address that leads nowhere is refused at the start, by the name of its flag."""

import click
import pytest

from tests.unit.cli.command_line import Tide
from tide.cli.addresses import HttpAddress

NONSENSE = ("nonsense", "ftp://host", "http://", "https:///path", "http://host:port", "http://ho st", "http://[::1")


@pytest.mark.parametrize("flag", ["--public-url", "--github-endpoint", "--github-graphql-endpoint"])
@pytest.mark.parametrize("address", NONSENSE)
def test_run_names_the_flag_of_a_bad_address(tide: Tide, flag: str, address: str) -> None:
    ran = tide("run", "--config-path=/nowhere", "--github-token-path=x", f"{flag}={address}")
    assert (ran.code, ran.out) == (2, "")
    assert f"Error: Invalid value for '{flag}': {address!r} is no address such as https://host/path\n" in ran.err


@pytest.mark.parametrize("flag", ["--public-url", "--github-endpoint", "--github-graphql-endpoint", "--github-host"])
@pytest.mark.parametrize("address", ["https://tide:geheim@host/path", "https://geheim@host", "tide:geheim@host"])
def test_an_address_with_a_password_is_refused_without_showing_it(tide: Tide, flag: str, address: str) -> None:
    ran = tide("run", "--config-path=/nowhere", "--github-token-path=x", f"{flag}={address}")
    assert ran.code == 2
    assert f"Invalid value for '{flag}': an address must not hold a user or a password" in ran.err
    assert "geheim" not in ran.err


@pytest.mark.parametrize("host", ["ftp://host", "http://"])
def test_run_names_a_bad_host_that_has_a_scheme(tide: Tide, host: str) -> None:
    ran = tide("run", "--config-path=/nowhere", "--github-token-path=x", f"--github-host={host}")
    assert ran.code == 2
    assert "Invalid value for '--github-host'" in ran.err


def test_the_sandbox_names_a_bad_address_for_webhooks(tide: Tide) -> None:
    ran = tide("sandbox", "--webhook-url=nonsense")
    assert ran.code == 2
    assert "Invalid value for '--webhook-url'" in ran.err


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://tide.example/", "https://tide.example"),
        ("http://10.0.0.1:8888/prow", "http://10.0.0.1:8888/prow"),
        ("http://[::1]:8888", "http://[::1]:8888"),
        ("http://ghproxy", "http://ghproxy"),
    ],
)
def test_an_address_is_read_without_a_slash_at_its_end(given: str, read: str) -> None:
    assert HttpAddress().convert(given, None, None) == read


def test_nothing_and_a_bare_host_are_taken_where_a_flag_says_so() -> None:
    assert HttpAddress(may_be_empty=True).convert("", None, None) == ""
    assert HttpAddress(may_be_host=True).convert("github.example.com", None, None) == "github.example.com"
    with pytest.raises(click.BadParameter):
        HttpAddress().convert("", None, None)
