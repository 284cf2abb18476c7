"""Runs one ProwJob from its work tree to its verdict."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tide.adapters.coreutils import give
from tide.adapters.local_runner import disk
from tide.adapters.local_runner.accounts import Accounts, Claim, NoAccountError
from tide.adapters.local_runner.checkout import Checkout
from tide.adapters.local_runner.directory import Directory
from tide.adapters.local_runner.instructions import CannotRunError, instructions
from tide.adapters.local_runner.job_log import JobLog
from tide.adapters.local_runner.leftovers import kill_leftovers
from tide.adapters.local_runner.limits import Limits, Symptoms
from tide.adapters.local_runner.process import Place, run_process
from tide.adapters.local_runner.transitions import verdict
from tide.domain.runs import RunState


@dataclass(frozen=True, slots=True)
class Execution:
    """Runs ProwJobs in `directory`; at most `log_limit` bytes of each one's output are kept.

    Each has one of the `accounts` while it runs; None: all are ours.
    """

    checkout: Checkout
    directory: Directory
    accounts: Accounts | None
    default_timeout: timedelta
    log_limit: int
    limits: Limits

    async def run(self, prowjob: Mapping[str, Any]) -> tuple[RunState, str]:
        """Run a ProwJob; give its final state and description. Nothing of it runs afterwards."""
        name = prowjob["metadata"]["name"]
        try:
            async with self._account(name) as account:
                return await self._run(prowjob, name, account)
        except CannotRunError as error:
            self._note(name, str(error))
            return RunState.ERROR, str(error)

    async def _run(self, prowjob: Mapping[str, Any], name: str, account: int | None) -> tuple[RunState, str]:
        todo = instructions(prowjob, self.default_timeout)
        home = self.directory.make_work(name)
        work_dir = await self._cloned(prowjob, home)
        if account is not None and (trouble := await give(home, account)):
            raise CannotRunError(f"Job cannot run here: its work tree cannot be handed over: {trouble}")
        with self.directory.open_log(name) as file:
            log = JobLog(file, self.log_limit, Symptoms(self.limits))
            ending = await run_process(todo, Place(work_dir, home, account), log, self.limits)
            if ending.too_much:
                log.say(f"[it used more than {ending.too_much}]\n".encode())
            log.say("".join(f"[it may have met its limit of {limit}]\n" for limit in ending.met).encode())
        if log.trouble:
            raise CannotRunError(f"Job cannot run here: its log cannot be written: {log.trouble}")
        return verdict(ending)

    def _note(self, name: str, text: str) -> None:
        with contextlib.suppress(OSError), self.directory.open_log(name) as log:
            log.write(f"{text}\n".encode())

    async def _cloned(self, prowjob: Mapping[str, Any], home: Path) -> Path:
        """Clone what the job needs, but no more than fits: a stranger's server may send without end."""
        cloning = asyncio.create_task(self.checkout.make(prowjob, home))
        filled = asyncio.create_task(disk.filled(home, None, self.limits))
        try:
            await asyncio.wait({cloning, filled}, return_when=asyncio.FIRST_COMPLETED)
            if not cloning.done():
                raise CannotRunError(f"Job could not be cloned: it needs more than {filled.result()}.")
            return cloning.result()
        finally:
            cloning.cancel()
            filled.cancel()
            await asyncio.wait({cloning, filled})

    @contextlib.asynccontextmanager
    async def _account(self, name: str) -> AsyncIterator[int | None]:
        """Give the account for a run; at the end nothing of it runs, and its work tree is out of the way."""
        claim = await asyncio.to_thread(self._claim, name)
        try:
            yield claim.account if claim else None
        finally:
            await asyncio.shield(asyncio.to_thread(self._clean_up, name, claim))

    def _claim(self, name: str) -> Claim | None:
        try:
            return self.accounts.claim(self.directory.work(name)) if self.accounts else None
        except NoAccountError as error:
            raise CannotRunError(f"Job cannot run here: {error}") from error

    def _clean_up(self, name: str, claim: Claim | None) -> None:
        # A daemon that left the process group still carries the job's environment.
        kill_leftovers([self.directory.work(name)])
        if claim:
            claim.end()
        self.directory.end_work(name)
        if claim:
            claim.release()
