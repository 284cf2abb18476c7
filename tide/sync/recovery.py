"""Go on after a crash: read what was begun, look at the world, and write down what came of it."""

import json
from dataclasses import dataclass

from tide.domain.errors import NotFound
from tide.domain.intents import Intent, IntentKind
from tide.domain.keys import PoolKey
from tide.domain.snapshot import Standing, StandingKind
from tide.sync.world import World


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a landing was going to do, from its intent."""

    base_sha: str
    trees: tuple[str, ...]
    contexts: tuple[str, ...]

    @classmethod
    def of(cls, intent: Intent) -> "_Plan":
        detail = json.loads(intent.detail)
        trees = (detail["base_tree"], *(tree for _number, _sha, tree in detail["steps"]))
        return cls(detail["base_sha"], trees, tuple(detail["contexts"]))


async def recover(world: World, pool: PoolKey) -> None:
    """Settle the deeds of a pool whose outcome is not known.

    Started runs need nothing: their names are made of what they run, so the next sync finds them or starts them. A
    landing that was cut short leaves the branch proven only when its head has the tree of a whole plan, or has not
    moved.

    Raises:
        RemoteError: the world could not be read; the deeds stay unsettled.
    """
    for intent in await world.store.open_intents(pool):
        outcome = "found unfinished; runs are found again by their names"
        if intent.kind is IntentKind.MERGE:
            outcome = await _settle_landing(world, intent)
        await world.store.finish(intent.id, outcome, world.clock.now())


async def _settle_landing(world: World, intent: Intent) -> str:
    plan = _Plan.of(intent)
    try:
        head = await world.code_host.branch_head(intent.pool)
    except NotFound:
        return "found unfinished; the branch does not exist any more"
    if head == plan.base_sha:
        return "found unfinished; nothing had landed"
    tree = (await world.code_host.commit(intent.pool.repository, head)).tree
    if tree == plan.trees[-1]:
        return "found unfinished; all had landed as planned"
    done = plan.trees.index(tree) if tree in plan.trees else None
    reason = (
        f"a landing was cut short after {done} of {len(plan.trees) - 1} merges"
        if done is not None
        else "a landing was cut short and the branch is at a tree that was not planned"
    )
    standing = Standing(StandingKind.UNPROVEN, reason, plan.contexts, world.clock.now())
    await world.store.set_standing(intent.pool, standing)
    return reason
