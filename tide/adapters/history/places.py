"""From --history-uri to the place that it names."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tide.adapters.history.local_file import LocalFile
from tide.adapters.history.stored import Place, StoredHistory
from tide.domain.errors import ConfigError, Permanent, Problem

FLAG = "--history-uri"
_BUCKETS = frozenset({"gs", "s3"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """Where the history is, how many records per pool, and who we are in the buckets."""

    uri: str
    limit: int
    gcs_credentials_file: Path | None = None
    s3_credentials_file: Path | None = None


def lacks_extra(uri: str) -> bool:
    """Tell whether this is a bucket, and what it takes to reach one is not installed."""
    return urlsplit(uri).scheme in _BUCKETS and importlib.util.find_spec("obstore") is None


def stored_history(
    settings: HistorySettings, environment: Mapping[str, str], hide: Callable[[str], None] = lambda _secret: None
) -> StoredHistory:
    """Give the history file; nothing is read of it yet. Ask `lacks_extra` first.

    Args:
        settings: where it is.
        environment: may name an emulator of GCS (Google: STORAGE_EMULATOR_HOST).
        hide: is told of each secret before it is used, so that no log shows it.

    Raises:
        ConfigError: the address or a file with credentials cannot be used.
    """
    try:
        return StoredHistory(settings.uri, _place(settings, environment, hide), settings.limit)
    except Permanent as error:
        raise _refused(str(error)) from error


def _place(settings: HistorySettings, environment: Mapping[str, str], hide: Callable[[str], None]) -> Place:
    parts = urlsplit(settings.uri)
    if parts.scheme in _BUCKETS:
        bucket, key = parts.netloc, unquote(parts.path).removeprefix("/")
        if not (bucket and key) or key.endswith("/"):
            raise _refused(f"{settings.uri} names no object in a bucket, as {parts.scheme}://BUCKET/FILE.json would")
        return _gcs(settings, bucket, key, environment) if parts.scheme == "gs" else _s3(settings, bucket, key, hide)
    if parts.scheme not in {"", "file"}:
        raise _refused(f"{parts.scheme}:// is none of what is known: a file, gs:// and s3://")
    return LocalFile(Path(unquote(parts.path) if parts.scheme else settings.uri).absolute())


def _gcs(settings: HistorySettings, bucket: str, key: str, environment: Mapping[str, str]) -> Place:
    from tide.adapters.history.buckets import gcs_object  # noqa: PLC0415 - the extra may not be installed

    path = settings.gcs_credentials_file
    if path and not path.is_file():
        raise ConfigError(Problem(str(path), 0, "--gcs-credentials-file", "there is no such file"))
    return gcs_object(bucket, key, path, environment.get("STORAGE_EMULATOR_HOST", ""))


def _s3(settings: HistorySettings, bucket: str, key: str, hide: Callable[[str], None]) -> Place:
    from tide.adapters.history.buckets import s3_object  # noqa: PLC0415 - the extra may not be installed

    return s3_object(bucket, key, settings.s3_credentials_file, hide)


def _refused(message: str) -> ConfigError:
    return ConfigError(Problem(FLAG, 0, "", message))
