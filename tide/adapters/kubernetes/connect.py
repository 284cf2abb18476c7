"""Find the cluster that Prow runs in, and connect to it."""

import logging
import os
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ConfigError as KubeConfigError

from tide.adapters.kubernetes.api_server import opened
from tide.adapters.kubernetes.cache import Cache
from tide.adapters.kubernetes.contact import Contact
from tide.adapters.kubernetes.following import Follower
from tide.adapters.kubernetes.prowjob_api import ProwJobApi, Times
from tide.adapters.kubernetes.runner import KubernetesRunner
from tide.adapters.prowjobs.writing import ProwSettings
from tide.domain.errors import TideError
from tide.domain.keys import PoolKey, RepoKey
from tide.ports.clock import SteadyClock

log = logging.getLogger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """Where the cluster is and how to treat it (Prow: flagutil/kubernetes_cluster_clients.go, the same flags).

    `namespace` is where ProwJobs live (Prow: prowjob_namespace); another one needs a restart, as in Prow.
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


@asynccontextmanager
async def kubernetes(
    settings: KubernetesSettings,
    *,
    clock: SteadyClock,
    prow: Callable[[], ProwSettings],
    is_covered: Callable[[RepoKey], bool] = lambda _: True,
    on_change: Callable[[PoolKey], None] = lambda _: None,
    on_outage: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[KubernetesRunner]:
    """Give the runner for as long as the context is open; nothing is asked before it is checked or entered.

    Args:
        settings: where and how.
        clock: tells the time.
        prow: gives what Prow's configuration says of all ProwJobs now; its namespace does not count.
        is_covered: tells whether the runs of a repository are to be kept.
        on_change: told each pool of which a run has appeared, changed or gone.
        on_outage: told one line when the ProwJobs cannot be followed, and "" when they can (again).

    Raises:
        TideError: there is no cluster to be found, or what is told about it makes no sense; one line.
    """
    if not _NAMESPACE.fullmatch(settings.namespace):
        raise TideError(f"prowjob_namespace {settings.namespace!r} is no name of a namespace")
    cluster = find_cluster(settings)
    url, verify, user = _connection(cluster)
    async with opened(url, verify, user_auth(user), clock) as server:
        api = ProwJobApi(server, settings.namespace, settings.times, settings.page_size)
        cache = Cache(is_covered, on_change)
        contact = Contact(clock, on_outage, settings.times.outdated)
        follower = Follower(api, cache, contact, clock)
        yield KubernetesRunner(api, cache, contact, follower, clock, prow, _source(cluster))


def find_cluster(settings: KubernetesSettings) -> SingleConfig:
    """Find the cluster: by --kubeconfig, else the one we run in, else by --kubeconfig-dir, else by $KUBECONFIG.

    Of a kubeconfig the current context counts. Prow's Tide would rather take the cluster it runs in than what
    --kubeconfig says (kube/config.go mergeConfigs): there the flag is for build clusters, of which a queue needs none.

    Raises:
        TideError: there is none, or what is told about it makes no sense; one line.
    """
    own = _own_cluster(settings)
    if settings.kubeconfig is not None:
        if own is not None:
            log.warning("--kubeconfig is followed rather than the cluster that this runs in")
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


def _own_cluster(settings: KubernetesSettings) -> SingleConfig | None:
    """Give the cluster that this runs in (client-go: rest.InClusterConfig)."""
    host, port = (settings.environment.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    token = settings.projected_token_file or settings.service_account / "token"
    if settings.no_in_cluster_config or not host or not port or not token.exists():
        return None
    address = f"[{host}]" if ":" in host else host
    certificates = settings.service_account / "ca.crt"
    cluster = Cluster(server=f"https://{address}:{port}", certificate_auth=str(certificates))
    config = KubeConfig.from_one(cluster=cluster, user=User(token_file=str(token)), context_name="in-cluster")
    return config.get()


def _last_current_context(directory: Path, suffix: str) -> SingleConfig:
    """Give the current context of the last file that has one (Prow: kube/config.go LoadClusterConfigs)."""
    try:
        names = sorted(path.name for path in directory.iterdir() if path.is_file())
    except OSError as error:
        raise TideError(f"--kubeconfig-dir {directory} cannot be read: {error.strerror}") from error
    # A mounted ConfigMap or Secret has `..data` and its like beside the files.
    configs = [_read(directory / name) for name in names if name.endswith(suffix) and not name.startswith("..")]
    current = [config for config in configs if config.current_context]
    if not current:
        raise TideError(f"--kubeconfig-dir {directory} has no kubeconfig with a current-context")
    return _selected(current[-1])


def _current_context(path: Path) -> SingleConfig:
    return _selected(_read(path))


def _read(path: Path) -> KubeConfig:
    try:
        content = yaml.safe_load(path.read_bytes())
        return KubeConfig.from_dict(content, fname=path)
    except OSError as error:
        raise TideError(f"the kubeconfig {path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise TideError(f"the kubeconfig {path} is not YAML{place}") from error
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise TideError(f"the kubeconfig {path} makes no sense: {_told(error)}") from error


def _selected(config: KubeConfig) -> SingleConfig:
    try:
        selected = config.get()
    except (KubeConfigError, LookupError) as error:
        raise TideError(f"the kubeconfig {config.fname} makes no sense: {_told(error)}") from error
    if selected is None:
        raise TideError(f"the kubeconfig {config.fname} has no current-context")
    return selected


def _connection(config: SingleConfig) -> tuple[str, ssl.SSLContext, User]:
    """Give address, certificates and user; one without credentials is anonymous."""
    user = config.user or User()
    source = config.fname or "the service account"
    try:
        verify = verify_cluster(config.cluster, user, config.abs_file)
        user_auth(user)  # finds fault now with what it does not know
    except (KubeConfigError, OSError, TypeError, ValueError) as error:
        raise TideError(f"the credentials of {source} cannot be used: {_told(error)}") from error
    return config.cluster.server, verify, user


def _source(config: SingleConfig) -> str:
    return f"the context {config.context_name} of the kubeconfig {config.fname}" if config.fname else ""


def _told(error: Exception) -> str:
    """Give an error in one line; a missing key is told as its name."""
    text = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split()) or type(error).__name__
