import pytest

from tide.adapters.git.program import Finished, git_environment, usable_version
from tide.domain.errors import TideError


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("git version 2.39.5\n", "2.39.5"),
        ("git version 2.38.0", "2.38.0"),
        ("git version 3.0.0-rc1", "3.0.0-rc1"),
        ("git version 2.50.1 (Apple Git-155)", "2.50.1"),
        ("git version 2.45.1.windows.1", "2.45.1.windows.1"),
    ],
)
def test_a_git_that_can_merge_without_a_work_tree_is_usable(output: str, version: str) -> None:
    assert usable_version(output) == version


@pytest.mark.parametrize("output", ["git version 2.37.9", "git version 1.99.0", "nonsense", ""])
def test_any_other_is_not(output: str) -> None:
    with pytest.raises(TideError):
        usable_version(output)


def test_the_operators_settings_are_kept_and_what_would_mislead_git_is_not() -> None:
    kept = {
        "HOME": "/home/tide",
        "GIT_CONFIG_GLOBAL": "/etc/tide/gitconfig",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "url.x.insteadOf",
        "GIT_CONFIG_VALUE_0": "y",
        "GIT_SSH_COMMAND": "ssh -i key",
        "HTTPS_PROXY": "http://proxy",
        "no_proxy": "localhost",
        "SSL_CERT_FILE": "/etc/ssl/ca.pem",
    }
    misleading = {
        "GIT_DIR": "/x",
        "GIT_INDEX_FILE": "/y",
        "TIDE_DATABASE_URL": "z",
        "LANG": "de",
        "GIT_AUTHOR_NAME": "x",
    }
    environment = git_environment(kept | misleading)
    assert kept.items() <= environment.items()
    assert not {"GIT_DIR", "GIT_INDEX_FILE", "TIDE_DATABASE_URL", "LANG"} & environment.keys()
    assert environment["GIT_AUTHOR_NAME"] == "tide"
    assert environment["GIT_TERMINAL_PROMPT"] == "0"


@pytest.mark.parametrize(
    ("stderr", "complaint"),
    [
        ("warning: a\nfatal: b\nc\n", "fatal: b"),
        ("error: a\n\nhint: b\n", "error: a"),
        ("something\n", "something"),
        ("", "exit status 128"),
    ],
)
def test_a_complaint_is_the_line_that_says_most(stderr: str, complaint: str) -> None:
    assert Finished(128, b"", stderr).complaint == complaint
