"""Put a daemon together from its options: every concrete adapter is named here."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import structlog

from tide import __version__
from tide.adapters.clock import SystemClock
from tide.adapters.git.bare_repositories import BareRepositories
from tide.adapters.git.program import GitProgram
from tide.adapters.github.allowance import status_allowance, sync_allowance
from tide.adapters.github.app_key import AppIdentity, AppKey
from tide.adapters.github.calls import CallKind
from tide.adapters.github.code_host import GitHub
from tide.adapters.github.connect import GitHubSettings, github
from tide.adapters.github.retries import Patience
from tide.adapters.github.token import TokenFile
from tide.adapters.logs import LogObserver, Observers, Redactor
from tide.adapters.postgres import engine
from tide.adapters.postgres.engine import Connections
from tide.adapters.postgres.inbox import PostgresInbox
from tide.adapters.postgres.leases import PostgresLeases
from tide.adapters.postgres.migrate import lacks_tables
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.adapters.prometheus.metrics import Metrics
from tide.app.backends import Backend, Surroundings, backend
from tide.app.data_dir import make_usable
from tide.app.database import database
from tide.app.history import StartHistory, start_history
from tide.app.leading import LeadingBeside, leading_beside
from tide.app.needs import Needs, start_with
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.app.starting import Start
from tide.app.status import StatusKeeper
from tide.config.loading import LoadOptions
from tide.config.reload import ConfigSource
from tide.config.sources import ConfigPaths
from tide.daemon.hints import HintFollower
from tide.daemon.leadership import Leadership
from tide.daemon.loop import Loop
from tide.daemon.status_loop import StatusLoop
from tide.daemon.wakeups import Wakeups
from tide.domain.errors import ConfigError, Problem
from tide.domain.keys import RepoKey
from tide.domain.leases import Lease
from tide.policy.queries import ask_for_reviews
from tide.ports.clock import SteadyClock
from tide.sync.statuses import Statuses
from tide.sync.sync import Sync
from tide.sync.world import World
from tide.web.hook_tokens import HookTokenFile
from tide.web.hooks import Hooks
from tide.web.last_known import LastKnown
from tide.web.status import DaemonStatus, Role, RoleKind

log = structlog.get_logger(component="tide")

STATE_DIES = (
    "The embedded database serves this one process on this host, and in a pod it ends with the pod: name one by "
    "--database-url, so that history and evidence stay, and other replicas can stand by."
)
OTHERS_MAY_PUSH = (
    "Merges by REST cannot pin the base: where others may push to a branch, a push in the moment of a merge is "
    "noticed right after it, and the branch is tested again before anything else lands."
)


@asynccontextmanager
async def assembled(
    options: RunOptions,
    redactor: Redactor | None = None,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Daemon]:
    """Put a daemon together that has all that it needs, for as long as the block runs; see `opened`.

    Raises:
        TideError: something that it needs is missing, wrong, or out of reach.
    """
    async with opened(options, redactor, sleep=sleep) as daemon:
        await daemon.start.at_once()
        yield daemon


@asynccontextmanager
async def opened(
    options: RunOptions,
    redactor: Redactor | None = None,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Daemon]:
    """Put a daemon together for as long as the block runs; nothing outside of this host has been asked yet.

    Args:
        options: what it is told.
        redactor: is told the secrets that must not be logged.
        sleep: waits for so many seconds between tries of a merge.

    Raises:
        TideError: something that it needs of this host is missing, or what it is told makes no sense.
    """
    clock = SystemClock()
    paths = ConfigPaths(
        options.config_path,
        options.job_config_path,
        options.merge_queue_config_path,
        options.supplemental_prow_config_dir,
        options.supplemental_suffix,
    )
    load = LoadOptions(
        trigger_by_default=options.prowjob_backend == "local",
        search_per_repository=options.search_per_repository,
        search_per_org=bool(options.github_app_id),
    )
    config = ConfigSource(paths, load)
    redactor = redactor or Redactor()
    credentials, hook_tokens = _credentials(options, redactor), _hook_tokens(options, redactor)
    history = start_history(options, redactor.hide)
    metrics = Metrics(clock)
    program = GitProgram()
    async with AsyncExitStack() as stack:
        await program.version()
        host = await stack.enter_async_context(
            github(
                _github_settings(options, config, clock),
                credentials,
                clock=clock,
                on_call=_counting(metrics),
                hide=redactor.hide_passing,
            )
        )
        make_usable(options.data_dir)
        url = await stack.enter_async_context(
            database(
                options.database_url,
                options.database_password_file,
                options.data_dir,
                is_durable=options.is_durable,
                hide=redactor.hide,
            )
        )
        if caution := _state_caution(options):
            log.warning(caution)
        connections = engine.opened(url)
        stack.push_async_callback(connections.dispose)
        # A deed must not wait for connections that syncs hold, nor fail as the first one after a restart.
        own = engine.opened(url, connections=4, is_tried=True)
        stack.push_async_callback(own.dispose)
        lead = await stack.enter_async_context(leading_beside(url, clock))
        found = _Opened(clock, metrics, program, host, connections, own, lead, hook_tokens, history)
        parts = _Parts(options, config, found)
        parts.status.clean = redactor.clean
        jobs = await stack.enter_async_context(backend(parts.surroundings(redactor)))
        needs = Needs(url, connections, host, jobs, history, parts.store)
        yield parts.daemon(jobs, start_with(needs, parts.status), sleep)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What had to be opened first."""

    clock: SteadyClock
    metrics: Metrics
    program: GitProgram
    host: GitHub
    connections: Connections
    connections_of_leases: Connections
    leading: LeadingBeside
    hook_tokens: HookTokenFile | None
    history: StartHistory


class _Parts:
    """The parts of a daemon, made in the order in which they need each other."""

    def __init__(self, options: RunOptions, config: ConfigSource, opened: _Opened) -> None:
        self.options, self.config = options, config
        self.clock, self.metrics, self.host = opened.clock, opened.metrics, opened.host
        self.connections, self.hook_tokens = opened.connections, opened.hook_tokens
        self.history = opened.history
        self.wakeups = Wakeups()
        self.store = PostgresStore(self.connections)
        self.views = PostgresViews(self.connections)
        self.git = BareRepositories(options.data_dir / "git", self.url_of, self.git_token, opened.program)
        self.inbox = PostgresInbox(self.connections)
        self.leases = PostgresLeases(opened.connections_of_leases, self.clock)
        self.leading = opened.leading
        self.status = StatusKeeper(self.clock, self._first_status())
        self.host.contact.on_outage = self.status.github_told
        self.known = LastKnown(self.views, self.clock, self.status.database_read, has_looked=self.status.has_looked)

    def url_of(self, repo: RepoKey) -> str:
        """Give where a repository is fetched from."""
        return f"{self.options.git_host_url}/{repo.org}/{repo.name}.git"

    async def git_token(self, repo: RepoKey) -> str:
        """Give the token that git shows."""
        return await self.host.token_for(repo.org)

    def kubernetes_told(self, error: str) -> None:
        """Keep what is heard of Kubernetes; look at everything that may have waited for it."""
        self.status.kubernetes_told(error)
        if not error:
            self.wakeups.look_at_all()

    def surroundings(self, redactor: Redactor) -> Surroundings:
        """Give what a backend needs."""
        return Surroundings(
            options=self.options,
            config=self.config,
            clock=self.clock,
            connections=self.connections,
            statuses=self.host,
            url_of=self.url_of,
            token_of=self.git_token,
            on_change=self.wakeups.look_at,
            on_outage=self.kubernetes_told,
            redactor=redactor,
        )

    def _first_status(self) -> DaemonStatus:
        return DaemonStatus(
            version=__version__,
            sync_period=self.config.sync_period,
            link_url=self.config.current.link_url,
            role=Role(RoleKind.DRY_RUN) if self.options.dry_run else Role(RoleKind.LEADERLESS),
            cautions=tuple(filter(None, (OTHERS_MAY_PUSH, _state_caution(self.options), self.history.caution))),
        )

    def daemon(self, jobs: Backend, start: Start, sleep: Callable[[float], Awaitable[None]]) -> Daemon:
        """Give the whole."""
        observer = Observers((LogObserver(self.status.is_logged), self.metrics, self.status))
        world = World(self.host, self.git, jobs.runner, self.store, observer, self.clock, self.leases, sleep)
        config, leadership = self.config, self._leadership(start)
        lease = None if self.options.dry_run else lambda: leadership.lease
        statuses = self._statuses(world, lease)
        sync = Sync(
            world,
            lambda: config.current,
            lease,
            concurrency=config.max_goroutines,
            wake=self.wakeups.look_at,
            statuses=statuses,
        )
        self._tell_status(sync, leadership)
        self.status.shut_out = jobs.shut_out
        hints = HintFollower(self.inbox, sync.look_near, self.status.sync_failed)
        status_loop = StatusLoop(statuses.round, lambda: config.current.status_update_period, self.status.sync_failed)
        statuses.ring = status_loop.ring
        return Daemon(
            options=self.options,
            start=start,
            config=config,
            sync=sync,
            store=self.store,
            views=self.views,
            known=self.known,
            backend=jobs,
            wakeups=self.wakeups,
            loop=Loop(self.wakeups, sync.round, sync.look_again, self.status.sync_failed),
            hints=hints,
            statuses=statuses,
            status_loop=status_loop,
            leadership=leadership,
            history=self.history.keeper(
                self.store, self.views, self.options.max_records_per_pool, self.status.history_told
            ),
            status=self.status,
            metrics=self.metrics,
            hooks=self._hooks(hints),
            lacks_tables=partial(lacks_tables, self.connections),
        )

    def _statuses(self, world: World, lease: Callable[[], Lease] | None) -> Statuses:
        allowance = status_allowance(self.options.status_hourly_tokens, self.clock)
        world = replace(world, code_host=self.host.with_writes_counted(allowance))
        return Statuses(world, lease, self.options.public_url, is_spent=allowance.is_spent)

    def _leadership(self, start: Start) -> Leadership:
        # A process that was killed and begins anew is another one, even where pods and process ids come again.
        holder = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4()}"
        return Leadership(
            self.leading.leases,
            holder,
            self.clock,
            self.status.leadership_failed,
            beside=self.leading.thread,
            may_lead=lambda: start.is_done,
        )

    def _tell_status(self, sync: Sync, leadership: Leadership) -> None:
        config = self.config
        self.status.errors = lambda: sync.search_errors
        self.status.queries = lambda: config.current.queries
        self.status.problems = lambda: (tuple(map(str, config.problems)), config.broken_since)
        self.status.config_cautions = lambda: config.cautions
        if not self.options.dry_run:
            self.status.leadership = lambda: leadership.role
        self.metrics.is_syncing = self.status.is_syncing
        self.metrics.is_leading, self.metrics.outages = self.status.is_leading, self.status.outages
        self.metrics.config_loaded(self.clock.now())

    def _hooks(self, hints: HintFollower) -> Hooks | None:
        if self.hook_tokens is None:
            return None
        return Hooks(
            tokens=self.hook_tokens.tokens,
            inbox=self.inbox,
            clock=self.clock,
            ring=hints.ring,
            blocker_label=lambda: self.config.current.blocker_label,
        )


def _state_caution(options: RunOptions) -> str:
    return STATE_DIES if options.prowjob_backend == "kubernetes" and options.database_url is None else ""


def _credentials(options: RunOptions, redactor: Redactor) -> TokenFile | AppIdentity:
    """Give what we show to GitHub; what cannot be read is told now, not at the first request."""
    if options.github_app_id and options.github_app_private_key_path:
        identity = AppIdentity(options.github_app_id, options.github_app_private_key_path)
        AppKey(identity).check()
        return identity
    if options.github_token_path is None:
        raise ConfigError(Problem("--github-token-path", 0, "", "a file with a GitHub token is needed"))
    token = TokenFile(options.github_token_path, redactor.hide)
    token.token()
    return token


def _hook_tokens(options: RunOptions, redactor: Redactor) -> HookTokenFile | None:
    return HookTokenFile(options.webhook_secret_file, redactor.hide) if options.webhook_secret_file else None


def _github_settings(options: RunOptions, config: ConfigSource, clock: SteadyClock) -> GitHubSettings:
    return GitHubSettings(
        endpoints=options.github_endpoint,
        graphql_endpoint=options.github_graphql_endpoint,
        host=options.git_host_url,
        request_timeout=options.request_timeout,
        patience=Patience(retries=options.max_retries),
        allowance=sync_allowance(options.sync_hourly_tokens, config.sync_period, clock),
        asks_for_reviews=lambda: ask_for_reviews(config.current.queries),
    )


def _counting(metrics: Metrics) -> Callable[[CallKind, int], None]:
    def count(kind: CallKind, points: int) -> None:
        metrics.github_called(kind)
        metrics.graphql_points_spent(points)

    return count
