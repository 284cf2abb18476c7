"""The history file of --history-uri, as a daemon is put together."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from tide.adapters.history.places import HistorySettings, lacks_extra, stored_history
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.app.options import RunOptions
from tide.daemon.history import HistoryKeeper
from tide.domain.errors import Permanent, TideError
from tide.domain.records import HistoryRecord
from tide.ports.history import HistoryFile

log = structlog.get_logger(component="tide")


@dataclass(slots=True)
class StartHistory:
    """The history file at the start; no `file` where none is kept, with the `caution` why not."""

    file: HistoryFile | None = None
    caution: str = ""
    _found: tuple[HistoryRecord, ...] = ()

    async def read(self) -> None:
        """Read what is in the file.

        Raises:
            Transient: it cannot be read just now.
            TideError: it is no history, or will not be read as things are.
        """
        try:
            self._found = await self.file.news() if self.file else ()
        except Permanent as error:
            raise TideError(str(error)) from error

    async def take_over(self, store: PostgresStore) -> None:
        """Take over into the database what was read.

        Raises:
            StoreError: the database is out of reach.
        """
        if taken := await store.take_over_history(self._found):
            log.info("history was taken over", records=taken)
        self._found = ()

    def keeper(
        self, store: PostgresStore, views: PostgresViews, limit: int, told: Callable[[str], None]
    ) -> HistoryKeeper | None:
        """Give who keeps the file from now on."""
        return HistoryKeeper(self.file, store.take_over_history, views, limit, told) if self.file else None


def start_history(options: RunOptions, hide: Callable[[str], None]) -> StartHistory:
    """Find the place of the history file, if there is to be one; `hide` is told the secrets of it.

    Raises:
        ConfigError: the address or the credentials cannot be used.
    """
    uri = options.history_uri
    if not uri:
        return StartHistory()
    if lacks_extra(uri):
        # Prow's own Deployment names a bucket, and starts us unchanged.
        caution = f"History is not kept in {uri}: install the extra `buckets`. It is kept in the database alone."
        log.warning(caution)
        return StartHistory(caution=caution)
    settings = HistorySettings(
        uri=uri,
        limit=options.max_records_per_pool,
        gcs_credentials_file=options.gcs_credentials_file,
        s3_credentials_file=options.s3_credentials_file,
    )
    return StartHistory(stored_history(settings, os.environ, hide))
