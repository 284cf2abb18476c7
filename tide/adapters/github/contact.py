"""Whether GitHub answers at all."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Contact:
    """Tells when GitHub is not heard, and when it is again, long before reads have been tried as often as they are.

    `on_outage` is called with one line when it cannot be heard, and with "" when it can. A single failure is no outage;
    two with nothing heard in between are, and so is a request that has had no answer for `patience` seconds.
    """

    on_outage: Callable[[str], None] = lambda _error: None
    patience: float = 30.0
    _failures: int = 0
    _told: str = ""

    @contextmanager
    def asking(self, asked: str) -> Iterator[None]:
        """Tell of silence while the block waits for an answer."""
        silence = f"{asked}: no answer for {self.patience:g} s"
        timer = asyncio.get_running_loop().call_later(self.patience, self._tell, silence)
        try:
            yield
        finally:
            timer.cancel()

    def heard(self) -> None:
        """Note an answer, whatever it says."""
        self._failures = 0
        self._tell("")

    def failed(self, error: str) -> None:
        """Note a request that was not answered, or answered in GitHub's stead."""
        self._failures += 1
        if self._failures > 1:
            self._tell(error)

    def _tell(self, error: str) -> None:
        if error != self._told:
            self._told = error
            self.on_outage(error)
