"""What of the operator's settings stays where strangers name the addresses."""

from pathlib import Path

import pytest

from tide.adapters.git.addresses import is_same_place
from tide.adapters.git.strangers import ways

WAYS = {
    "url.http://mirror/.insteadof": "https://github.com/",
    "http.proxy": "http://proxy:3128",
    "http.https://git.example.com/.sslcainfo": "/etc/ca.pem",
    "http.sslverify": "false",
    "filter.lfs.smudge": "git-lfs smudge -- %f",
    "safe.directory": "*",
}
PROOFS = {
    "credential.helper": "store",
    "credential.https://github.com.helper": "!gh auth git-credential",
    "url.https://user:password@github.com/.insteadof": "https://github.com/",
    "url.git@github.com:.insteadof": "https://github.com/",
    "url.file:///srv/mirror/.insteadof": "https://github.com/",
    "http.extraheader": "Authorization: x",
    "http.https://github.com/.extraheader": "Authorization: x",
    "http.cookiefile": "/home/x/cookies",
    "http.sslcert": "/home/x/cert.pem",
    "http.https://github.com/.sslkey": "/home/x/key.pem",
    "http.emptyauth": "true",
    "http.delegation": "always",
    "core.askpass": "/x",
    "core.sshcommand": "ssh -i key",
    "core.gitproxy": "/x",
    "protocol.allow": "always",
    "protocol.file.allow": "always",
    "submodule.recurse": "true",
    "include.path": "/home/x/other",
}


def test_what_says_by_which_way_a_server_is_reached_stays_and_what_proves_who_we_are_does_not() -> None:
    listing = "".join(f"{name}\n{value}\0" for name, value in {**WAYS, **PROOFS}.items())
    assert dict(ways(listing)) == WAYS


def test_a_setting_without_a_value_and_one_below_the_home_directory_keep_their_meaning() -> None:
    home = str(Path("~/ca.pem").expanduser())
    assert ways("http.sslverify\0http.sslcainfo\n~/ca.pem\0") == [("http.sslverify", "true"), ("http.sslcainfo", home)]


URL = "https://git.example.com:8443/acme/rocket.git"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (URL, URL),
        ("https://git.example.com:8443/Acme/Rocket/", URL),
        ("http://git.example.com:8443/acme/rocket", URL),
        ("git@github.com:acme/rocket.git", "https://github.com/acme/rocket.git"),
        ("ssh://git@github.com:22/acme/rocket", "https://github.com/acme/rocket.git"),
        ("ssh://git@github.com/acme/rocket.git", "https://github.com/acme/rocket.git"),
    ],
)
def test_an_address_in_other_words_is_the_same_place(address: str, url: str) -> None:
    assert is_same_place(address, url)


@pytest.mark.parametrize(
    "address",
    [
        "https://git.example.com/acme/rocket.git",
        "https://git.example.com:8443/acme/rocket.git/../plans.git",
        "https://git.example.com:8443/x/acme/rocket.git",
        "https://user@git.example.com:8443/acme/rocket.git",
        "https://git.example.com:8443@evil.example/acme/rocket.git",
        "https://evil.example/https://git.example.com:8443/acme/rocket.git",
        "https://[bad/acme/rocket",
        "ext::sh -c x",
        "/acme/rocket.git",
        "acme/rocket",
        "",
        "git://git.example.com:8443/acme/rocket.git",
    ],
)
def test_any_other_is_not(address: str) -> None:
    assert not is_same_place(address, URL)
