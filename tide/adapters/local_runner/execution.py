"""Runs one ProwJob from its work tree to its verdict."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tide.adapters.local_runner.checkout import Checkout
from tide.adapters.local_runner.directory import Directory
from tide.adapters.local_runner.instructions import CannotRunError, instructions
from tide.adapters.local_runner.leftovers import kill_leftovers
from tide.adapters.local_runner.process import hand_over, job_account, run_process
from tide.adapters.local_runner.transitions import verdict
from tide.domain.runs import RunState


@dataclass(frozen=True, slots=True)
class Execution:
    """Runs ProwJobs in `directory`; at most `log_limit` bytes of each one's output are kept."""

    checkout: Checkout
    directory: Directory
    default_timeout: timedelta
    log_limit: int

    async def run(self, prowjob: Mapping[str, Any]) -> tuple[RunState, str]:
        """Run a ProwJob; give its final state and description. Everything of it is gone afterwards but its log."""
        name = prowjob["metadata"]["name"]
        try:
            return await self._run(prowjob, name)
        except CannotRunError as error:
            with self.directory.log(name).open("a") as log:
                log.write(f"{error}\n")
            return RunState.ERROR, str(error)
        finally:
            await asyncio.shield(asyncio.to_thread(self._clean_up, name))

    async def _run(self, prowjob: Mapping[str, Any], name: str) -> tuple[RunState, str]:
        todo = instructions(prowjob, self.default_timeout)
        home, account = self.directory.make_work(name), job_account()
        work_dir = await self.checkout.make(prowjob, home)
        await asyncio.to_thread(hand_over, home, account)
        ending = await run_process(
            todo,
            work_dir=work_dir,
            home=home,
            log=self.directory.log(name),
            log_limit=self.log_limit,
            account=account,
        )
        return verdict(ending)

    def _clean_up(self, name: str) -> None:
        # A daemon that left the process group still carries the job's environment.
        kill_leftovers([self.directory.work(name)])
        self.directory.remove_work(name)
