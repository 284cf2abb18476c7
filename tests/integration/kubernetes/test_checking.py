"""What is wrong with a cluster is told at the start, in one line."""

import logging
from collections.abc import Iterable

import pytest

from tests.integration.kubernetes.prow import NAMESPACE, Prow
from tests.unit.adapters.github.loopback import closed_port
from tide.domain.errors import NotFound, TideError, Unauthorized, Unavailable
from tide.sandbox.kubernetes.access import ANYONE

ROLE = [(verb, "prowjobs", NAMESPACE) for verb in ("create", "list", "get", "watch")]
REVIEW = ("create", "selfsubjectaccessreviews")


async def refusal(prow: Prow, kind: type[TideError], *, is_dry_run: bool = False, namespace: str = NAMESPACE) -> str:
    async with prow.connected(namespace=namespace) as runner:
        with pytest.raises(kind) as caught:
            await runner.check(is_dry_run=is_dry_run)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("verbs", "told"), [([], "not granted"), (["patch"], "granted")])
async def test_the_role_of_prows_own_tide_is_enough(
    prow: Prow, caplog: pytest.LogCaptureFixture, verbs: Iterable[str], told: str
) -> None:
    prow.api.access.limit(ANYONE, [*ROLE, *((verb, "prowjobs", NAMESPACE) for verb in verbs)])
    with caplog.at_level(logging.INFO):
        async with prow.connected() as runner:
            await runner.check()
    assert [record.getMessage() for record in caplog.records if "patching" in record.getMessage()] == [
        f"patching ProwJobs in the namespace prow-jobs is {told}"
    ]


async def test_a_cluster_without_prowjobs_is_told(prow: Prow) -> None:
    prow.api.definitions.delete("", "prowjobs.prow.k8s.io")
    assert "does not serve ProwJobs" in await refusal(prow, NotFound)


async def test_a_namespace_that_is_not_there_is_told(prow: Prow) -> None:
    assert "has no namespace 'elsewhere'" in await refusal(prow, NotFound, namespace="elsewhere")


async def test_a_namespace_that_may_not_be_seen_is_judged_by_the_list(prow: Prow) -> None:
    prow.api.access.limit(ANYONE, ROLE)
    prow.fault("status", "selfsubjectaccessreviews", status=403)
    told = await refusal(prow, Unauthorized, namespace="elsewhere")
    assert "or there is no such namespace" in told


async def test_a_role_that_forbids_creation_is_told_but_suffices_to_look(prow: Prow) -> None:
    prow.api.access.limit(ANYONE, ROLE[1:])
    assert "does not allow to create prowjobs.prow.k8s.io in the namespace 'prow-jobs'" in await refusal(
        prow, Unauthorized
    )
    async with prow.connected() as runner:
        await runner.check(is_dry_run=True)


async def test_all_verbs_that_are_missing_are_told_at_once(prow: Prow) -> None:
    prow.api.access.limit(ANYONE, [("get", "prowjobs", NAMESPACE)])
    assert "does not allow to create, list, watch" in await refusal(prow, Unauthorized)


async def test_where_reviews_may_not_be_asked_for_the_list_decides(prow: Prow) -> None:
    prow.fault("status", "selfsubjectaccessreviews", status=403)
    async with prow.connected() as runner:
        await runner.check()


async def test_where_the_description_may_not_be_read_the_list_decides(prow: Prow) -> None:
    prow.fault("status", "prow.k8s.io/v1$", status=403)
    prow.api.definitions.delete("", "prowjobs.prow.k8s.io")
    assert "does not serve ProwJobs" in await refusal(prow, NotFound)


async def test_a_token_that_is_not_good_is_told(prow: Prow) -> None:
    prow.api.access.only_registered = True
    told = await refusal(prow, Unauthorized)
    assert told.endswith("/apis/prow.k8s.io/v1: Unauthorized")


async def test_a_server_out_of_reach_is_told(prow: Prow) -> None:
    prow.kubeconfig.write_text(prow.kubeconfig.read_text().replace(prow.url, closed_port()))
    assert "cannot be reached" in await refusal(prow, Unavailable)
