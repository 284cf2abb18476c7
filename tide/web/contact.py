"""How long an answer of the store is waited for, and what is heard of the store meanwhile.

Who asks while it takes long is told what is known, at once; the question that takes long is seen to its end meanwhile,
and its answer is what is known from then on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from tide.domain.errors import StoreError, TideError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long an answer of the store is waited for: where something is `known` already, and where nothing is.

    On a starved host a store is slow, which is no outage; one that says nothing for `dead` is taken for one.
    """

    known: timedelta = timedelta(seconds=1)
    unknown: timedelta = timedelta(seconds=5)
    dead: timedelta = timedelta(seconds=30)


class NothingKnownError(TideError):
    """Nobody has looked at everything yet, so that nothing can be said of what is there."""


class Contact:
    """Asks the store; `is_lost` tells that it was last heard to fail.

    Args:
        told: hears "" whenever the store has answered, else what went wrong.
        probe: asks the store something whose answer is kept.
        waits: how long an answer is waited for.
    """

    def __init__(self, told: Callable[[str], None], probe: Callable[[], Awaitable[object]], waits: Waits) -> None:
        self.waits = waits
        self.is_lost = False
        self._told = told
        self._probe = probe
        self._slow: dict[asyncio.Future[Any], asyncio.Task[None]] = {}

    @property
    def is_slow(self) -> bool:
        """Tell whether the store has taken a question and not answered it in time."""
        return bool(self._slow)

    async def answer(self, asked: Awaitable[T], recall: Callable[[], T | None], *, is_kept: bool, in_haste: bool) -> T:
        """Wait for an answer, or give what is known where it does not come soon.

        Args:
            asked: the question.
            recall: gives what is known, None where that is nothing.
            is_kept: the answer is kept, so that it is waited for although nobody asks any more.
            in_haste: who asks knows an earlier answer, and is told soon that there is no later one.

        Raises:
            StoreError: it went wrong, or the answer does not come in time and nothing is known.
            NothingKnownError: that is the answer.
        """
        question = asyncio.ensure_future(asked)
        known, unknown = self.waits.known, self.waits.unknown
        waits = (known,) if in_haste else (known, unknown - known)
        try:
            for wait in waits:
                await asyncio.wait({question}, timeout=wait.total_seconds())
                if question.done():
                    return self._heard(question)
                if wait is waits[0]:
                    self._see_to_end(question) if is_kept else self._find_out()
                found = recall()
                if found is not None:
                    return found
        finally:
            if question not in self._slow:
                question.cancel()
        raise StoreError(f"database: no answer within {sum(waits, timedelta()).total_seconds():g} s")

    def _heard(self, question: "asyncio.Future[T]") -> T:
        """Give the answer to a question, and tell that there is one, or what went wrong."""
        try:
            answer = question.result()
        except StoreError as error:
            self._tell(str(error))
            raise
        except NothingKnownError:
            self._tell("")
            raise
        self._tell("")
        return answer

    def _tell(self, error: str) -> None:
        self.is_lost = bool(error)
        self._told(error)

    def _see_to_end(self, question: "asyncio.Future[Any]") -> None:
        """Wait for an answer beside all else."""
        self._slow[question] = asyncio.create_task(self._wait_for(question))

    def _find_out(self) -> None:
        """Ask whether the store answers at all, where an answer did not come that nobody waits for any more."""
        if not self.is_slow:
            self._see_to_end(asyncio.ensure_future(self._probe()))

    async def _wait_for(self, question: "asyncio.Future[Any]") -> None:
        seconds = self.waits.dead.total_seconds()
        try:
            done, _ = await asyncio.wait({question}, timeout=seconds)
            if not done:
                self._tell(f"database: no answer within {seconds:g} s")
                await asyncio.wait({question})
            with suppress(StoreError, NothingKnownError):
                self._heard(question)
        finally:
            del self._slow[question]
