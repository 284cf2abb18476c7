"""An object in a bucket of GCS or S3, by obstore (the extra `buckets`).

Its plain functions are called in threads: its asynchronous ones go on in threads of its own that may end the process
with an abort when they meet an interpreter that is being shut down.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import obstore
import structlog
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import GCSStore, S3Store

from tide.adapters.history.credentials import S3Credentials, s3_credentials
from tide.adapters.kept_file import Identity, identity
from tide.domain.errors import NotFound, Permanent, RemoteError, TideError, Unauthorized, Unavailable

if TYPE_CHECKING:  # obstore has no such names when it runs
    from obstore.store import ClientConfig, GCSConfig, RetryConfig, S3Config

T = TypeVar("T")
Store = GCSStore | S3Store

_log = structlog.get_logger(__name__)
_LONGEST_MESSAGE = 300
# No more than this, so that a bucket which hangs delays neither a start nor an end by more than some ten seconds.
_PATIENCE = timedelta(seconds=10)
_RETRIES: "RetryConfig" = {"max_retries": 2, "retry_timeout": _PATIENCE}
_CLIENT: "ClientConfig" = {"timeout": _PATIENCE, "connect_timeout": timedelta(seconds=5)}
_UNENCRYPTED: "ClientConfig" = {**_CLIENT, "allow_http": True}
_JSON = {"Content-Type": "application/json"}


class BucketObject:
    """An object in a bucket (tide.adapters.history.stored.Place).

    The store is opened anew after its file of credentials has changed, and after a call that failed: other files that
    it reads by itself may have changed as well. While that cannot be done the last one stays in use, which is told
    once.

    Args:
        open_store: opens the store by what the files hold now.
        key: the object's name in it.
        credentials_file: holds who we are there.

    Raises:
        TideError: it cannot be opened now.
    """

    def __init__(self, open_store: Callable[[], Store], key: str, credentials_file: Path | None) -> None:
        self._open, self._key, self._file = open_store, key, credentials_file
        self._seen = self._identity()
        self._store = open_store()
        self._has_failed = False
        self._told = ""

    async def read(self) -> bytes | None:
        """Give the object; None where there is none.

        Raises:
            RemoteError: it cannot be read, or there is no such bucket.
        """

        def get() -> bytes | None:
            try:
                return bytes(obstore.get(self._current(), self._key).bytes())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error) or "bucket does not exist" in str(error):
                    raise
                return None

        return await self._mapped("read", get)

    async def write(self, content: bytes) -> None:
        """Put the object in the place of what is there.

        Raises:
            RemoteError: it cannot be written.
        """
        # In one request: the parts of a bigger upload would stay behind where it breaks off.
        await self._mapped(
            "written",
            lambda: obstore.put(self._current(), self._key, content, use_multipart=False, attributes=_JSON),
        )

    async def _mapped(self, verb: str, call: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(call)
        except (BaseError, OSError, ValueError) as error:
            self._has_failed = True
            raise _kind(error)(f"it cannot be {verb}: {_told(error)}") from None

    def _current(self) -> Store:
        seen = self._identity()
        if seen == self._seen and not self._has_failed:
            return self._store
        try:
            self._store = self._open()
        except TideError as error:
            if str(error) != self._told:
                self._told = str(error)
                _log.warning("the last credentials for the history stay in use", problem=self._told)
        else:
            self._seen, self._has_failed, self._told = seen, False, ""
        return self._store

    def _identity(self) -> Identity:
        return identity(self._file) if self._file else None


def gcs_object(bucket: str, key: str, credentials_file: Path | None = None, emulator: str = "") -> BucketObject:
    """Give an object of GCS.

    Args:
        bucket: the name of the bucket.
        key: the object's name in it.
        credentials_file: a service account's key, or a user's as gcloud writes it; without one, what the machine or
            the pod is allowed to (Google: Application Default Credentials).
        emulator: where an emulator is to be asked in the place of GCS (Google: STORAGE_EMULATOR_HOST).

    Raises:
        Permanent: obstore cannot use this.
    """
    client = _CLIENT
    config: GCSConfig = {}
    if emulator:
        base_url = emulator if "://" in emulator else f"http://{emulator}"
        client, config = _UNENCRYPTED, {"base_url": base_url.rstrip("/"), "bearer_token": "emulated"}
    elif credentials_file:
        config = {"application_credentials": str(credentials_file)}

    def opened() -> GCSStore:
        with _understood():
            return GCSStore(bucket, config=config, client_options=client, retry_config=_RETRIES)

    return BucketObject(opened, key, credentials_file)


def s3_object(
    bucket: str,
    key: str,
    credentials_file: Path | None = None,
    hide: Callable[[str], None] = lambda _secret: None,
) -> BucketObject:
    """Give an object of S3, or of what speaks its protocol.

    Without credentials it is what the machine or the pod is allowed to (AWS: the default chain, with its AWS_*
    variables). The bucket is named in the path, which all that speak the protocol understand, also where a
    certificate or a DNS zone knows no names below the endpoint's: so `s3_force_path_style` changes nothing. `hide` is
    told of each secret before it is used.

    Raises:
        Permanent: obstore cannot use this.
        ConfigError: the file cannot be read, or is not of its form.
    """

    def opened() -> S3Store:
        given = s3_credentials(credentials_file) if credentials_file else S3Credentials()
        hide(given.secret_key.get_secret_value())
        client = _UNENCRYPTED if given.url.startswith("http://") else _CLIENT
        with _understood():
            return S3Store(bucket, config=_s3_config(given), client_options=client, retry_config=_RETRIES)

    return BucketObject(opened, key, credentials_file)


def _s3_config(given: S3Credentials) -> "S3Config":
    config: S3Config = {}
    if given.region:
        config["region"] = given.region
    if given.url:
        config["endpoint"] = given.url
    if given.access_key and (secret := given.secret_key.get_secret_value()):
        config |= {"access_key_id": given.access_key, "secret_access_key": secret}
    return config


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except (BaseError, ValueError, OSError) as error:
        raise Permanent(_told(error)) from None


def _kind(error: Exception) -> type[RemoteError]:
    match error:
        case PermissionDeniedError() | UnauthenticatedError():
            return Unauthorized
        case FileNotFoundError():
            return NotFound
        case _:
            return Unavailable


def _told(error: Exception) -> str:
    """Give what was said in one line, without the inside of the library that follows."""
    text = " ".join(str(error).partition("\n\nDebug source:")[0].split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
