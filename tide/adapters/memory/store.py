"""All that a sync remembers, in memory."""

from tide.adapters.memory.batches import MemoryBatches
from tide.adapters.memory.decisions import MemoryDecisions
from tide.adapters.memory.history import MemoryHistory
from tide.adapters.memory.intents import MemoryIntents
from tide.adapters.memory.marks import MemoryMarks
from tide.adapters.memory.mirror import MemoryMirror
from tide.adapters.memory.retests import MemoryRetests
from tide.adapters.memory.runs import MemoryRuns
from tide.adapters.memory.standings import MemoryStandings
from tide.adapters.memory.statuses import MemoryStatuses


class MemoryStore(
    MemoryMirror,
    MemoryRuns,
    MemoryBatches,
    MemoryStandings,
    MemoryIntents,
    MemoryDecisions,
    MemoryHistory,
    MemoryRetests,
    MemoryStatuses,
    MemoryMarks,
):
    """Keeps everything in its tables (tide.ports.store.Store)."""
