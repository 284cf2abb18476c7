import httpx
import pytest

from tide.adapters.http_client import Lending, is_direct


@pytest.mark.parametrize(
    ("host", "is_so"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("10.96.0.1", True),
        ("fd00::7", True),
        ("10.97.0.1", False),
        ("api.example.com", False),
    ],
)
def test_loopback_and_the_networks_of_no_proxy_are_asked_directly(
    monkeypatch: pytest.MonkeyPatch, host: str, *, is_so: bool
) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com, 10.96.0.0/16,fd00::/8,not/a/network,")
    monkeypatch.delenv("no_proxy", raising=False)
    assert is_direct(host) is is_so


async def test_a_client_that_was_replaced_is_closed_when_nobody_uses_it_any_more() -> None:
    lending, first, second = Lending(), httpx.AsyncClient(), httpx.AsyncClient()
    await lending.replace(first)
    async with lending.lent() as one:
        await lending.replace(second)
        async with lending.lent() as other:
            assert (one, other, first.is_closed) == (first, second, False)
    assert (first.is_closed, second.is_closed) == (True, False)
    await lending.replace(None)
    assert second.is_closed
