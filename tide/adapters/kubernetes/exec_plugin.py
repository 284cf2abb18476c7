"""Credentials that a program brings: exec credential plugins, as kubectl has them.

client-go: plugin/pkg/client/auth/exec/exec.go; Kubernetes docs: "client-go credential plugins".
"""

import asyncio
import base64
import json
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tide.adapters.children import bound, end_of
from tide.adapters.kubernetes.finding import Found
from tide.adapters.kubernetes.held import KeyPair, bearer
from tide.adapters.kubernetes.kubeconfig import EXEC_EXTENSION, Exec
from tide.domain.errors import Unauthorized, Unavailable
from tide.ports.clock import SteadyClock

INFO = "KUBERNETES_EXEC_INFO"
_PATIENCE = 60.0  # seconds; some ask a cloud, or another cluster
_RESTS = 5.0  # seconds after a failure, and before credentials that are refused, or have ended, are asked for again
_LONGEST_MESSAGE = 300
_LONGEST_OUTPUT = 1024 * 1024  # bytes


_Text = Annotated[str, BeforeValidator(lambda told: "" if told is None else told)]  # as Go reads a null


class _Status(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    token: _Text = Field(default="", repr=False)
    certificate: _Text = Field(default="", alias="clientCertificateData")
    key: _Text = Field(default="", alias="clientKeyData", repr=False)
    expires_at: AwareDatetime | None = Field(default=None, alias="expirationTimestamp")


class _Brought(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["ExecCredential"]
    version: str = Field(alias="apiVersion")
    status: _Status


@dataclass(frozen=True, slots=True)
class Credential:
    """What the program has brought: a header, a key pair, or both. `until` is None where it does not end by itself."""

    authorization: str = field(repr=False)
    key_pair: KeyPair | None
    until: AwareDatetime | None


class ExecPlugin:
    """Runs the program whenever there are no credentials, they have ended, or they were refused.

    Args:
        found: the cluster; its user has an exec.
        plugin: that.
        authority: the certificate authority of the cluster in PEM form, for programs that want to know.
        clock: tells when credentials have ended.
        hide: is told of each secret.
        patience: how long the program may take, in seconds.
    """

    def __init__(
        self,
        found: Found,
        plugin: Exec,
        authority: bytes | None,
        clock: SteadyClock,
        hide: Callable[[str], None],
        *,
        patience: float = _PATIENCE,
    ) -> None:
        self._plugin, self._clock, self._hide, self._patience = plugin, clock, hide, patience
        # What has a separator in it is so to the kubeconfig (client-go: tools/clientcmd/loader.go).
        is_path = os.sep in plugin.command
        self._command = str(found.path(plugin.command).absolute()) if is_path else plugin.command
        self._environment = _environment(found, plugin, authority)
        self._kept: Credential | None = None
        self._brought_at = -_RESTS
        self._failure: Unauthorized | Unavailable | None = None
        self._failed_at = -_RESTS
        self._running: asyncio.Task[Credential] | None = None

    async def credential(self) -> Credential:
        """Give what is good now.

        Raises:
            Unauthorized: the program is not there, or what it brings is no credential.
            Unavailable: it failed, or took too long.
        """
        kept = self._kept
        # One that has ended as it comes would have it run for every request; the server's clock may be another one.
        if kept and (kept.until is None or self._clock.now() < kept.until or self._is_new):
            return kept
        if self._failure and self._clock.steady() - self._failed_at < _RESTS:
            raise self._failure
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="run the credential plugin")
            # Nobody may be left to hear of it.
            self._running.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Whoever waits may have less patience than the next one.
        return await asyncio.shield(self._running)

    def refused(self, credential: Credential | None) -> None:
        """Hear that a credential is not taken; one that has only just been brought is not asked for again."""
        if credential is self._kept and not self._is_new:
            self._kept = None

    async def close(self) -> None:
        """Stop the program if it runs."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    @property
    def _is_new(self) -> bool:
        return self._clock.steady() - self._brought_at < _RESTS

    async def _run(self) -> Credential:
        try:
            self._kept = self._read(await self._output())
        except (Unauthorized, Unavailable) as error:
            self._failure, self._failed_at = error, self._clock.steady()
            raise
        self._failure, self._brought_at = None, self._clock.steady()
        return self._kept

    async def _output(self) -> bytes:
        program = shutil.which(self._command, path=self._environment.get("PATH"))
        if program is None:
            hint = " ".join((self._plugin.install_hint or "").split())
            raise Unauthorized(f"{self._name} is not there, or no program{f': {hint}' if hint else ''}")
        try:
            # A group of its own, so that what it starts ends with it.
            process = await asyncio.create_subprocess_exec(
                program,
                *(self._plugin.args or ()),
                env=self._environment,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise Unauthorized(f"{self._name} cannot be run: {getattr(error, 'strerror', None) or error}") from None
        output, complaint = await self._communicate(process)
        if process.returncode:
            raise Unavailable(f"{self._name} ended with {process.returncode}{_last_line(complaint)}")
        return output

    async def _communicate(self, process: Process) -> tuple[bytes, bytes]:
        try:
            async with bound(process), asyncio.timeout(self._patience):
                output, complaint, _ = await asyncio.gather(
                    end_of(process.stdout, _LONGEST_OUTPUT + 1),
                    end_of(process.stderr, _LONGEST_MESSAGE),
                    process.wait(),
                )
        except TimeoutError:
            raise Unavailable(f"{self._name} took longer than {self._patience:g} s") from None
        if len(output) > _LONGEST_OUTPUT:
            raise self._no_credential("it is longer than any is")
        return output, complaint

    def _read(self, output: bytes) -> Credential:
        try:
            brought = _Brought.model_validate_json(output)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise self._no_credential(f"{place}: {first['msg']}" if place else "no ExecCredential in JSON") from None
        status, wanted = brought.status, self._plugin.api_version
        for secret in filter(None, (status.token, status.key)):
            self._hide(secret)
        if brought.version != wanted:
            raise self._no_credential(f"its apiVersion is {brought.version[:60]!r}, and {wanted} is asked for")
        if bool(status.certificate) != bool(status.key):
            raise self._no_credential("a certificate without a key, or a key without a certificate")
        if not (status.token or status.key):
            raise self._no_credential("neither a token nor a certificate")
        try:
            authorization = bearer(status.token) if status.token else ""
        except ValueError as error:
            raise self._no_credential(str(error)) from None
        pair = KeyPair(status.certificate.encode(), status.key.encode()) if status.key else None
        return Credential(authorization, pair, status.expires_at)

    def _no_credential(self, why: str) -> Unauthorized:
        return Unauthorized(f"{self._name} brought no credential: {why}")

    @property
    def _name(self) -> str:
        return f"the credential plugin {self._plugin.command}"


def _environment(found: Found, plugin: Exec, authority: bytes | None) -> Mapping[str, str]:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.provides_cluster_info:
        spec["cluster"] = _cluster_info(found, authority)
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    told = {variable.name: variable.value for variable in plugin.env or ()}
    return {**os.environ, **told, INFO: json.dumps(info)}


def _cluster_info(found: Found, authority: bytes | None) -> Mapping[str, Any]:
    cluster = found.cluster
    configs = (one.extension for one in cluster.extensions or () if one.name == EXEC_EXTENSION)
    given = {
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.is_insecure,
        "certificate-authority-data": base64.b64encode(authority).decode() if authority else None,
        "proxy-url": cluster.proxy_url,
        "config": next(configs, None),
    }
    return {key: value for key, value in given.items() if value}


def _last_line(complaint: bytes) -> str:
    lines = complaint.decode(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    return f": {' '.join(last.split())[:_LONGEST_MESSAGE]}" if last else ""
