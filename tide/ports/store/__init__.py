"""What is remembered between syncs, cut by who asks for it: a module each."""

from typing import Protocol

from tide.ports.store.batches import Batches
from tide.ports.store.decisions import Decisions
from tide.ports.store.history import History
from tide.ports.store.intents import Intents
from tide.ports.store.marks import Marks
from tide.ports.store.mirror import Mirror
from tide.ports.store.retests import Retests
from tide.ports.store.runs import Runs
from tide.ports.store.standings import Standings
from tide.ports.store.statuses import StatusLog


class Store(Mirror, Runs, Batches, Standings, Intents, Decisions, History, Retests, StatusLog, Marks, Protocol):
    """All that a sync remembers."""
