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
from tide.domain.records import HistoryRecord
from tide.ports.history import HistoryFile

log = structlog.get_logger(component="tide")


@dataclass(frozen=True, slots=True)
class OpenedHistory:
    """The history file as it was found at the start; no `file` where none is kept, with the `caution` why not."""

    file: HistoryFile | None = None
    found: tuple[HistoryRecord, ...] = ()
    caution: str = ""

    async def taken_over(
        self, store: PostgresStore, views: PostgresViews, limit: int, told: Callable[[str], None]
    ) -> HistoryKeeper | None:
        """Take over what was found; give who keeps the file from now on.

        Raises:
            StoreError: the database is out of reach.
        """
        if self.file is None:
            return None
        if taken := await store.take_over_history(self.found):
            log.info("history was taken over", records=taken)
        return HistoryKeeper(self.file, store.take_over_history, views, limit, told)


async def opened_history(options: RunOptions, hide: Callable[[str], None]) -> OpenedHistory:
    """Read the history file, if there is to be one; `hide` is told the secrets of its place.

    Raises:
        ConfigError: the address or the credentials cannot be used.
        RemoteError: the file cannot be read, or is no history.
    """
    uri = options.history_uri
    if not uri:
        return OpenedHistory()
    if lacks_extra(uri):
        # Prow's own Deployment names a bucket, and starts us unchanged.
        caution = f"History is not kept in {uri}: install the extra `buckets`. It is kept in the database alone."
        log.warning(caution)
        return OpenedHistory(caution=caution)
    settings = HistorySettings(
        uri=uri,
        limit=options.max_records_per_pool,
        gcs_credentials_file=options.gcs_credentials_file,
        s3_credentials_file=options.s3_credentials_file,
    )
    file = stored_history(settings, os.environ, hide)
    return OpenedHistory(file, await file.news())
