"""Bodies of answers: shared by all who are sent the same one, and sent no faster than they are read."""

import asyncio
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import pack

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PIECE = 64 * 1024
_LEVEL = 4
_GZIP = 16 + zlib.MAX_WBITS  # a gzip header and trailer around it (zlib.compressobj)
# Deflate, no name, no time, an unknown system (RFC 1952, 2.3); and a last block with nothing in it (RFC 1951, 3.2.6).
_GZIP_HEAD, _LAST_SECTION = b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"\x03\0"


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is kept: in pieces that are made as they are sent, of so many bytes in all, and compressed."""

    pieces: Callable[[], Iterable[bytes | memoryview]]
    length: int
    compressed: bytes

    @classmethod
    def of(cls, plain: bytes) -> "Body":
        """Keep a body; this takes long for a big one, and belongs into a thread."""
        return cls(lambda: _cut(plain), len(plain), _compressed([plain]))

    @classmethod
    def of_sections(cls, pieces: Callable[[], Iterable[bytes | memoryview]], sections: Iterable[bytes]) -> "Body":
        """Keep a body that is too big to be kept as one; this belongs into a thread.

        Args:
            pieces: gives it piece by piece.
            sections: the same, each part made by `compressed_section`.
        """
        length = crc = 0
        for piece in pieces():
            length, crc = length + len(piece), zlib.crc32(piece, crc)
        return cls(pieces, length, b"".join([_GZIP_HEAD, *sections, _LAST_SECTION, pack("<LL", crc, length % 2**32)]))


def compressed_section(pieces: Iterable[bytes]) -> bytes:
    """Compress a part of a body by itself, so that it can stay when another part changes.

    It ends on a whole byte and refers to nothing before it (zlib manual: Z_FULL_FLUSH), so that sections follow each
    other as one stream.
    """
    compressor = zlib.compressobj(_LEVEL, wbits=-zlib.MAX_WBITS)
    return b"".join([*map(compressor.compress, pieces), compressor.flush(zlib.Z_FULL_FLUSH)])


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a body, with the same compressed."""

    plain: bytes
    compressed: bytes

    @classmethod
    def of(cls, plain: bytes) -> "Section":
        """Make one; that of a big part belongs into a thread."""
        return cls(plain, compressed_section([plain]))


def listed(begin: Section, parts: Sequence[Section], end: Section) -> Body:
    """Put parts together with commas between them, and something around them; this belongs into a thread."""
    between = [COMMA] * (len(parts) - 1) + [_NOTHING]
    inside = [one for part, comma in zip(parts, between, strict=False) for one in (part, comma)]
    sections = [begin, *inside, end]
    return Body.of_sections(
        lambda: (piece for one in sections for piece in _cut(one.plain)), [one.compressed for one in sections]
    )


class SharedResponse(Response):
    """An answer whose body others are sent too.

    It is sent in pieces: what is handed over as a whole lies in the buffer of its connection until it is read.
    """

    def __init__(self, request: Request, body: Body, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(None, 200, headers, media_type)
        self._is_compressed = "gzip" in request.headers.get("accept-encoding", "")
        if self._is_compressed:
            self.headers["content-encoding"] = "gzip"
        self.headers.add_vary_header("Accept-Encoding")
        self.headers["content-length"] = str(len(body.compressed) if self._is_compressed else body.length)
        self._shared = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in _cut(self._shared.compressed) if self._is_compressed else self._shared.pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)  # a fast reader is no reason to let all others wait
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _cut(whole: bytes) -> Iterator[memoryview]:
    view = memoryview(whole)
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]


def _compressed(pieces: Iterable[bytes]) -> bytes:
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP)
    return b"".join([*map(compressor.compress, pieces), compressor.flush()])


COMMA, _NOTHING = Section.of(b","), Section(b"", b"")
