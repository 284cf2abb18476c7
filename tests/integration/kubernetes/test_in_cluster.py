"""The daemon in a pod: an API server behind TLS, found by the environment, with the token of the service account."""

from pathlib import Path

import pytest

from tests.builders import BASE, POOL
from tests.certificates import Authority, tls_front
from tests.integration.kubernetes.prow import Prow, numbers
from tide.domain.errors import Unauthorized


@pytest.fixture
def authority() -> Authority:
    return Authority("cluster")


@pytest.fixture
def account(tmp_path: Path, authority: Authority) -> Path:
    """A service account as a pod finds it."""
    made = tmp_path / "account"
    made.mkdir()
    (made / "token").write_text("of the pod\n")
    (made / "ca.crt").write_bytes(authority.pem)
    return made


async def test_a_pod_finds_its_cluster(prow: Prow, account: Path, tmp_path: Path, authority: Authority) -> None:
    prow.api.access.only_registered = True
    prow.api.access.register("of the pod", "system:serviceaccount:prow:tide")
    prow.add(1)
    async with tls_front(prow.url, tmp_path) as front:
        await front.serve(authority.issue("server"))
        around = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(front.port)}
        async with prow.following(kubeconfig=None, service_account=account, environment=around) as runner:
            await runner.check()
            assert numbers(await runner.runs(POOL, BASE, [])) == {1}


async def test_a_certificate_of_somebody_else_is_refused(prow: Prow, account: Path, tmp_path: Path) -> None:
    async with tls_front(prow.url, tmp_path) as front:
        await front.serve(Authority("other").issue("server"))
        around = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(front.port)}
        async with prow.connected(kubeconfig=None, service_account=account, environment=around) as runner:
            with pytest.raises(Unauthorized, match="the certificate is refused: "):
                await runner.check()
