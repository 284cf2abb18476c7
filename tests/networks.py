"""A network that nobody else is in: every port is free, and names and certificates are ours to give. It takes root."""

import asyncio
import ctypes
import fcntl
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial, wraps
from pathlib import Path
from typing import ParamSpec

P = ParamSpec("P")

_CLONE_NEWNET = 0x40000000  # sched.h
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1  # linux/sockios.h, linux/if.h
_BLOCK = 65536


def in_a_network_of_its_own(test: Callable[P, None]) -> Callable[P, None]:
    """Run a test in a thread whose network has a loopback and nothing else; what it starts is in there as well."""

    @wraps(test)
    def run(*arguments: P.args, **keywords: P.kwargs) -> None:
        with ThreadPoolExecutor(1, initializer=_leave_the_network) as thread:
            thread.submit(test, *arguments, **keywords).result()

    return run


def _leave_the_network() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network namespace can be made")
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def make_certificate(place: Path, names: Sequence[str]) -> tuple[Path, Path]:
    """Make a certificate for some host names, which vouches for itself, and its key."""
    certificate, key = place / "certificate.pem", place / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    kinds = ",".join(f"{'IP' if name[0].isdigit() else 'DNS'}:{name}" for name in names)
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, "-addext", f"subjectAltName={kinds}", *files], check=True, capture_output=True)
    certificate.chmod(0o644)
    return certificate, key


@contextmanager
def https(certificate: Path, key: Path, port: int) -> Iterator[None]:
    """Take HTTPS on port 443 of the loopback, and pass what comes to a port that speaks HTTP."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    opened: Future[Callable[[], object]] = Future()
    thread = threading.Thread(target=asyncio.run, args=[_serve(context, port, opened)])
    thread.start()
    close = opened.result(10)
    try:
        yield
    finally:
        close()
        thread.join(10)


async def _serve(context: ssl.SSLContext, port: int, opened: "Future[Callable[[], object]]") -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What is still open at the end is cancelled, which asyncio's own callback would report as an error.
        with suppress(OSError, asyncio.CancelledError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))

    closing = asyncio.Event()
    async with await asyncio.start_server(connected, "127.0.0.1", 443, ssl=context):
        opened.set_result(partial(asyncio.get_running_loop().call_soon_threadsafe, closing.set))
        await closing.wait()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
    finally:
        writer.close()
