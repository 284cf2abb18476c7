"""What batches that failed have shown, carried on over what we ourselves have landed since.

A merge of ours moves the base, and nothing else that a batch rests on: with those of its members that have landed it
would be the same again. So what is left of it is as good as failed, and is halved instead of started anew from all that
waits. A push by somebody else may have mended what failed: then nothing is carried on.
"""

from collections.abc import Iterable, Mapping, Sequence

from tide.domain.evidence import Batch, BatchState, Landing
from tide.policy.results import Member


def still_failed(
    batches: Iterable[Batch], landings: Iterable[Landing], base_sha: str, heads: frozenset[Member]
) -> tuple[tuple[Member, ...], ...]:
    """Give what is left of each batch that failed on a base, or on one from which only our landings lead to it.

    Args:
        batches: batches of one pool, on any bases.
        landings: what has landed in it.
        base_sha: where its branch is.
        heads: what is there to be tested; a batch of which another member is gone says nothing about the rest.
    """
    bases, landed = _way_back(landings, base_sha)
    left = (
        _without(batch.members, landed[: bases[batch.base_sha]])
        for batch in batches
        if batch.state is BatchState.FAILED and batch.base_sha in bases
    )
    return tuple(dict.fromkeys(members for members in left if members and heads.issuperset(members)))


def _way_back(landings: Iterable[Landing], base_sha: str) -> tuple[Mapping[str, int], Sequence[Member]]:
    """Walk down the branch for as long as we have made it: how many landings ago it was where, and what they were."""
    made_by = {landing.landed_sha: landing for landing in landings}
    bases, landed = {base_sha: 0}, list[Member]()
    while (landing := made_by.get(base_sha)) and landing.base_sha not in bases:
        landed.append((landing.number, landing.head_sha))
        base_sha = landing.base_sha
        bases[base_sha] = len(landed)
    return bases, landed


def _without(members: Sequence[Member], landed: Sequence[Member]) -> tuple[Member, ...]:
    gone = frozenset(landed)
    return tuple(member for member in members if member not in gone)
