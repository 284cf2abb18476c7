"""Connect to the cluster that Prow runs in."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tide.adapters.kubernetes.access import Access
from tide.adapters.kubernetes.api_server import ApiServer
from tide.adapters.kubernetes.cache import Cache
from tide.adapters.kubernetes.contact import Contact
from tide.adapters.kubernetes.finding import KubernetesSettings, warn_of_own_cluster
from tide.adapters.kubernetes.following import Follower
from tide.adapters.kubernetes.prowjob_api import ProwJobApi
from tide.adapters.kubernetes.runner import KubernetesRunner
from tide.adapters.prowjobs.writing import ProwSettings
from tide.domain.errors import TideError
from tide.domain.keys import PoolKey, RepoKey
from tide.ports.clock import SteadyClock

_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


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
    access = Access(settings, clock)
    warn_of_own_cluster(settings)
    await access.open()
    api = ProwJobApi(ApiServer(access, clock), settings.namespace, settings.times, settings.page_size)
    cache = Cache(is_covered, on_change)
    contact = Contact(clock, on_outage, settings.times.outdated)
    follower = Follower(api, cache, contact, clock)
    try:
        yield KubernetesRunner(api, cache, contact, follower, clock, prow, access.source)
    finally:
        await access.close()
