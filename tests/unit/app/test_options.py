"""Where a daemon looks for GitHub."""

from pathlib import Path

import pytest

from tide.app.options import RunOptions

PROXIED = ("http://ghproxy", "https://api.github.com")
SERVER = ("https://github.example.com/api/v3",)


@pytest.mark.parametrize(
    ("endpoints", "host", "expected"),
    [
        (PROXIED, "", "https://github.com"),
        (PROXIED, "github.com", "https://github.com"),
        (SERVER, "", "https://github.example.com"),
        (SERVER, "git.example.com/", "https://git.example.com"),
        (PROXIED, "http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
    ],
)
def test_git_fetches_from_the_host_that_is_given_or_belongs_to_the_endpoints(
    endpoints: tuple[str, ...], host: str, expected: str
) -> None:
    options = RunOptions(config_path=Path("c"), data_dir=Path("d"), github_endpoint=endpoints, github_host=host)
    assert options.git_host_url == expected
