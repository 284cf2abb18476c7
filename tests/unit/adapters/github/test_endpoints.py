from datetime import timedelta

import pytest

from tests.unit.adapters.github.loopback import StillClock
from tide.adapters.github.endpoints import REST_AFTER_FAILURE, Endpoints, graphql_address, host_address, is_proxy

PROXY, GITHUB = "http://ghproxy", "https://api.github.com"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def test_addresses_are_tried_in_the_order_given(clock: StillClock) -> None:
    assert Endpoints([f"{PROXY}/", GITHUB, PROXY], clock).in_turn() == (PROXY, GITHUB)


def test_an_address_that_failed_comes_last_for_a_while(clock: StillClock) -> None:
    endpoints = Endpoints([PROXY, GITHUB], clock)
    endpoints.failed(PROXY)
    assert endpoints.in_turn() == (GITHUB, PROXY)
    clock.time += REST_AFTER_FAILURE
    assert endpoints.in_turn() == (PROXY, GITHUB)


def test_of_addresses_that_all_failed_the_one_that_failed_first_comes_first(clock: StillClock) -> None:
    endpoints = Endpoints([PROXY, GITHUB], clock)
    endpoints.failed(GITHUB)
    clock.time += timedelta(seconds=1)
    endpoints.failed(PROXY)
    assert endpoints.in_turn() == (GITHUB, PROXY)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://api.github.com", False),
        ("https://api.octo.ghe.com", False),
        ("https://github.example.com/api/v3", False),
        ("https://github.example.com/api/v3/", False),
        ("https://github.example.com/api/graphql", False),
        ("http://ghproxy", True),
        ("http://ghproxy/graphql", True),
        ("http://ghproxy.prow.svc:8888", True),
        ("https://api.github.com.example.com", True),
    ],
)
def test_whatever_is_not_githubs_own_address_is_a_proxy(base: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_proxy(base) is expected


@pytest.mark.parametrize(
    ("bases", "expected"),
    [
        (["https://api.github.com"], "https://api.github.com/graphql"),
        (["http://ghproxy"], "https://api.github.com/graphql"),
        (["http://ghproxy", "https://api.github.com/"], "https://api.github.com/graphql"),
        (["https://github.example.com/api/v3"], "https://github.example.com/api/graphql"),
        (["http://ghproxy", "https://github.example.com/api/v3/"], "https://github.example.com/api/graphql"),
        (["https://api.octo.ghe.com"], "https://api.octo.ghe.com/graphql"),
    ],
)
def test_graphql_is_beside_githubs_own_address(bases: list[str], expected: str) -> None:
    assert graphql_address(bases) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("https://github.com", "https://api.github.com/graphql"),
        ("https://github.example.com", "https://github.example.com/api/graphql"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/graphql"),
        ("https://octo.ghe.com", "https://api.octo.ghe.com/graphql"),
    ],
)
def test_behind_proxies_alone_graphql_is_where_git_finds_github(host: str, expected: str) -> None:
    assert graphql_address(["http://ghproxy"], host) == expected
    assert graphql_address([GITHUB], host) == "https://api.github.com/graphql"


@pytest.mark.parametrize(
    ("bases", "expected"),
    [
        (["https://api.github.com"], "https://github.com"),
        (["http://ghproxy"], "https://github.com"),
        (["http://ghproxy", "https://github.example.com/api/v3/"], "https://github.example.com"),
        (["https://api.octo.ghe.com"], "https://octo.ghe.com"),
    ],
)
def test_git_finds_github_where_its_own_address_is(bases: list[str], expected: str) -> None:
    assert host_address(bases) == expected
