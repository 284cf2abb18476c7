"""How far the branches may be trusted: a doubt grows until the head is proved, and what is frozen a human thaws."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey
from tide.domain.snapshot import Standing, StandingKind
from tide.policy.jobs import runs_on_branch
from tide.sync.world import World


@dataclass(frozen=True, slots=True)
class Standings:
    """Changes standings one after the other, since a landing may cast doubt on the branch of another pool."""

    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def doubt(self, world: World, pool: PoolKey, reason: str, contexts: Iterable[str]) -> None:
        """Ask that the branch head as it is passes these contexts before anything else lands."""
        await self._worsen(world, pool, Standing(StandingKind.UNPROVEN, reason, tuple(contexts), world.clock.now()))

    async def freeze(self, world: World, pool: PoolKey, reason: str, contexts: Iterable[str]) -> None:
        """Let nothing more happen until a human has looked; the contexts are what must pass after that."""
        await self._worsen(world, pool, Standing(StandingKind.FROZEN, reason, tuple(contexts), world.clock.now()))

    async def _worsen(self, world: World, pool: PoolKey, standing: Standing) -> None:
        async with self._changing:
            known = await world.store.standing(pool)
            if known.kind is StandingKind.FROZEN:
                return
            owed = known.contexts if known.kind is StandingKind.UNPROVEN else ()
            contexts = tuple(sorted({*owed, *standing.contexts}))
            await world.store.set_standing(pool, replace(standing, contexts=contexts))

    async def clear(self, world: World, pool: PoolKey, doubted: Standing) -> Standing:
        """Trust a branch again whose head has passed; give its standing, another one if more has happened since."""
        async with self._changing:
            known = await world.store.standing(pool)
            if (known.kind, known.since) != (StandingKind.UNPROVEN, doubted.since):
                return known
            proven = replace(known, kind=StandingKind.PROVEN, reason="", since=world.clock.now())
            await world.store.set_standing(pool, proven)
            return proven


def provable(standing: Standing, presubmits: Collection[Presubmit], branch: str) -> Standing:
    """Leave out the contexts that no job reports on the branch any more: nobody could ever prove them."""
    known = {job.context for job in presubmits if runs_on_branch(job, branch)}
    return replace(standing, contexts=tuple(context for context in standing.contexts if context in known))


def contexts_of_branch(presubmits: Iterable[Presubmit], branch: str) -> tuple[str, ...]:
    """Name what a branch must pass after something landed on it that was meant for another one.

    Those are all jobs that a pull request may need there, whatever it changes; a job that only a command starts is not
    among them.
    """
    needed = (
        job.context
        for job in presubmits
        if runs_on_branch(job, branch)
        and (job.run_before_merge or (job.is_context_required and not job.needs_explicit_trigger))
    )
    return tuple(sorted(set(needed)))
