"""Programs that bring credentials: what they are told, what may go wrong, and that nothing of theirs is shown."""

import asyncio
import base64
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import NOW
from tide.adapters.kubernetes.exec_plugin import INFO, ExecPlugin
from tide.adapters.kubernetes.finding import Found, KubernetesSettings, find_cluster
from tide.domain.errors import RemoteError, TideError, Unauthorized, Unavailable

V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"


@dataclass
class Clock:
    seconds: float = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def steady(self) -> float:
        return self.seconds


@dataclass
class Shop:
    """A directory with a kubeconfig and a program beside it that notes each time it is run."""

    place: Path
    clock: Clock = field(default_factory=Clock)
    hidden: list[str] = field(default_factory=list)
    opened: list[ExecPlugin] = field(default_factory=list)

    def program(self, script: str, name: str = "plugin") -> None:
        path = self.place / name
        path.write_text(f"#!/bin/sh\necho run >> '{self.place}/runs'\n{script}\n")
        path.chmod(0o700)

    def brings(self, version: str = V1, **status: Any) -> None:
        """Let the program bring this; where it is a file, as it stands there then."""
        (self.place / "brought").write_text(
            json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
        )
        self.program(f"cat '{self.place}/brought'")

    @property
    def runs(self) -> int:
        path = self.place / "runs"
        return len(path.read_text().split()) if path.exists() else 0

    def found(self, cluster: dict[str, Any] | None = None, **told: Any) -> Found:
        plugin = {"apiVersion": V1, "command": "./plugin", "interactiveMode": "Never", **told}
        content = {
            "clusters": [{"name": "c", "cluster": {"server": "https://one.example", **(cluster or {})}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"exec": plugin}}],
            "current-context": "x",
        }
        path = self.place / "kubeconfig"
        path.write_text(yaml.safe_dump(content))
        return find_cluster(KubernetesSettings(namespace="n", kubeconfig=path, environment={}))

    def plugin(self, *, patience: float = 60, authority: bytes | None = None, **told: Any) -> ExecPlugin:
        found = self.found(**told)
        assert found.user.exec is not None
        made = ExecPlugin(found, found.user.exec, authority, self.clock, self.hidden.append, patience=patience)
        self.opened.append(made)
        return made


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(tmp_path)
    yield made
    for plugin in made.opened:
        await plugin.close()


async def refusal(plugin: ExecPlugin, kind: type[RemoteError]) -> str:
    with pytest.raises(kind) as caught:
        await plugin.credential()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("version", "mode"), [(V1, "Never"), (V1, "IfAvailable"), (V1BETA1, None)])
async def test_a_token_is_brought_once_and_hidden(shop: Shop, version: str, mode: str | None) -> None:
    shop.brings(version, token="brought-token")
    plugin = shop.plugin(apiVersion=version, interactiveMode=mode)
    credentials = [await plugin.credential() for _ in range(3)]
    assert {credential.authorization for credential in credentials} == {"Bearer brought-token"}
    assert (shop.runs, "brought-token" in shop.hidden) == (1, True)
    assert "brought-token" not in repr(credentials)


async def test_a_certificate_may_be_brought(shop: Shop) -> None:
    shop.brings(clientCertificateData="CERTIFICATE", clientKeyData="PRIVATE KEY")
    credential = await shop.plugin().credential()
    assert credential.key_pair is not None
    assert (credential.authorization, credential.key_pair.certificate, credential.key_pair.key) == (
        "",
        b"CERTIFICATE",
        b"PRIVATE KEY",
    )
    assert "PRIVATE KEY" in shop.hidden
    assert "PRIVATE KEY" not in repr(credential)


async def test_another_is_brought_when_the_last_has_ended(shop: Shop) -> None:
    until = NOW + timedelta(minutes=10)
    shop.brings(token="first", expirationTimestamp=until.isoformat())
    plugin = shop.plugin()
    await plugin.credential()
    shop.brings(token="second", expirationTimestamp=(until + timedelta(minutes=10)).isoformat())
    shop.clock.seconds = 599
    assert (await plugin.credential()).authorization == "Bearer first"
    shop.clock.seconds = 600
    assert (await plugin.credential()).authorization == "Bearer second"
    assert shop.runs == 2


async def test_another_is_brought_when_the_last_is_refused_but_not_one_after_the_other(shop: Shop) -> None:
    shop.brings(token="first")
    plugin = shop.plugin()
    first = await plugin.credential()
    plugin.refused(first)
    assert await plugin.credential() is first
    shop.clock.seconds = 5
    plugin.refused(first)
    second = await plugin.credential()
    shop.clock.seconds = 60
    plugin.refused(first)  # this one is not in use any more
    assert await plugin.credential() is second
    assert shop.runs == 2


async def test_one_that_has_ended_as_it_comes_is_shown_and_not_brought_for_every_request(shop: Shop) -> None:
    shop.brings(token="late", expirationTimestamp=(NOW - timedelta(minutes=5)).isoformat())
    plugin = shop.plugin()
    for _ in range(5):
        assert (await plugin.credential()).authorization == "Bearer late"
    assert shop.runs == 1
    shop.clock.seconds = 5
    await plugin.credential()
    assert shop.runs == 2


async def test_what_is_null_is_not_there(shop: Shop) -> None:
    shop.brings(token="one", clientCertificateData=None, clientKeyData=None, expirationTimestamp=None)
    assert (await shop.plugin().credential()).authorization == "Bearer one"
    shop.brings(token=None, clientCertificateData="CERTIFICATE", clientKeyData="PRIVATE KEY")
    assert (await shop.plugin().credential()).authorization == ""


async def test_those_who_ask_at_once_wait_for_one_run(shop: Shop) -> None:
    shop.brings(token="one-token")
    plugin = shop.plugin()
    found = await asyncio.gather(*(plugin.credential() for _ in range(8)))
    assert (len({id(credential) for credential in found}), shop.runs) == (1, 1)


async def test_who_gives_up_does_not_stop_the_program_for_the_next(shop: Shop) -> None:
    shop.brings(token="one-token")
    os.mkfifo(shop.place / "gate")
    shop.program(f"read line < '{shop.place}/gate'; cat '{shop.place}/brought'")
    plugin = shop.plugin()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await plugin.credential()
    waiting = asyncio.create_task(plugin.credential())
    await asyncio.to_thread((shop.place / "gate").write_text, "go\n")
    assert (await waiting).authorization == "Bearer one-token"
    assert shop.runs == 1


async def test_the_program_is_told_what_kubectl_tells_it(shop: Shop) -> None:
    shop.brings(token="one-token")
    note = f"printf %s \"${INFO}\" > '{shop.place}/info'; echo \"$PROFILE $@\" > '{shop.place}/told'"
    shop.program(f"{note}; cat '{shop.place}/brought'")
    plugin = shop.plugin(env=[{"name": "PROFILE", "value": "prod"}], args=["get-token", "two words"])
    await plugin.credential()
    assert (shop.place / "told").read_text() == "prod get-token two words\n"
    assert json.loads((shop.place / "info").read_text()) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }


async def test_a_program_that_wants_to_know_the_cluster_is_told_it(shop: Shop) -> None:
    shop.brings(token="one-token")
    shop.program(f"printf %s \"${INFO}\" > '{shop.place}/info'; cat '{shop.place}/brought'")
    extensions = [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "prow"}}]
    cluster = {"tls-server-name": "two.example", "extensions": extensions, "certificate-authority": "ca.crt"}
    await shop.plugin(cluster=cluster, authority=b"PEM", provideClusterInfo=True).credential()
    assert json.loads((shop.place / "info").read_text())["spec"]["cluster"] == {
        "server": "https://one.example",
        "tls-server-name": "two.example",
        "certificate-authority-data": base64.b64encode(b"PEM").decode(),
        "config": {"audience": "prow"},
    }


async def test_a_command_without_a_separator_is_looked_for_on_the_path(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.brings(token="one-token")
    monkeypatch.setenv("PATH", f"{shop.place}{os.pathsep}{os.environ['PATH']}")
    assert (await shop.plugin(command="plugin").credential()).authorization == "Bearer one-token"


async def test_a_program_that_is_not_there_is_told_with_the_hint(shop: Shop) -> None:
    told = await refusal(shop.plugin(command="no-such-plugin", installHint="install it\nfrom there"), Unauthorized)
    assert told == "the credential plugin no-such-plugin is not there, or no program: install it from there"


async def test_a_program_that_fails_is_told_by_its_last_word_and_let_rest(shop: Shop) -> None:
    shop.program("echo 'starting' >&2; echo 'the session has expired' >&2; echo secret-output; exit 3")
    plugin = shop.plugin()
    told = await refusal(plugin, Unavailable)
    assert told == "the credential plugin ./plugin ended with 3: the session has expired"
    assert await refusal(plugin, Unavailable) == told
    assert shop.runs == 1
    shop.brings(token="one-token")
    shop.clock.seconds = 5
    assert (await plugin.credential()).authorization == "Bearer one-token"


async def test_a_program_that_hangs_is_ended_with_all_that_it_started(shop: Shop) -> None:
    shop.program(f"sleep 600 & echo $! > '{shop.place}/child'; wait")
    plugin = shop.plugin(patience=2)
    assert await refusal(plugin, Unavailable) == "the credential plugin ./plugin took longer than 2 s"
    await ended(int((shop.place / "child").read_text()))


async def test_what_holds_the_output_of_a_program_open_that_has_ended_is_ended_too(shop: Shop) -> None:
    shop.program(f"sleep 600 & echo $! > '{shop.place}/child'")
    plugin = shop.plugin(patience=2)
    assert await refusal(plugin, Unavailable) == "the credential plugin ./plugin took longer than 2 s"
    await ended(int((shop.place / "child").read_text()))


async def test_a_program_whose_child_has_left_its_group_is_given_up_all_the_same(shop: Shop) -> None:
    # The child holds the program's output open, for longer than the test may take.
    shop.program(f"(setsid sh -c 'echo $$ > \"{shop.place}/child\"; exec sleep 600' &); sleep 600")
    plugin = shop.plugin(patience=2)
    async with asyncio.timeout(60):
        assert await refusal(plugin, Unavailable) == "the credential plugin ./plugin took longer than 2 s"
        await plugin.close()
    os.kill(int((shop.place / "child").read_text()), signal.SIGKILL)


async def test_a_program_that_writes_without_end_is_read_no_further(shop: Shop) -> None:
    shop.program("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo 'the last word' >&2; exit 3")
    assert "longer than any is" in await refusal(shop.plugin(), Unauthorized)
    shop.program("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo 'the last word' >&2; exit 3", "other")
    assert (await refusal(shop.plugin(command="./other"), Unavailable)).endswith("ended with 3: the last word")


async def ended(child: int) -> None:
    """Wait until a process is no more."""
    async with asyncio.timeout(60):
        while is_alive(child):  # noqa: ASYNC110 - another process, which tells nobody
            await asyncio.sleep(0.02)


def is_alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


BROUGHT = {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "geheim"}}


@pytest.mark.parametrize(
    ("brought", "why"),
    [
        ("", "no ExecCredential in JSON"),
        ("geheim", "no ExecCredential in JSON"),
        ("[]", "no ExecCredential in JSON"),
        ({**BROUGHT, "kind": "Secret"}, "kind: "),
        ({**BROUGHT, "apiVersion": V1BETA1}, "its apiVersion is 'client.authentication.k8s.io/v1beta1', and "),
        ({**BROUGHT, "status": None}, "status: "),
        ({**BROUGHT, "status": {}}, "neither a token nor a certificate"),
        ({**BROUGHT, "status": {"clientKeyData": "geheim"}}, "a certificate without a key, or a key without"),
        ({**BROUGHT, "status": {"token": "geh\neim"}}, "the token has more than one line"),
        ({**BROUGHT, "status": {"token": "geheim", "expirationTimestamp": "soon"}}, "status.expirationTimestamp: "),
    ],
)
async def test_what_is_no_credential_is_told_without_showing_it(shop: Shop, brought: Any, why: str) -> None:
    (shop.place / "brought").write_text(brought if isinstance(brought, str) else json.dumps(brought))
    shop.program(f"cat '{shop.place}/brought'")
    told = await refusal(shop.plugin(), Unauthorized)
    assert why in told
    assert "geheim" not in told


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "v1alpha1 is not supported, but "),
        ({"apiVersion": "v1"}, "the apiVersion v1 is not supported"),
        ({"interactiveMode": None}, "interactiveMode must be Never or IfAvailable"),
        ({"interactiveMode": "Sometimes"}, "interactiveMode must be Never or IfAvailable"),
        ({"interactiveMode": "Always"}, "the interactiveMode Always needs a terminal, which there is not"),
        ({"command": ""}, "there is no command"),
    ],
)
def test_a_program_that_cannot_be_had_here_is_refused_at_the_start(
    tmp_path: Path, told: dict[str, Any], why: str
) -> None:
    with pytest.raises(TideError, match=why) as caught:
        Shop(tmp_path).found(**told)
    assert "the context x of the kubeconfig" in str(caught.value)
