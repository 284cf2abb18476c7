"""What somebody asked to be run again."""

from dataclasses import dataclass
from datetime import datetime

from tide.domain.keys import PullKey


@dataclass(frozen=True, slots=True)
class Retest:
    """A job that is asked for again on a head; `run_name` is the run that it got, "" as long as it has none."""

    pull: PullKey
    head_sha: str
    context: str
    asked_at: datetime
    run_name: str = ""
