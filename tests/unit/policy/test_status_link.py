import pytest

from tests.builders import make_pull, make_rules
from tide.policy.status_link import status_link

PULL = make_pull(7, author="alice", head_branch="fix/a&b")
BASE = "https://prow.example/pr"
ASKED = "query=is%3Apr+repo%3Aacme%2Frocket+author%3Aalice+head%3Afix%2Fa%26b"


def test_without_addresses_there_is_no_link() -> None:
    assert status_link(make_rules(), PULL) == ""


def test_a_target_url_is_taken_as_it_stands_before_the_page_of_pull_requests() -> None:
    rules = make_rules(target_url="https://example.com/x?y=[z]", pr_status_base_url=BASE)
    assert status_link(rules, PULL) == "https://example.com/x?y=[z]"


@pytest.mark.parametrize(
    ("base", "link"),
    [
        (BASE, f"{BASE}?{ASKED}"),
        (f"{BASE}?a=1&z=2&query=old#top", f"{BASE}?a=1&{ASKED}&z=2#top"),
        (f"{BASE}?a=2&a=1&b=", f"{BASE}?a=2&a=1&b=&{ASKED}"),
        ("http://[prow", ""),
    ],
)
def test_the_page_of_pull_requests_is_asked_for_this_one(base: str, link: str) -> None:
    assert status_link(make_rules(pr_status_base_url=base), PULL) == link


@pytest.mark.parametrize("author", ["robot", "app/robot", "robot[bot]"])
def test_a_bot_is_named_as_an_app(author: str) -> None:
    pull = make_pull(7, author=author, author_is_bot=True)
    assert "author%3Aapp%2Frobot+head" in status_link(make_rules(pr_status_base_url=BASE), pull)
