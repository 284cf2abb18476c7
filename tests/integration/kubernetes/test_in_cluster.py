"""The daemon in a pod: an API server behind TLS, found by the environment, with the token of the service account."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.builders import BASE, POOL
from tests.integration.kubernetes.prow import Prow, numbers
from tide.adapters.clock import SystemClock
from tide.domain.errors import Unauthorized


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """A service account as a pod finds it, and beside it the key of the API server."""
    made = tmp_path / "account"
    made.mkdir()
    (made / "token").write_text("of the pod\n")
    _write_certificate(made / "ca.crt", tmp_path / "server.key")
    return made


async def test_a_pod_finds_its_cluster(prow: Prow, account: Path, tmp_path: Path) -> None:
    prow.api.access.only_registered = True
    prow.api.access.register("of the pod", "system:serviceaccount:prow:tide")
    prow.add(1)
    async with _behind_tls(prow, account / "ca.crt", tmp_path / "server.key") as port:
        around = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
        async with prow.following(kubeconfig=None, service_account=account, environment=around) as runner:
            await runner.check()
            assert numbers(await runner.runs(POOL, BASE, [])) == {1}


async def test_a_certificate_of_somebody_else_is_refused(prow: Prow, account: Path, tmp_path: Path) -> None:
    _write_certificate(tmp_path / "other.crt", tmp_path / "other.key")
    async with _behind_tls(prow, tmp_path / "other.crt", tmp_path / "other.key") as port:
        around = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
        async with prow.connected(kubeconfig=None, service_account=account, environment=around) as runner:
            with pytest.raises(Unauthorized, match="the certificate is refused: "):
                await runner.check()


@asynccontextmanager
async def _behind_tls(prow: Prow, certificate: Path, key: Path) -> AsyncIterator[int]:
    """Take TLS off and pass on what comes; give the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    behind = prow.url.rpartition(":")[2]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", int(behind))
        back = asyncio.create_task(_pass_on(inner_reader, writer))
        await _pass_on(reader, inner_writer)
        await back

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def _write_certificate(certificate: Path, key: Path) -> None:
    """Write a certificate for loopback that vouches for itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, certificate.stem)])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
