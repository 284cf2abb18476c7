"""Where jobs run: on this host, or on a cluster."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

from tide.adapters.git.credentials import Credentials
from tide.adapters.git.program import GitProgram
from tide.adapters.kubernetes.connect import kubernetes
from tide.adapters.kubernetes.finding import KubernetesSettings
from tide.adapters.local_runner.checkout import Checkout
from tide.adapters.local_runner.directory import Directory
from tide.adapters.local_runner.host_memory import memory_of_host
from tide.adapters.local_runner.limits import Limits
from tide.adapters.local_runner.reporter import StatusReporter, StatusSink
from tide.adapters.local_runner.runner import LocalRunner, LocalSettings
from tide.adapters.logs import Redactor
from tide.adapters.postgres.engine import Connections
from tide.adapters.postgres.prowjobs import ProwJobTable
from tide.adapters.prowjobs.writing import ProwSettings
from tide.app.options import RunOptions
from tide.config.reload import ConfigSource
from tide.domain.errors import RateLimited, RemoteError
from tide.domain.keys import PoolKey, RepoKey
from tide.policy.search import covers
from tide.ports.clock import SteadyClock
from tide.ports.job_runner import JobRunner

KEEP_RUNS = timedelta(days=7)  # as long as Prow's sinker keeps them by default


async def _nothing_to_reach() -> None:
    """It is there."""


async def _nothing_to_wait_for() -> None:
    """On this host all runs are in the database."""


async def _nothing_to_prune() -> None:
    """On a cluster it is sinker that forgets."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Where jobs run.

    `reach` finds out whether it will do, and begins to follow the runs; `known` waits until all of them are known,
    where that may take a while from then on. `working` is entered while the daemon leads. `read_log` gives the log of a
    run by its name, None when there is none here; `prune` forgets old runs; `shut_out` says why it takes a restart to
    be let in again where the runs are, "" as long as it does not.
    """

    runner: JobRunner
    reach: Callable[[], Awaitable[None]] = _nothing_to_reach
    working: Callable[[], AbstractAsyncContextManager[object]] = nullcontext
    known: Callable[[], Awaitable[None]] = _nothing_to_wait_for
    read_log: Callable[[str], bytes | None] = lambda _name: None
    prune: Callable[[], Awaitable[None]] = _nothing_to_prune
    shut_out: Callable[[], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a backend needs of the rest: `url_of` and `token_of` a repository for git, and whom it tells.

    The `redactor` is told of each secret before it is used.
    """

    options: RunOptions
    config: ConfigSource
    clock: SteadyClock
    connections: Connections
    statuses: StatusSink
    url_of: Callable[[RepoKey], str]
    token_of: Callable[[RepoKey], Awaitable[str]]
    on_change: Callable[[PoolKey], None]
    on_outage: Callable[[str], None]
    redactor: Redactor


@asynccontextmanager
async def backend(around: Surroundings) -> AsyncIterator[Backend]:
    """Give the backend that --prowjob-backend names, for as long as the block runs; it is not asked for anything yet.

    Raises:
        TideError: no cluster is named, or what is told about it makes no sense.
    """
    if around.options.prowjob_backend == "local":
        yield _local(around)
        return
    options, config = around.options, around.config
    settings = KubernetesSettings(
        namespace=config.current.prowjob_namespace,
        kubeconfig=options.kubeconfig,
        kubeconfig_dir=options.kubeconfig_dir,
        kubeconfig_suffix=options.kubeconfig_suffix,
        projected_token_file=options.projected_token_file,
        no_in_cluster_config=options.no_in_cluster_config,
        hide=around.redactor.hide,
        hide_passing=around.redactor.hide_passing,
    )
    async with (
        kubernetes(
            settings,
            clock=around.clock,
            prow=lambda: _prow_settings(config),
            is_covered=lambda repo: covers(config.current.queries, repo),
            on_change=around.on_change,
            on_outage=around.on_outage,
        ) as runner,
        AsyncExitStack() as following,
    ):

        async def reach() -> None:
            with _told_where(runner.source):
                await runner.check(is_dry_run=options.dry_run)
            await following.enter_async_context(runner)

        yield Backend(runner, reach=reach, known=runner.listed, shut_out=lambda: runner.contact.shut_out)


@contextmanager
def _told_where(source: str) -> Iterator[None]:
    """Tell with an error where the cluster was found."""
    try:
        yield
    except RateLimited:
        raise
    except RemoteError as error:
        raise type(error)(f"{error} ({source})" if source else str(error)) from error


def _local(around: Surroundings) -> Backend:
    options = around.options
    # Clones have a program of their own: slow ones must not keep merges waiting for a slot.
    program = GitProgram(processes=options.local_jobs)
    directory = Directory(options.data_dir / "jobs")
    runner = LocalRunner(
        storage=ProwJobTable(around.connections),
        checkout=Checkout(
            program,
            Credentials(options.data_dir / "git", around.url_of, around.token_of),
            grants_of=lambda pool: around.config.current.clone_grants(pool),  # noqa: PLW0108 - it is read anew each time
        ),
        reporter=StatusReporter(around.statuses),
        clock=around.clock,
        directory=directory,
        settings=LocalSettings(
            jobs=options.local_jobs,
            public_url=options.public_url,
            default_timeout=around.config.current.prow.default_job_timeout,
            limits=_limits(options),
            prow=_prow_settings(around.config),
        ),
        on_change=around.on_change,
    )

    async def reach() -> None:
        # Who runs one round, or a dry one, starts no process of a job.
        if not (options.dry_run or options.run_once):
            await runner.check()

    async def prune() -> None:
        await runner.prune(KEEP_RUNS)

    return Backend(runner, reach=reach, working=lambda: runner, read_log=_reader(directory), prune=prune)


def _limits(options: RunOptions) -> Limits:
    memory = options.local_job_memory
    if memory is None:
        # One share is for the daemon, its database and whatever else there is.
        memory = memory_of_host() // (options.local_jobs + 1)
    return Limits(memory, options.local_job_processes, options.local_job_disk)


def _prow_settings(config: ConfigSource) -> ProwSettings:
    current = config.current
    return ProwSettings(current.prowjob_namespace, current.link_url, current.has_scheduler)


def _reader(directory: Directory) -> Callable[[str], bytes | None]:
    def read(name: str) -> bytes | None:
        try:
            return directory.read_log(name)
        except (ValueError, OSError):
            return None

    return read
