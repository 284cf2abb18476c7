"""An object in a bucket of GCS or S3, by obstore (the extra `buckets`).

Its plain functions are called in threads: its asynchronous ones go on in threads of its own that may end the process
with an abort when they meet an interpreter that is being shut down.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import GCSStore, S3Store

from tide.adapters.history.credentials import S3Credentials
from tide.domain.errors import NotFound, Permanent, RemoteError, Unauthorized, Unavailable

if TYPE_CHECKING:  # obstore has no such names when it runs
    from obstore.store import ClientConfig, GCSConfig, RetryConfig, S3Config

T = TypeVar("T")
_LONGEST_MESSAGE = 300
# No more than this, so that a bucket which hangs delays neither a start nor an end by more than some ten seconds.
_PATIENCE = timedelta(seconds=10)
_RETRIES: "RetryConfig" = {"max_retries": 2, "retry_timeout": _PATIENCE}
_CLIENT: "ClientConfig" = {"timeout": _PATIENCE, "connect_timeout": timedelta(seconds=5)}
_UNENCRYPTED: "ClientConfig" = {**_CLIENT, "allow_http": True}
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class BucketObject:
    """An object in a bucket (tide.adapters.history.stored.Place)."""

    store: GCSStore | S3Store
    key: str

    async def read(self) -> bytes | None:
        """Give the object; None where there is none.

        Raises:
            RemoteError: it cannot be read, or there is no such bucket.
        """

        def get() -> bytes | None:
            try:
                return bytes(obstore.get(self.store, self.key).bytes())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error) or "bucket does not exist" in str(error):
                    raise
                return None

        return await _mapped("read", get)

    async def write(self, content: bytes) -> None:
        """Put the object in the place of what is there.

        Raises:
            RemoteError: it cannot be written.
        """
        # In one request: the parts of a bigger upload would stay behind where it breaks off.
        await _mapped(
            "written",
            lambda: obstore.put(self.store, self.key, content, use_multipart=False, attributes=_JSON),
        )


def gcs_object(bucket: str, key: str, credentials_file: str = "", emulator: str = "") -> BucketObject:
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
        config = {"application_credentials": credentials_file}
    return _opened(lambda: GCSStore(bucket, config=config, client_options=client, retry_config=_RETRIES), key)


def s3_object(bucket: str, key: str, credentials: S3Credentials | None = None) -> BucketObject:
    """Give an object of S3, or of what speaks its protocol.

    Without credentials it is what the machine or the pod is allowed to (AWS: the default chain, with its AWS_*
    variables). The bucket is named in the path, which all that speak the protocol understand, also where a
    certificate or a DNS zone knows no names below the endpoint's: so `s3_force_path_style` changes nothing.

    Raises:
        Permanent: obstore cannot use this.
    """
    given = credentials or S3Credentials()
    config: S3Config = {}
    if given.region:
        config["region"] = given.region
    if given.url:
        config["endpoint"] = given.url
    if given.access_key and (secret := given.secret_key.get_secret_value()):
        config |= {"access_key_id": given.access_key, "secret_access_key": secret}
    client = _UNENCRYPTED if given.url.startswith("http://") else _CLIENT
    return _opened(lambda: S3Store(bucket, config=config, client_options=client, retry_config=_RETRIES), key)


def _opened(make: Callable[[], GCSStore | S3Store], key: str) -> BucketObject:
    try:
        return BucketObject(make(), key)
    except (BaseError, ValueError, OSError) as error:
        raise Permanent(_told(error)) from None


async def _mapped(verb: str, call: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(call)
    except (BaseError, OSError, ValueError) as error:
        raise _kind(error)(f"it cannot be {verb}: {_told(error)}") from None


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
