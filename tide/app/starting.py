"""The start: all that is needed of the outside is asked for until it is there, while the page is served.

What waiting may mend is waited for and told: what is out of reach, and what is missing in an installation that is still
being made. The rest ends the process: credentials that are refused, and a database that this program cannot work on.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from tide.domain.errors import Forbidden, RemoteError, StoreError, StoreRefused, TideError, Unauthorized
from tide.web.status import Awaited, System

log = structlog.get_logger(component="tide")

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


@dataclass(eq=False, slots=True)
class Step:
    """Something that the start needs: `reach` tries once to have it.

    `missing` says in words what is not there yet, `helps` what an operator can see to. `system` is what fails when it
    cannot be had, None where that is none of those that the daemon needs later on. It is not tried before those are
    there that it comes `after`; the pauses between tries grow to `longest_pause` seconds. After a try that failed
    `blamed` is the system that did, or `error` says what did.
    """

    missing: str
    helps: str
    reach: Callable[[], Awaitable[None]]
    system: System | None = None
    after: "tuple[Step, ...]" = ()
    longest_pause: float = LONGEST_PAUSE
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    blamed: System | None = None
    error: str = ""


@dataclass(slots=True)
class Start:
    """Takes the steps of a start; `store` is the one after which the database can be used.

    `told` hears of each system that fails why, and "" when it does not any more.
    """

    store: Step
    steps: Sequence[Step]
    told: Callable[[System, str], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    @property
    def is_done(self) -> bool:
        """Tell whether all is there."""
        return all(step.reached.is_set() for step in self.steps)

    @property
    def awaited(self) -> tuple[Awaited, ...]:
        """Give what is not there yet."""
        return tuple(
            Awaited(step.missing, step.helps, step.error, step.system)
            for step in self.steps
            if not step.reached.is_set()
        )

    async def at_once(self) -> None:
        """Take every step, each tried once.

        Raises:
            TideError: the first one could not be taken.
        """
        for step in self.steps:
            if not step.reached.is_set():
                await step.reach()
                step.reached.set()

    async def patiently(self) -> None:
        """Take every step, each tried until it is taken.

        Raises:
            ExceptionGroup: of a TideError that waiting does not mend.
        """
        async with asyncio.TaskGroup() as group:
            for step in self.steps:
                group.create_task(self._take(step))

    async def done(self) -> None:
        """Wait until all is there."""
        for step in self.steps:
            await step.reached.wait()

    async def _take(self, step: Step) -> None:
        for earlier in step.after:
            await earlier.reached.wait()
        pause = FIRST_PAUSE
        while not step.reached.is_set():
            try:
                await step.reach()
            except TideError as error:
                if not may_pass(error):
                    raise
                self._failed(step, error)
                # Replicas that wait for the same must not come back in step.
                await self.sleep(pause * random.uniform(1.0, 1.5))  # noqa: S311 - spreads load, guards nothing
                pause = min(2 * pause, step.longest_pause)
            else:
                step.reached.set()
                self._passed(step)

    def _failed(self, step: Step, error: TideError) -> None:
        system = System.DATABASE if isinstance(error, StoreError) else step.system
        if step.blamed and step.blamed is not system:
            self.told(step.blamed, "")
        if system:
            self.told(system, str(error))
        elif not step.error:
            log.error(step.missing, error=str(error))
        step.blamed, step.error = system, "" if system else str(error)

    def _passed(self, step: Step) -> None:
        if step.blamed:
            self.told(step.blamed, "")
        elif step.error:
            log.info("what was waited for is there", after=step.missing)


def may_pass(error: TideError) -> bool:
    """Tell whether asking again may help, also where somebody has to grant or install something first."""
    match error:
        case StoreRefused():
            return False
        case Forbidden():
            return True
        case Unauthorized():
            return False
        case _:
            return isinstance(error, StoreError | RemoteError)
