"""Ask again when asking again may help: only where asking twice is the same as asking once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import stamina

from tide.domain.errors import RateLimited, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how long a read is tried (Prow: `--github-client.max-retries`, `.initial-delay`).

    `retries` come after the first try. The pause doubles from `first_wait` to `longest_wait`, with up to `jitter` on
    top; no try begins after `deadline`.
    """

    retries: int = 8
    deadline: timedelta = timedelta(minutes=2)
    first_wait: timedelta = timedelta(seconds=2)
    longest_wait: timedelta = timedelta(seconds=30)
    jitter: timedelta = timedelta(seconds=1)


def retrying(patience: Patience, is_worth_waiting: Callable[[datetime], bool]) -> stamina.BoundAsyncRetryingCaller:
    """Give a caller of async functions that tries again after an error that may pass.

    Args:
        patience: How often, how long.
        is_worth_waiting: Whether to try again when GitHub asks to wait until then. The wait itself is the governor's,
            who holds back every other request as well.
    """

    def worth(error: Exception) -> bool | float:
        if isinstance(error, RateLimited):
            return 0.0 if is_worth_waiting(error.until) else False
        return isinstance(error, Unavailable)

    return stamina.AsyncRetryingCaller(
        attempts=patience.retries + 1,
        timeout=patience.deadline,
        wait_initial=patience.first_wait,
        wait_max=patience.longest_wait,
        wait_jitter=patience.jitter,
    ).on(worth)
