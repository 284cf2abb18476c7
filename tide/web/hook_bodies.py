"""Of the body of a webhook only what hints are made of, whatever else it holds, and however much of it.

A payload may have megabytes, most of which nobody asks for: a JSON reader that builds all of it takes seconds and a
gigabyte for the worst of them, and nothing else runs meanwhile. Here all else is only passed over. What is too big
even for that is read by a process of its own: `python -m tide.web.hook_bodies` reads a body from its standard input.
"""

import asyncio
import json
import os
import sys
from typing import Any

import msgspec

from tide.adapters.children import bound

# As much as is passed over in a few hundredths of a second, for which the whole process stands still.
READ_HERE = 4 * 1024 * 1024
# No value that hints are made of is longer. GitHub lets an issue have 100 labels, with some 400 bytes each.
_LONGEST = 256 * 1024
_READER_SECONDS = 30.0
_REFUSED = 3

_NOTHING = msgspec.Raw()


class _Whole(msgspec.Struct):
    """What stands in a payload itself; objects first."""

    repository: msgspec.Raw = _NOTHING
    organization: msgspec.Raw = _NOTHING
    pull_request: msgspec.Raw = _NOTHING
    check_run: msgspec.Raw = _NOTHING
    check_suite: msgspec.Raw = _NOTHING
    issue: msgspec.Raw = _NOTHING
    label: msgspec.Raw = _NOTHING
    ref: msgspec.Raw = _NOTHING
    sha: msgspec.Raw = _NOTHING
    context: msgspec.Raw = _NOTHING


class _Part(msgspec.Struct):
    """What stands in one of its objects."""

    full_name: msgspec.Raw = _NOTHING
    login: msgspec.Raw = _NOTHING
    number: msgspec.Raw = _NOTHING
    head_sha: msgspec.Raw = _NOTHING
    name: msgspec.Raw = _NOTHING
    labels: msgspec.Raw = _NOTHING


async def payload_of(body: bytes | bytearray) -> dict[str, Any]:
    """Give what hints are made of, of a payload of any size; the event loop goes on meanwhile.

    Raises:
        ValueError: the body is no JSON object.
    """
    if len(body) <= READ_HERE:
        return await asyncio.to_thread(read_payload, body)
    return await _read_elsewhere(body)


def read_payload(body: bytes | bytearray) -> dict[str, Any]:
    """Read a payload, but for what is of no use; values that are longer than any of use are left out.

    Raises:
        ValueError: the body is no JSON object.
    """
    try:
        whole = msgspec.json.decode(body, type=_Whole)
        return {name: _value(raw) for name, raw in _fields(whole) if len(raw) <= _LONGEST or _is_object(raw)}
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("the body is not a JSON object") from None


def _value(raw: msgspec.Raw) -> Any:
    if not _is_object(raw):
        return msgspec.json.decode(raw)
    fields = _fields(msgspec.json.decode(raw, type=_Part))
    return {name: msgspec.json.decode(value) for name, value in fields if len(value) <= _LONGEST}


def _fields(struct: msgspec.Struct) -> list[tuple[str, msgspec.Raw]]:
    named = [(name, getattr(struct, name)) for name in struct.__struct_fields__]
    return [(name, raw) for name, raw in named if len(raw)]


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b"{"


async def _read_elsewhere(body: bytes | bytearray) -> dict[str, Any]:
    reader = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # a terminal's Ctrl-C is for us
    )
    async with bound(reader), asyncio.timeout(_READER_SECONDS):
        told, _ = await reader.communicate(body)
    if reader.returncode == _REFUSED:
        raise ValueError("the body is not a JSON object")
    if reader.returncode:
        raise RuntimeError(f"the reader of a payload has ended with {reader.returncode}")
    payload: dict[str, Any] = json.loads(told)
    return payload


def _main() -> None:
    try:
        payload = read_payload(sys.stdin.buffer.read())
    except ValueError:
        sys.exit(_REFUSED)
    sys.stdout.buffer.write(msgspec.json.encode(payload))


if __name__ == "__main__":
    _main()
