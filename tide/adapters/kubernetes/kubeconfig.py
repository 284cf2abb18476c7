"""What a kubeconfig says of one cluster, and of who we are there.

client-go: tools/clientcmd/api/v1/types.go; what it forbids in tools/clientcmd/validation.go and rest/transport.go is
refused here too, and so is what we do not do: nothing that is written there is passed over in silence. As there, only
the current context is judged; what is missing, or null, is Go's zero value.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tide.domain.errors import TideError

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
# The extension whose content is handed to credential plugins (client-go: tools/clientcmd/api/types.go).
EXEC_EXTENSION = "client.authentication.k8s.io/exec"


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, told: Any) -> Any:
        if isinstance(told, Mapping):
            return {key: value for key, value in told.items() if value is not None}
        return {} if told is None else told


T = TypeVar("T", bound=_Told)


class _Extension(_Told):
    name: str = ""
    extension: Any = None


class Cluster(_Told):
    """Where an API server is, and how it is trusted."""

    server: str = ""
    tls_server_name: str | None = Field(default=None, validation_alias="tls-server-name")
    is_insecure: bool | None = Field(default=None, validation_alias="insecure-skip-tls-verify")
    ca_file: str | None = Field(default=None, validation_alias="certificate-authority")
    ca_data: str | None = Field(default=None, validation_alias="certificate-authority-data", repr=False)
    proxy_url: str | None = Field(default=None, validation_alias="proxy-url", repr=False)
    extensions: list[_Extension] | None = None

    def with_scheme(self, *, has_certificate: bool) -> "Cluster":
        """Give it with the scheme that a server without one has (client-go: rest/url_utils.go)."""
        if not self.server or "://" in self.server:
            return self
        has_tls = has_certificate or self.is_insecure or self.ca_file or self.ca_data
        return self.model_copy(update={"server": f"{'https' if has_tls else 'http'}://{self.server}"})


class _Variable(_Told):
    name: str = ""
    value: str = Field(default="", repr=False)


class Exec(_Told):
    """A program that brings credentials."""

    api_version: str = Field(default="", validation_alias="apiVersion")
    command: str = ""
    args: list[str] | None = Field(default=None, repr=False)
    env: list[_Variable] | None = None
    install_hint: str | None = Field(default=None, validation_alias="installHint")
    provides_cluster_info: bool | None = Field(default=None, validation_alias="provideClusterInfo")
    interactive_mode: str | None = Field(default=None, validation_alias="interactiveMode")


class User(_Told):
    """Who we are."""

    token: str | None = Field(default=None, repr=False)
    token_file: str | None = Field(default=None, validation_alias="tokenFile")
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    certificate_file: str | None = Field(default=None, validation_alias="client-certificate")
    certificate_data: str | None = Field(default=None, validation_alias="client-certificate-data", repr=False)
    key_file: str | None = Field(default=None, validation_alias="client-key")
    key_data: str | None = Field(default=None, validation_alias="client-key-data", repr=False)
    exec: Exec | None = None
    auth_provider: dict[str, Any] | None = Field(default=None, validation_alias="auth-provider", repr=False)
    acts_as: str | None = Field(default=None, validation_alias="as")
    acts_as_uid: str | None = Field(default=None, validation_alias="as-uid")
    acts_as_groups: list[str] | None = Field(default=None, validation_alias="as-groups")
    acts_as_extra: dict[str, Any] | None = Field(default=None, validation_alias="as-user-extra")

    @property
    def has_certificate(self) -> bool:
        """Tell whether it has one for TLS."""
        return bool(self.certificate_data or self.certificate_file)

    @property
    def shows_anything(self) -> bool:
        """Tell whether a secret is sent with requests."""
        return bool(self.token or self.token_file or self.username or self.exec)


class _Context(_Told):
    cluster: str = ""
    user: str = ""


class _NamedCluster(_Told):
    name: str = ""
    cluster: Any = Field(default=None, repr=False)


class _NamedUser(_Told):
    name: str = ""
    user: Any = Field(default=None, repr=False)


class _NamedContext(_Told):
    name: str = ""
    context: Any = None


class Kubeconfig(_Told):
    """A file as it was read; what it says of each cluster, user and context is judged when it counts."""

    clusters: list[_NamedCluster] = []
    contexts: list[_NamedContext] = []
    users: list[_NamedUser] = []
    current_context: str | None = Field(default=None, validation_alias="current-context")

    def current(self) -> tuple[str, Cluster, User]:
        """Give the current context: its name, its cluster, and its user; one without is anonymous.

        Raises:
            ValueError: it names what is not there, or makes no sense; one line that shows nothing of what stands there.
        """
        if not self.current_context:
            raise ValueError("there is no current-context")
        contexts = {one.name: one.context for one in self.contexts}
        context = _named(_Context, "context", self.current_context, contexts)
        cluster = _named(Cluster, "cluster", context.cluster, {one.name: one.cluster for one in self.clusters})
        users = {one.name: one.user for one in self.users}
        user = _named(User, "user", context.user, users) if context.user else User()
        return self.current_context, cluster.with_scheme(has_certificate=user.has_certificate), user


def read(path: Path) -> Kubeconfig:
    """Read a kubeconfig.

    Raises:
        TideError: it cannot be read, or makes no sense; one line that shows nothing of what stands in it.
    """
    try:
        content = yaml.safe_load(path.read_bytes())
        if not isinstance(content, Mapping):
            raise TideError(f"the kubeconfig {path} makes no sense: it has no clusters")
        return Kubeconfig.model_validate(content)
    except OSError as error:
        raise TideError(f"the kubeconfig {path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise TideError(f"the kubeconfig {path} is not YAML{place}") from None
    except ValidationError as error:
        raise TideError(f"the kubeconfig {path} makes no sense: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ": ".join(part for part in (".".join(map(str, first["loc"])), first["msg"]) if part)


def refusal(cluster: Cluster, user: User) -> str:
    """Say why a context cannot be used, "" where it can."""
    faults = (
        *_of_cluster(cluster),
        *_of_user(user),
        *(_of_exec(user.exec) if user.exec else ()),
    )
    return next((fault for fault, is_there in faults if is_there), "")


def is_private(server: str) -> bool:
    """Tell whether nobody on the way to a server can read what is sent to it."""
    parts = urlsplit(server)
    return (
        parts.scheme == "https" or parts.hostname in {"localhost", "::1"} or (parts.hostname or "").startswith("127.")
    )


def _of_cluster(cluster: Cluster) -> tuple[tuple[str, bool], ...]:
    scheme, _, rest = cluster.server.partition("://")
    proxy = (cluster.proxy_url or "").partition("://")[0]
    has_ca = bool(cluster.ca_file or cluster.ca_data)
    return (
        ("it has no server", not cluster.server),
        ("its server must begin with https:// or http://", scheme not in {"http", "https"}),
        ("its server must not hold credentials", "@" in rest.partition("/")[0]),
        ("insecure-skip-tls-verify contradicts a certificate-authority", has_ca and bool(cluster.is_insecure)),
        ("its proxy-url must begin with https:// or http://", proxy not in {"", "http", "https"}),
        (
            "tls-server-name together with proxy-url is not supported",
            bool(cluster.tls_server_name and cluster.proxy_url),
        ),
    )


def _of_user(user: User) -> tuple[tuple[str, bool], ...]:
    has_token = bool(user.token or user.token_file)
    is_disguised = bool(user.acts_as or user.acts_as_uid or user.acts_as_groups or user.acts_as_extra)
    return (
        ("auth-provider is not supported, in its place came exec", bool(user.auth_provider)),
        ("a token and a username contradict each other", has_token and bool(user.username)),
        (
            "client-certificate and client-key must be given both or neither",
            user.has_certificate != bool(user.key_data or user.key_file),
        ),
        ("impersonation (as, as-uid, as-groups, as-user-extra) is not supported", is_disguised),
    )


def _of_exec(plugin: Exec) -> tuple[tuple[str, bool], ...]:
    # Where it is left out, v1 wants it to be given (client-go: tools/clientcmd/api/v1/defaults.go).
    is_newest = plugin.api_version == EXEC_VERSIONS[0]
    mode = plugin.interactive_mode or ("" if is_newest else "IfAvailable")
    return (
        (
            f"exec: the apiVersion {plugin.api_version} is not supported, but {' and '.join(EXEC_VERSIONS)}",
            plugin.api_version not in EXEC_VERSIONS,
        ),
        ("exec: there is no command", not plugin.command),
        ("exec: the interactiveMode Always needs a terminal, which there is not", mode == "Always"),
        ("exec: interactiveMode must be Never or IfAvailable", mode not in {"Never", "IfAvailable", "Always"}),
    )


def _named(kind: type[T], what: str, name: str, known: Mapping[str, Any]) -> T:
    if name not in known:
        raise ValueError(f"the {what} {name!r} is missing")
    try:
        return kind.model_validate(known[name])
    except ValidationError as error:
        raise ValueError(f"the {what} {name!r}: {_first_fault(error)}") from None
