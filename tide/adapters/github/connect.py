"""Connect to GitHub."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tide.adapters.github.allowance import Allowance
from tide.adapters.github.app import AppCredentials
from tide.adapters.github.app_key import AppIdentity
from tide.adapters.github.branch_rules import BranchRulesReader
from tide.adapters.github.calls import Calls, OnCall
from tide.adapters.github.client import Client
from tide.adapters.github.code_host import GitHub
from tide.adapters.github.credentials import Credentials
from tide.adapters.github.endpoints import GITHUB, Endpoints, graphql_address
from tide.adapters.github.graph import open_graph
from tide.adapters.github.host_clock import HostClock
from tide.adapters.github.limits import Governor, Pace, Sleep
from tide.adapters.github.pulls import PullReader
from tide.adapters.github.retries import Patience
from tide.adapters.github.token import TokenFile
from tide.adapters.github.wire import Addresses, Wire, http_client
from tide.ports.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubSettings:
    """Where GitHub is and how to treat it (Prow: the `--github-*` flags, under the same defaults).

    `asks_for_reviews` tells whether it matters what reviews come to where a branch asks for none.

    Without a `graphql_endpoint` it is taken from the first of the endpoints that is GitHub's own, else from `host`,
    where git finds GitHub.
    """

    endpoints: tuple[str, ...] = ("https://api.github.com",)
    graphql_endpoint: str = ""
    host: str = GITHUB
    request_timeout: timedelta = timedelta(minutes=2)
    patience: Patience = field(default_factory=Patience)
    pace: Pace = field(default_factory=Pace)
    allowance: Allowance = field(default_factory=Allowance)
    asks_for_reviews: Callable[[], bool] = lambda: False


@asynccontextmanager
async def github(
    settings: GitHubSettings,
    credentials: Credentials | Path | AppIdentity,
    *,
    clock: Clock,
    on_call: OnCall | None = None,
    hide: Callable[[str], None] = lambda _token: None,
    sleep: Sleep = asyncio.sleep,
) -> AsyncIterator[GitHub]:
    """Give GitHub for as long as the context is open.

    Args:
        settings: Where and how.
        credentials: What to show, or the file that holds a token, or which GitHub App we are.
        clock: Tells the time of this machine; what GitHub names is compared to GitHub's own (see `host_clock`).
        on_call: Told of every request.
        hide: Told of each token before it is used, so that no log shows it.
        sleep: Waits for rate limits.
    """
    host_clock = HostClock(clock)
    calls, governor = Calls(on_call), Governor(host_clock, sleep, settings.pace)
    async with http_client(settings.request_timeout) as http:
        wire = Wire(http=http, addresses=_addresses(settings, clock), governor=governor, clock=host_clock)
        if isinstance(credentials, AppIdentity):
            credentials = AppCredentials(credentials, wire=wire, calls=calls, clock=host_clock, hide=hide)
        elif isinstance(credentials, Path):
            credentials = TokenFile(credentials, hide)
        client = Client(
            wire=wire,
            credentials=credentials,
            calls=calls,
            patience=settings.patience,
            allowance=settings.allowance,
        )
        async with open_graph(client, host_clock) as graph:
            yield GitHub(client, graph, PullReader(graph, settings.asks_for_reviews), BranchRulesReader(client, graph))


def _addresses(settings: GitHubSettings, clock: Clock) -> Addresses:
    graphql = settings.graphql_endpoint or graphql_address(settings.endpoints, settings.host)
    return Addresses(
        rest=Endpoints(settings.endpoints, clock),
        graphql=Endpoints([graphql], clock),
        request_timeout=settings.request_timeout,
    )
