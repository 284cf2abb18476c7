import pytest

from tide.domain.keys import PoolKey, PullKey
from tide.web.links import (
    HostLinks,
    number_asked_for,
    outside_link,
    pool_key,
    pool_path,
    pull_asked_for,
    pull_key,
    pull_path,
)


def test_a_branch_with_slashes_keeps_them_and_nothing_else_leaves_its_place() -> None:
    pool = PoolKey("acme", "rocket", 'release/1.4?x=#"<')
    assert pool_path(pool) == "/pool/acme/rocket/release/1.4%3Fx%3D%23%22%3C"
    assert HostLinks("https://github.com").branch(pool) == (
        "https://github.com/acme/rocket/tree/release/1.4%3Fx%3D%23%22%3C"
    )


def test_pull_requests_are_linked_here_and_there() -> None:
    key = PullKey("acme", "rocket", 7)
    assert pull_path(key) == "/pull/acme/rocket/7"
    assert HostLinks("https://git.example").pull(key) == "https://git.example/acme/rocket/pull/7"


@pytest.mark.parametrize("text", ["https://ci.example/1", "http://ci.example", "/runs/6f1d2f5a/log"])
def test_web_addresses_and_our_own_logs_may_be_linked_to(text: str) -> None:
    assert outside_link(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https:",
        "http://[",
        "/other",
    ],
)
def test_nothing_else_from_outside_is_linked_to(text: str) -> None:
    assert outside_link(text) == ""


def test_paths_are_read_as_keys() -> None:
    assert pool_key("acme", "rocket", "release/1.4") == PoolKey("acme", "rocket", "release/1.4")
    assert pull_key("acme", "rocket", "7") == PullKey("acme", "rocket", 7)


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "7#8", "2147483648", "9" * 5000])
def test_impossible_numbers_are_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"org/repo#number|no pull request"):
        pull_key("acme", "rocket", number)


@pytest.mark.parametrize("branch", ["", "two words", "nul\0", "bell\a"])
def test_impossible_branches_are_refused(branch: str) -> None:
    with pytest.raises(ValueError, match=r"org/repo:branch|control"):
        pool_key("acme", "rocket", branch)


@pytest.mark.parametrize(
    "text",
    [
        "acme/rocket#7",
        "https://github.com/acme/rocket/pull/7",
        "https://github.com/acme/rocket/pull/7/files?w=1",
        "github.com/acme/rocket/pull/7#discussion_r1",
        "https://tide.example/pull/acme/rocket/7",
    ],
)
def test_a_search_for_one_pull_request_is_understood(text: str) -> None:
    assert pull_asked_for(text) == PullKey("acme", "rocket", 7)


@pytest.mark.parametrize("text", ["", "rocket", "#7", "acme/rocket", "acme/rocket#0", "https://github.com/acme/rocket"])
def test_other_searches_are_left_alone(text: str) -> None:
    assert pull_asked_for(text) is None


@pytest.mark.parametrize(("text", "number"), [("#7", 7), ("#2147483647", 2147483647)])
def test_a_search_for_a_number_is_understood(text: str, number: int) -> None:
    assert number_asked_for(text) == number


@pytest.mark.parametrize("text", ["", "7", "#0", "#x", "# 7", "#2147483648", "#\u0667", "acme/rocket#7"])
def test_what_is_no_number_is_left_alone(text: str) -> None:
    assert number_asked_for(text) is None
