"""Whatever we are let in by is exchanged while the daemon runs, and it goes on."""

import base64
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import BASE, POOL
from tests.certificates import Authority, Pair, TlsFront, tls_front
from tests.integration.kubernetes.prow import Prow, numbers
from tide.adapters.kubernetes.runner import KubernetesRunner
from tide.domain.errors import Unauthorized


@dataclass
class Guarded:
    """A cluster behind TLS with an authority `first`, and the files by which we are let in."""

    prow: Prow
    front: TlsFront
    place: Path
    first: Authority
    second: Authority

    @property
    def ca(self) -> Path:
        return self.place / "ca.crt"

    def kubeconfig(self, user: dict[str, Any], **cluster: Any) -> Path:
        """Write a kubeconfig; its certificate authority is in a file beside it."""
        told = {"server": self.front.url, "certificate-authority": "ca.crt", **cluster}
        content = {
            "clusters": [{"name": "c", "cluster": told}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": user}],
            "current-context": "x",
        }
        path = self.place / "kubeconfig"
        swap(path, yaml.safe_dump(content).encode())
        return path

    async def sees(self, runner: KubernetesRunner, number: int) -> None:
        """Make a ProwJob, and wait until it is seen."""
        self.prow.add(number)
        await self.prow.until(lambda: numbers(runner.cache.of(POOL)) >= {number}, f"ProwJob of #{number}")

    async def told(self, part: str) -> None:
        """Wait until an outage is told, and end what was told."""
        await self.prow.until(lambda: any(part in told for told in self.prow.told), part)


def swap(path: Path, content: bytes) -> None:
    """Put a new file in the place of one, as the kubelet does."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)


@pytest.fixture
async def guarded(prow: Prow, tmp_path: Path) -> AsyncIterator[Guarded]:
    async with tls_front(prow.url, tmp_path) as front:
        made = Guarded(prow, front, tmp_path, Authority("first"), Authority("second"))
        made.ca.write_bytes(made.first.pem)
        await front.serve(made.first.issue("server"))
        yield made


async def test_an_authority_that_is_exchanged_after_the_server_is_trusted_as_soon_as_it_is_there(
    guarded: Guarded,
) -> None:
    async with guarded.prow.following(kubeconfig=guarded.kubeconfig({"token": "t"})) as runner:
        await guarded.front.serve(guarded.second.issue("server"))
        await guarded.told("the certificate is refused: ")
        swap(guarded.ca, guarded.second.pem)
        await guarded.sees(runner, 1)
        assert numbers(await runner.runs(POOL, BASE, [])) == {1}


async def test_an_authority_that_is_exchanged_before_the_server_leaves_no_gap(guarded: Guarded) -> None:
    async with guarded.prow.following(kubeconfig=guarded.kubeconfig({"token": "t"})) as runner:
        swap(guarded.ca, guarded.first.pem + guarded.second.pem)
        await runner.check()
        await guarded.front.serve(guarded.second.issue("server"))
        await guarded.sees(runner, 1)
        assert not any("certificate" in told for told in guarded.prow.told)


async def test_the_authority_of_a_pod_is_read_again(guarded: Guarded) -> None:
    account = guarded.place / "account"
    account.mkdir()
    (account / "token").write_text("t")
    (account / "ca.crt").write_bytes(guarded.first.pem)
    around = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(guarded.front.port)}
    async with guarded.prow.following(kubeconfig=None, service_account=account, environment=around) as runner:
        await guarded.front.serve(guarded.second.issue("server"))
        await guarded.told("the certificate is refused: ")
        swap(account / "ca.crt", guarded.second.pem)
        await guarded.sees(runner, 1)


def write(guarded: Guarded, pair: Pair) -> Path:
    """Write our certificate and key beside a kubeconfig that names them."""
    pair.write(guarded.place / "us.crt", guarded.place / "us.key")
    return guarded.kubeconfig({"client-certificate": "us.crt", "client-key": str(guarded.place / "us.key")})


async def test_our_certificate_is_read_again_when_the_old_one_is_refused(guarded: Guarded) -> None:
    server, ours = guarded.first.issue("server"), Authority("ours")
    await guarded.front.serve(server, clients=ours)
    async with guarded.prow.following(kubeconfig=write(guarded, ours.issue("us-1"))) as runner:
        anew = Authority("ours anew")
        await guarded.front.serve(server, clients=anew)
        # By an alert, or, where that is overtaken by the end of the connection, by no more than this.
        await guarded.told("/prowjobs: ")
        write(guarded, anew.issue("us-2"))
        await guarded.sees(runner, 1)
    assert dict.fromkeys(guarded.front.names) == dict.fromkeys(["us-1", "us-2"])


async def test_half_of_a_key_pair_leaves_the_last_one_in_use_which_is_told_once(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    server, ours = guarded.first.issue("server"), Authority("ours")
    await guarded.front.serve(server, clients=ours)
    new = ours.issue("us-2")
    async with guarded.prow.connected(kubeconfig=write(guarded, ours.issue("us-1"))) as runner:
        await runner.check()
        (guarded.place / "us.crt").write_bytes(new.certificate)
        await runner.check()
        assert set(guarded.front.names) == {"us-1"}
        (guarded.place / "us.key").write_bytes(new.key)
        await runner.check()
    assert guarded.front.names[-1] == "us-2"
    (line,) = [line for line in caplog.messages if "stay in use" in line]
    assert "certificates or keys make no sense" in line


async def test_a_certificate_in_the_kubeconfig_itself_is_shown_and_read_again(guarded: Guarded) -> None:
    def user(pair: Pair) -> dict[str, str]:
        return {
            "client-certificate-data": base64.b64encode(pair.certificate).decode(),
            "client-key-data": base64.b64encode(pair.key).decode(),
        }

    ours = Authority("ours")
    await guarded.front.serve(guarded.first.issue("server"), clients=ours)
    async with guarded.prow.connected(kubeconfig=guarded.kubeconfig(user(ours.issue("us-1")))) as runner:
        await runner.check()
        guarded.kubeconfig(user(ours.issue("us-2")))
        await runner.check()
    assert set(guarded.front.names) == {"us-1", "us-2"}


async def test_a_token_in_the_kubeconfig_is_read_again(guarded: Guarded) -> None:
    access = guarded.prow.api.access
    access.only_registered = True
    access.register("first-token", "tide")
    async with guarded.prow.following(kubeconfig=guarded.kubeconfig({"token": "first-token"})) as runner:
        access.revoke("first-token")
        guarded.prow.api.drop_watches()
        await guarded.told("Unauthorized")
        access.register("second-token", "tide")
        guarded.kubeconfig({"token": "second-token"})
        await guarded.sees(runner, 1)


async def test_a_request_that_meets_a_token_that_has_just_been_exchanged_does_not_fail(guarded: Guarded) -> None:
    access = guarded.prow.api.access
    access.only_registered = True
    access.register("token-1", "tide")
    token = guarded.place / "token"
    token.write_text("token-1")
    async with guarded.prow.connected(kubeconfig=guarded.kubeconfig({"tokenFile": "token"})) as runner:
        await runner.check()
        seen = token.stat()
        # In place, as long, and at the same time: nothing but the refusal tells of it.
        with token.open("r+") as file:
            file.write("token-2")
        os.utime(token, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        access.revoke("token-1")
        access.register("token-2", "tide")
        await runner.check()


async def test_a_kubeconfig_that_names_another_server_is_not_followed(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarded.prow.connected(kubeconfig=guarded.kubeconfig({"token": "t"})) as runner:
        guarded.kubeconfig({"token": "t"}, server="https://127.0.0.1:1")
        await runner.check()
        await runner.check()
        assert runner.api.server.url == guarded.front.url
    assert len([line for line in caplog.messages if "names another address now: that takes a restart" in line]) == 1


async def test_a_kubeconfig_that_is_half_written_leaves_the_last_one_in_use(guarded: Guarded) -> None:
    path = guarded.kubeconfig({"token": "t"})
    async with guarded.prow.connected(kubeconfig=path) as runner:
        path.write_bytes(path.read_bytes()[:40])
        await runner.check()
        path.unlink()
        await runner.check()


async def test_an_authority_that_is_empty_is_not_the_one_of_the_system(guarded: Guarded) -> None:
    async with guarded.prow.connected(kubeconfig=guarded.kubeconfig({"token": "t"})) as runner:
        guarded.ca.write_bytes(b"")
        await runner.check()
        await guarded.front.serve(Authority("other").issue("server"))
        with pytest.raises(Unauthorized, match="the certificate is refused: "):
            await runner.check()


async def test_a_watch_goes_on_over_its_connection_while_new_requests_have_others(guarded: Guarded) -> None:
    async with guarded.prow.following(kubeconfig=guarded.kubeconfig({"token": "t"})) as runner:
        await guarded.prow.until(lambda: guarded.prow.counted("GET", "watch=true"), "watch")
        swap(guarded.ca, guarded.first.pem + guarded.second.pem)
        await runner.check()
        await guarded.sees(runner, 1)
        assert guarded.prow.counted("GET", "watch=true") == 1


async def test_the_servers_certificate_may_have_another_name(guarded: Guarded) -> None:
    await guarded.front.serve(guarded.first.issue("server", "kubernetes.example"))
    named = guarded.kubeconfig({"token": "t"}, **{"tls-server-name": "kubernetes.example"})
    async with guarded.prow.connected(kubeconfig=named) as runner:
        await runner.check()
    async with guarded.prow.connected(kubeconfig=guarded.kubeconfig({"token": "t"})) as runner:
        with pytest.raises(Unauthorized, match="the certificate is refused: "):
            await runner.check()


async def test_who_says_so_trusts_anybody(guarded: Guarded) -> None:
    trusting = guarded.kubeconfig({"token": "t"}, **{"certificate-authority": None, "insecure-skip-tls-verify": True})
    async with guarded.prow.connected(kubeconfig=trusting) as runner:
        await runner.check()


def plugin(guarded: Guarded, **status: str) -> Path:
    """Write a kubeconfig with a program that brings this, as it stands in a file when it is run."""
    version = "client.authentication.k8s.io/v1"
    brought = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    swap(guarded.place / "brought.json", json.dumps(brought).encode())
    program = {"apiVersion": version, "command": "cat", "args": [str(guarded.place / "brought.json")]}
    return guarded.kubeconfig({"exec": {**program, "interactiveMode": "Never"}})


async def test_a_program_is_asked_again_when_the_token_that_it_brought_is_refused(guarded: Guarded) -> None:
    access = guarded.prow.api.access
    access.only_registered = True
    access.register("first-token", "tide")
    hidden: list[str] = []
    async with guarded.prow.connected(
        kubeconfig=plugin(guarded, token="first-token"), hide_passing=hidden.append
    ) as runner:
        await runner.check()
        access.revoke("first-token")
        access.register("second-token", "tide")
        plugin(guarded, token="second-token")
        guarded.prow.clock.seconds += 60
        await runner.check()
    assert {"first-token", "second-token"} <= set(hidden)


async def test_a_certificate_that_a_program_brings_is_shown(guarded: Guarded) -> None:
    ours = Authority("ours")
    await guarded.front.serve(guarded.first.issue("server"), clients=ours)

    def brought(pair: Pair) -> dict[str, str]:
        until = (guarded.prow.clock.now() + timedelta(minutes=10)).isoformat()
        key, certificate = pair.key.decode(), pair.certificate.decode()
        return {"clientCertificateData": certificate, "clientKeyData": key, "expirationTimestamp": until}

    async with guarded.prow.connected(kubeconfig=plugin(guarded, **brought(ours.issue("us-1")))) as runner:
        await runner.check()
        plugin(guarded, **brought(ours.issue("us-2")))
        guarded.prow.clock.seconds += 600
        await runner.check()
    assert list(dict.fromkeys(guarded.front.names)) == ["us-1", "us-2"]


async def test_who_is_refused_for_long_says_so_until_it_is_let_in(guarded: Guarded) -> None:
    access = guarded.prow.api.access
    access.only_registered = True
    access.register("first-token", "tide")
    async with guarded.prow.following(kubeconfig=guarded.kubeconfig({"token": "first-token"})) as runner:
        access.revoke("first-token")
        guarded.prow.api.drop_watches()
        await guarded.told("Unauthorized")
        assert runner.contact.shut_out == ""
        guarded.prow.clock.seconds += 600
        assert "refused for 10 minutes" in runner.contact.shut_out
        access.register("second-token", "tide")
        guarded.kubeconfig({"token": "second-token"})
        await guarded.sees(runner, 1)
        assert runner.contact.shut_out == ""
