"""Find the cluster that Prow runs in."""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tide.adapters.kubernetes.kubeconfig import Cluster, User, is_private, read, refusal
from tide.adapters.kubernetes.times import Times
from tide.domain.errors import TideError

log = logging.getLogger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """Where the cluster is and how to treat it (Prow: flagutil/kubernetes_cluster_clients.go, the same flags).

    `namespace` is where ProwJobs live (Prow: prowjob_namespace); another one needs a restart, as in Prow. `hide` is
    told of each secret before it is used, so that no log shows it, and `hide_passing` of those that end by themselves.
    """

    namespace: str
    kubeconfig: Path | None = None
    kubeconfig_dir: Path | None = None
    kubeconfig_suffix: str = ""
    projected_token_file: Path | None = None
    no_in_cluster_config: bool = False
    times: Times = field(default_factory=Times)
    page_size: int = 500
    service_account: Path = SERVICE_ACCOUNT
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    hide: Callable[[str], None] = lambda _secret: None
    hide_passing: Callable[[str], None] = lambda _secret: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A cluster, who we are there, and the files in which that was told; `source` says where, in words.

    `kubeconfig` is None for the cluster that this runs in, which is known by its environment. `is_withheld` says that
    the user has credentials which are not shown to this server.
    """

    cluster: Cluster
    user: User
    context: str = "in-cluster"
    kubeconfig: Path | None = None
    told_in: tuple[Path, ...] = ()
    is_withheld: bool = False

    @property
    def source(self) -> str:
        """Where it was found."""
        return f"the context {self.context} of the kubeconfig {self.kubeconfig}" if self.kubeconfig else ""

    def path(self, name: str) -> Path:
        """Give where a file is that is named: what is relative is so to the kubeconfig."""
        return self.kubeconfig.parent / name if self.kubeconfig else Path(name)


def find_cluster(settings: KubernetesSettings) -> Found:
    """Find the cluster: by --kubeconfig, else the one we run in, else by --kubeconfig-dir, else by $KUBECONFIG.

    Of a kubeconfig the current context counts. Prow's Tide would rather take the cluster it runs in than what
    --kubeconfig says (kube/config.go mergeConfigs): there the flag is for build clusters, of which a queue needs none.

    Raises:
        TideError: there is none, or what is told about it makes no sense; one line.
    """
    own = _own_cluster(settings)
    if settings.kubeconfig is not None:
        return _current_context(settings.kubeconfig)
    if own is not None:
        return own
    if settings.kubeconfig_dir is not None:
        return _last_current_context(settings.kubeconfig_dir, settings.kubeconfig_suffix)
    named = [path for path in settings.environment.get("KUBECONFIG", "").split(os.pathsep) if path]
    if named:
        return _current_context(Path(named[0]).expanduser())
    raise TideError(
        "no Kubernetes cluster: there is no --kubeconfig, this does not run in a cluster "
        "(or is told not to use it), and $KUBECONFIG is not set; --prowjob-backend=local does without"
    )


def warn_of_own_cluster(settings: KubernetesSettings) -> None:
    """Say so where another cluster is asked than the one that this runs in."""
    if settings.kubeconfig is not None and _own_cluster(settings) is not None:
        log.warning("--kubeconfig is followed rather than the cluster that this runs in")


def _own_cluster(settings: KubernetesSettings) -> Found | None:
    """Give the cluster that this runs in (client-go: rest.InClusterConfig)."""
    host, port = (settings.environment.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    token = settings.projected_token_file or settings.service_account / "token"
    if settings.no_in_cluster_config or not host or not port or not token.exists():
        return None
    address = f"[{host}]" if ":" in host else host
    cluster = Cluster(server=f"https://{address}:{port}", ca_file=str(settings.service_account / "ca.crt"))
    return Found(cluster=cluster, user=User(token_file=str(token)))


def _last_current_context(directory: Path, suffix: str) -> Found:
    """Give the current context of the last file that has one (Prow: kube/config.go LoadClusterConfigs)."""
    try:
        names = sorted(path.name for path in directory.iterdir() if path.is_file())
    except OSError as error:
        raise TideError(f"--kubeconfig-dir {directory} cannot be read: {error.strerror}") from error
    # A mounted ConfigMap or Secret has `..data` and its like beside the files.
    paths = [directory / name for name in names if name.endswith(suffix) and not name.startswith("..")]
    current = [path for path in paths if read(path).current_context]
    if not current:
        raise TideError(f"--kubeconfig-dir {directory} has no kubeconfig with a current-context")
    return _current_context(current[-1], told_in=(directory, *paths))


def _current_context(path: Path, told_in: tuple[Path, ...] = ()) -> Found:
    try:
        context, cluster, user = read(path).current()
    except ValueError as error:
        raise TideError(f"the kubeconfig {path} makes no sense: {error}") from None
    if problem := refusal(cluster, user):
        raise TideError(f"the context {context} of the kubeconfig {path} cannot be used: {problem}")
    # Without TLS client-go leaves out who we are (tools/clientcmd/client_config.go ClientConfig).
    is_withheld = user.shows_anything and not is_private(cluster.server)
    return Found(
        cluster=cluster,
        user=User() if is_withheld else user,
        context=context,
        kubeconfig=path,
        told_in=told_in or (path,),
        is_withheld=is_withheld,
    )
