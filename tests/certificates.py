"""Certificates for loopback, made when they are needed, and TLS in front of a server that has none."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tide.adapters.clock import SystemClock


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM form."""

    certificate: bytes
    key: bytes

    def write(self, certificate: Path, key: Path) -> "Pair":
        """Write them into files."""
        certificate.write_bytes(self.certificate)
        key.write_bytes(self.key)
        return self


class Authority:
    """Vouches for others; `pem` is its own certificate."""

    def __init__(self, name: str) -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(self._name, self._key.public_key())
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.pem = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, *hosts: str) -> Pair:
        """Make a certificate, of a server for loopback where no hosts are named."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        if not hosts:
            names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        made = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key())
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Pair(
            made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = SystemClock().now()
        return (
            x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
        )


@dataclass
class TlsFront:
    """Takes TLS off and passes on what comes to a port of loopback; `names` are those of the clients, in turn."""

    behind: int
    place: Path
    port: int = 0
    names: list[str] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def serve(self, pair: Pair, clients: Authority | None = None) -> None:
        """Serve with this certificate, and for clients of this authority only, from now on; end what was before."""
        await self.stop()
        certificate, key = self.place / "of-front.crt", self.place / "of-front.key"
        pair.write(certificate, key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=clients.pem.decode())
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and drop every connection."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown = writer.get_extra_info("peercert") or {}
        self.names += [value for part in shown.get("subject", ()) for name, value in part if name == "commonName"]
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.behind)
        self._writers.add(writer)
        try:
            await asyncio.gather(_pass_on(inner_reader, writer), _pass_on(reader, inner_writer))
        finally:
            self._writers.discard(writer)


@asynccontextmanager
async def tls_front(behind: str, place: Path) -> AsyncIterator[TlsFront]:
    """Give a front for a plain address of loopback; it serves when it is told with which certificate.

    Its files are in `place`, a directory.
    """
    front = TlsFront(int(behind.rpartition(":")[2]), place)
    try:
        yield front
    finally:
        await front.stop()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
