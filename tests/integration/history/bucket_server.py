"""A server of buckets: what S3 and GCS (as an emulator) do with objects that are read and written whole.

To S3's clients it says no unless the signature is right (AWS: Signature Version 4), computed here from what arrived.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from anyio.from_thread import start_blocking_portal
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tide.adapters.http_server import serving

ACCESS_KEY, SECRET_KEY, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "eu-west-3"


@dataclass
class BucketServer:
    """Holds objects by `bucket/key`; `troubles` are answered first, in turn. `port` is where it is.

    Where it `leads_to` another server, all are sent there.
    """

    is_signed: bool
    objects: dict[str, bytes] = field(default_factory=dict)
    buckets: set[str] = field(default_factory=lambda: {"acme-prow"})
    troubles: list[int] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    secret_key: str = SECRET_KEY
    leads_to: str = ""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: Request) -> Response:
        content = await request.body()
        self.requests.append(f"{request.method} {request.url.path}")
        self.headers.append(request.headers)
        if self.leads_to or self.troubles:
            led = {"location": f"{self.leads_to}{request.url.path}"}
            return (
                Response(status_code=307, headers=led) if self.leads_to else Response(status_code=self.troubles.pop(0))
            )
        if self.is_signed and not _is_signed_right(request, content, self.secret_key):
            return Response("<Error><Code>SignatureDoesNotMatch</Code></Error>", 403)
        bucket, _, key = request.path_params["name"].partition("/")
        if bucket not in self.buckets:
            return Response("<Error><Code>NoSuchBucket</Code></Error>", 404)
        if request.method == "PUT":
            self.objects[f"{bucket}/{key}"] = content
            self.types.append(request.headers.get("content-type", ""))
            return Response(headers={"etag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'})
        found = self.objects.get(f"{bucket}/{key}")
        if found is None:
            return Response("<Error><Code>NoSuchKey</Code></Error>", 404)
        headers = {"etag": '"one"', "last-modified": "Fri, 02 Jan 2026 03:04:05 GMT"}
        return Response(found, headers=headers)


@asynccontextmanager
async def bucket_server(*, is_signed: bool) -> AsyncIterator[BucketServer]:
    """Serve buckets on a free port of the loopback."""
    server = BucketServer(is_signed)
    app = Starlette(routes=[Route("/{name:path}", server.answer, methods=["GET", "PUT", "HEAD"])])
    async with serving(app, "127.0.0.1", 0) as port:
        server.port = port
        yield server


@contextmanager
def emulated_gcs() -> Iterator[BucketServer]:
    """Serve buckets as an emulator of GCS in a thread, for a program that is run meanwhile."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(bucket_server(is_signed=False)) as server,
    ):
        yield server


def _is_signed_right(request: Request, content: bytes, secret_key: str) -> bool:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    credential = parts.get("Credential", "").split("/")
    if scheme != "AWS4-HMAC-SHA256" or credential[0] != ACCESS_KEY or credential[2:4] != [REGION, "s3"]:
        return False
    digest = request.headers["x-amz-content-sha256"]
    if digest not in {hashlib.sha256(content).hexdigest(), "UNSIGNED-PAYLOAD"}:
        return False
    names = parts["SignedHeaders"].split(";")
    canonical = "\n".join(
        (
            request.method,
            quote(request.url.path, safe="/-_.~"),
            request.url.query,
            *(f"{name}:{' '.join(request.headers[name].split())}" for name in names),
            "",
            ";".join(names),
            digest,
        )
    )
    scope = "/".join(credential[1:])
    told = ("AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest())
    key = f"AWS4{secret_key}".encode()
    for part in (*credential[1:], "\n".join(told)):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(key.hex(), parts["Signature"])
