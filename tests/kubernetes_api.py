"""The API server served alone on the loopback, with faults; ``tide.sandbox.server`` serves it beside GitHub."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware

from tide.adapters.http_server import bound_socket, serving_on
from tide.sandbox.fault_layer import FaultLayer
from tide.sandbox.faults import Faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from tide.sandbox.kubernetes.api import KubernetesApi

LOOPBACK = "127.0.0.1"
_GRACE_SECONDS = 1


@dataclass(frozen=True)
class ServedApi:
    """An API server that can be reached.

    Args:
        url: where.
        api: the server itself.
        faults: what goes wrong.
    """

    url: str
    api: KubernetesApi
    faults: Faults


@asynccontextmanager
async def serving_api(
    api: KubernetesApi, *, now: Callable[[], datetime], port: int = 0, seed: int = 0
) -> AsyncIterator[ServedApi]:
    """Serve an API server while the context lasts.

    Args:
        api: what is served.
        now: the clock of faults.
        port: 0 takes a free one.
        seed: fixes the chances of faults.

    Raises:
        TideError: the port is in use.
    """
    faults = Faults(seed)
    app = Starlette(routes=list(api.routes()), middleware=[Middleware(FaultLayer, faults=faults, now=now)])
    listening = bound_socket(LOOPBACK, port)
    async with serving_on(listening, app, grace_seconds=_GRACE_SECONDS):
        yield ServedApi(f"http://{LOOPBACK}:{listening.getsockname()[1]}", api, faults)
        api.drop_watches()
