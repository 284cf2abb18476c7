"""The outside as a sync sees it: one of each port."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tide.ports.clock import SteadyClock
from tide.ports.code_host import CodeHost
from tide.ports.git import Git
from tide.ports.job_runner import JobRunner
from tide.ports.leases import Leases
from tide.ports.observer import Observer
from tide.ports.store import Store


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a sync may ask or change.

    `sleep` waits for so many seconds; it is here so that tests need not wait.
    """

    code_host: CodeHost
    git: Git
    runner: JobRunner
    store: Store
    observer: Observer
    clock: SteadyClock
    leases: Leases
    sleep: Callable[[float], Awaitable[None]]
