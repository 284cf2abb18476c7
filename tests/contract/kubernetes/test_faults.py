"""Faults on the API server's paths."""

from typing import Any

import httpx
import pytest

from tests.contract.kubernetes.cluster import PROWJOBS, Cluster


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (403, "Forbidden"),
        (409, "Conflict"),
        (410, "Expired"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
    ],
)
async def test_refusals_come_as_a_status(cluster: Cluster, code: int, reason: str) -> None:
    cluster.fault("status", status=code, method="POST")
    answer = await cluster.create("a")
    assert answer.status_code == code
    assert answer.headers["Content-Type"] == "application/json"
    assert {key: answer.json()[key] for key in ("kind", "code", "reason")} == {
        "kind": "Status",
        "code": code,
        "reason": reason,
    }
    assert not cluster.api.prowjobs.listed()


async def test_what_a_proxy_answers_is_no_status(cluster: Cluster) -> None:
    cluster.fault("status", status=502)
    answer = await cluster.client.get(PROWJOBS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/plain; charset=utf-8")
    cluster.served.faults.clear()
    cluster.fault("status", status=418, body={"kind": "Status", "reason": "Teapot"}, headers={"X-Own": "1"})
    own = await cluster.client.get(PROWJOBS)
    assert (own.json()["reason"], own.headers["X-Own"]) == ("Teapot", "1")


@pytest.mark.parametrize(("given", "header"), [({"retry_after": 7}, "7"), ({}, None)])
async def test_too_many_requests_with_and_without_a_time(
    cluster: Cluster, given: dict[str, Any], header: str | None
) -> None:
    cluster.fault("rate_limit", times=1, **given)
    answer = await cluster.client.get(PROWJOBS)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, header)
    assert answer.json()["reason"] == "TooManyRequests"
    assert answer.json().get("details", {}).get("retryAfterSeconds") == given.get("retry_after")
    cluster.fault("secondary_rate_limit", **given)
    plain = await cluster.client.get(PROWJOBS)
    assert (plain.status_code, plain.text) == (429, "Too many requests, please try again later.\n")
    assert plain.headers.get("Retry-After") == header


@pytest.mark.parametrize(("when", "names"), [("before", []), ("after", ["a"])])
async def test_a_time_out_comes_before_or_after_the_deed(cluster: Cluster, when: str, names: list[str]) -> None:
    cluster.fault("timeout", when=when, method="POST", seconds=0)
    assert (await cluster.create("a")).status_code == 504
    assert await cluster.names() == names


async def test_an_answer_can_be_lost_after_the_deed(cluster: Cluster) -> None:
    cluster.fault("disconnect", when="after", method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        await cluster.create("a")
    assert await cluster.names() == ["a"]


async def test_a_list_can_be_cut(cluster: Cluster) -> None:
    cluster.add("a", "b")
    cluster.fault("truncate", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await cluster.client.get(PROWJOBS)
    assert await cluster.names() == ["a", "b"]


async def test_a_watch_refused_afterwards_is_refused_at_once(cluster: Cluster) -> None:
    cluster.fault("status", when="after", status=503)
    answer = await cluster.client.get(f"{PROWJOBS}?watch=true")
    assert answer.status_code == 503
