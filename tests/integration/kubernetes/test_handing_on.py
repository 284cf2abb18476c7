"""To whom the token goes: to the API server that the operator names, and to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.certificates import Authority, tls_front
from tests.integration.kubernetes.prow import Prow
from tide.adapters.kubernetes.finding import KubernetesSettings, find_cluster
from tide.domain.errors import RemoteError


@dataclass
class Listener:
    """Takes whatever comes to a port, and gives one answer."""

    answer: bytes = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    made = Listener()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


def kubeconfig(place: Path, server: str, user: dict[str, Any], **cluster: Any) -> Path:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": user}],
        "current-context": "x",
    }
    path = place / "handed"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary Redirect", b"308 Permanent Redirect"])
async def test_an_api_server_leads_nowhere(prow: Prow, tmp_path: Path, status: bytes) -> None:
    async with listening() as stranger, listening() as server:
        location = f"{stranger.url}/x".encode()
        server.answer = b"HTTP/1.1 %b\r\nLocation: %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % (
            status,
            location,
        )
        async with prow.connected(kubeconfig=kubeconfig(tmp_path, server.url, {"token": "geheim"})) as runner:
            with pytest.raises(RemoteError):
                await runner.check()
        assert b"authorization: bearer geheim" in server.heard[0].lower()
        assert stranger.heard == []


async def test_a_proxy_of_the_environment_is_not_asked_for_this_very_host(
    prow: Prow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with prow.connected(kubeconfig=kubeconfig(tmp_path, prow.url, {"token": "geheim"})) as runner:
            await runner.check()
        assert proxy.heard == []


async def test_a_proxy_of_the_kubeconfig_is_asked_and_learns_no_token(prow: Prow, tmp_path: Path) -> None:
    async with listening() as proxy, tls_front(prow.url, tmp_path) as front:
        await front.serve(Authority("cluster").issue("server"))
        path = kubeconfig(tmp_path, front.url, {"token": "geheim"}, **{"proxy-url": proxy.url})
        async with prow.connected(kubeconfig=path) as runner:
            with pytest.raises(RemoteError):
                await runner.check()
        assert proxy.heard[0].startswith(f"CONNECT 127.0.0.1:{front.port} ".encode())
        assert b"geheim" not in b"".join(proxy.heard)


async def test_the_name_and_the_password_of_a_kubeconfig_are_shown(prow: Prow, tmp_path: Path) -> None:
    hidden: list[str] = []
    async with listening() as server:
        path = kubeconfig(tmp_path, server.url, {"username": "tide", "password": "open sesame"})
        async with prow.connected(kubeconfig=path, hide=hidden.append) as runner:
            with pytest.raises(RemoteError):
                await runner.check()
    assert b"authorization: basic dglkztpvcgvuihnlc2ftzq==" in server.heard[0].lower()
    assert {"open sesame", "dGlkZTpvcGVuIHNlc2FtZQ=="} <= set(hidden)


async def test_who_we_are_is_not_shown_in_the_clear_to_another_host(
    prow: Prow, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as proxy:
        path = kubeconfig(tmp_path, "http://cluster.example", {"token": "geheim"}, **{"proxy-url": proxy.url})
        async with prow.connected(kubeconfig=path) as runner:
            with pytest.raises(RemoteError):
                await runner.check()
    assert b"cluster.example" in proxy.heard[0]
    assert b"geheim" not in b"".join(proxy.heard)
    assert f"the kubeconfig {path} has no https://: it is not shown who we are" in caplog.text


@pytest.mark.parametrize(
    ("server", "cluster", "user", "why"),
    [
        ("https://tide:geheim@cluster.example", {}, {}, "its server must not hold credentials"),
        ("", {}, {}, "it has no server"),
        ("tide:geheim@cluster.example:6443", {}, {}, "its server must not hold credentials"),
        ("ftp://cluster.example", {}, {}, "its server must begin with https://"),
        ("https://one.example", {}, {"exec": {}}, "the apiVersion  is not supported"),
        ("https://one.example", {}, {"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}, "there is no command"),
        ("https://one.example", {"proxy-url": "socks5://geheim@x"}, {}, "its proxy-url must begin with https://"),
        ("https://one.example", {"proxy-url": "http://x", "tls-server-name": "y"}, {}, "together with proxy-url"),
        (
            "https://one.example",
            {"insecure-skip-tls-verify": True, "certificate-authority": "x"},
            {},
            "insecure-skip-tls-verify contradicts",
        ),
        ("https://one.example", {}, {"auth-provider": {"name": "geheim"}}, "auth-provider is not supported"),
        ("https://one.example", {}, {"username": "x", "token": "geheim"}, "contradict each other"),
        ("https://one.example", {}, {"client-certificate": "x"}, "both or neither"),
        ("https://one.example", {}, {"as": "somebody"}, "impersonation"),
        ("https://one.example", {}, {"as-groups": ["somebody"]}, "impersonation"),
    ],
)
async def test_what_is_not_done_as_written_is_refused(
    prow: Prow, tmp_path: Path, server: str, cluster: dict[str, Any], user: dict[str, Any], why: str
) -> None:
    path = kubeconfig(tmp_path, server, user, **cluster)
    with pytest.raises(Exception, match=why) as caught:
        async with prow.connected(kubeconfig=path):
            pass
    assert "geheim" not in str(caught.value)


def test_nothing_shows_what_a_kubeconfig_holds(tmp_path: Path) -> None:
    user = {
        "password": "geheim-1",
        "client-certificate-data": "x",
        "client-key-data": "geheim-2",
        "username": "tide",
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "x",
            "args": ["--secret", "geheim-3"],
            "env": [{"name": "SECRET", "value": "geheim-4"}],
        },
    }
    path = kubeconfig(tmp_path, "https://one.example", user, **{"proxy-url": "http://tide:geheim-5@proxy.example"})
    found = find_cluster(KubernetesSettings(namespace="n", kubeconfig=path, environment={}))
    assert "geheim" not in f"{found} {found!r}"
