"""One value for all who ask, made anew only when what it is made of has changed."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Fresh(Generic[K, T]):
    """Gives what `make` made of what `read` gives; whoever asks gets what was read after he asked.

    All who ask while one reads and makes wait for that, and the first of them then reads once for all of them: however
    many ask, it is made by one at a time. Equal readings make equal values, so the one that is there is given again.
    What went wrong is told to all who waited for it, and tried again for the next.
    """

    def __init__(self, read: Callable[[], Awaitable[K]], make: Callable[[K], Awaitable[T]]) -> None:
        self._read = read
        self._make = make
        self._turns = count()
        self._begun = -1
        self._lock = asyncio.Lock()
        self._made: tuple[K, T] | None = None
        self._error: Exception | None = None

    async def get(self) -> T:
        """Give the value.

        Raises:
            Exception: what reading or making it raised.
        """
        asked = next(self._turns)
        async with self._lock:
            if self._begun < asked:
                await self._refresh()
            if self._error is not None:
                raise self._error.with_traceback(None)
            if self._made is None:
                raise RuntimeError("nothing was made, and nothing went wrong")
            return self._made[1]

    async def _refresh(self) -> None:
        begun, self._error = next(self._turns), None
        try:
            key = await self._read()
            if self._made is None or self._made[0] != key:
                self._made = (key, await self._make(key))
        except Exception as error:  # noqa: BLE001 - it is raised to each who asked
            self._error = error
        self._begun = begun  # not when cancelled: the next one begins again
