from datetime import timedelta

from tests.unit.sandbox.forges import START, Clock
from tide.sandbox.rate_limits import Limits, RateLimits


def test_points_run_out_and_come_back_after_an_hour(clock: Clock) -> None:
    limits = RateLimits(clock, Limits(core=2))
    assert [limits.spend("t", "core").refused for _ in range(3)] == [None, None, "primary"]
    refused = limits.spend("t", "core")
    assert (refused.standing.remaining, refused.retry_after) == (0, 3600)
    clock.forward(hours=1)
    assert limits.spend("t", "core").refused is None


def test_the_window_begins_with_the_first_request(clock: Clock) -> None:
    limits = RateLimits(clock)
    clock.forward(minutes=20)
    limits.spend("t", "core")
    assert limits.standing("t", "core").reset == START + timedelta(minutes=20, hours=1)


def test_tokens_and_resources_have_budgets_of_their_own(clock: Clock) -> None:
    limits = RateLimits(clock, Limits(core=1, graphql=10))
    limits.spend("one", "core")
    assert limits.spend("two", "core").refused is None
    assert limits.spend("one", "graphql", 10).standing.remaining == 0
    assert limits.spend("one", "graphql").refused == "primary"


def test_nothing_is_taken_by_a_refusal(clock: Clock) -> None:
    limits = RateLimits(clock, Limits(graphql=10))
    limits.spend("t", "graphql", 6)
    assert limits.spend("t", "graphql", 6).refused == "primary"
    assert limits.spend("t", "graphql", 4).refused is None


def test_writes_weigh_five_times_towards_the_limit_per_minute(clock: Clock) -> None:
    limits = RateLimits(clock, Limits(rest_points_per_minute=11))
    assert [limits.spend("t", "core", writes=True).refused for _ in range(3)] == [None, None, "secondary"]
    assert limits.spend("t", "core").refused is None
    clock.forward(minutes=1)
    assert limits.spend("t", "core", writes=True).refused is None


def test_content_has_a_limit_per_minute(clock: Clock) -> None:
    limits = RateLimits(clock, Limits(content_per_minute=1))
    assert limits.spend_content("t") is None
    refused = limits.spend_content("t")
    assert refused is not None
    assert (refused.refused, refused.retry_after) == ("secondary", 60)


def test_a_conditional_request_gets_its_point_back(clock: Clock) -> None:
    limits = RateLimits(clock)
    limits.spend("t", "core")
    assert limits.refund("t", "core").used == 0
    assert limits.refund("t", "core").used == 0


def test_anonymous_requests_have_sixty_an_hour(clock: Clock) -> None:
    assert RateLimits(clock).standing("", "core").limit == 60


def test_headers_say_where_a_token_stands(clock: Clock) -> None:
    headers = RateLimits(clock).spend("t", "core").standing.headers()
    assert headers == {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": "4999",
        "X-RateLimit-Used": "1",
        "X-RateLimit-Reset": str(int((START + timedelta(hours=1)).timestamp())),
        "X-RateLimit-Resource": "core",
    }
