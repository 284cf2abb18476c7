"""Lend the result of a batch to a head that is about to land with it: the deeds for `tide.policy.lending`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tide.domain.errors import RemoteError
from tide.domain.intents import Intent, IntentKind
from tide.domain.pulls import Context, Pull
from tide.policy.lending import is_test_report
from tide.ports.code_host import StatusPost
from tide.sync.deeds import Deeds


async def lend(deeds: Deeds, pull: Pull, contexts: Sequence[Context]) -> None:
    """Write these contexts onto a head, and take back what was reported of its runs (Prow: overwrite-pending-contexts).

    Nothing needs to be settled when this is cut short: such a status is never taken for a result of the head alone.

    Raises:
        LeaseLost: somebody else leads.
        RemoteError: something was refused, or its answer was lost.
    """
    detail = json.dumps({"sha": pull.head_sha, "contexts": [context.name for context in contexts]})
    intent = await deeds.begin(IntentKind.LEND, pull.pool, f"#{pull.number}", detail)
    lending = _Lending(deeds, intent, pull)
    try:
        await lending.write(contexts)
        await lending.delete_reports()
    except RemoteError as error:
        await deeds.finish(intent, f"error: {error}")
        raise
    await deeds.finish(intent, "lent")


@dataclass(frozen=True, slots=True)
class _Lending:
    deeds: Deeds
    intent: Intent
    pull: Pull

    async def write(self, contexts: Sequence[Context]) -> None:
        for context in contexts:
            await self.deeds.proceed(self.intent)
            status = StatusPost(context.name, context.state, context.description, context.target_url)
            await self.deeds.do(partial(self._post, status))

    async def _post(self, status: StatusPost) -> None:
        await self.deeds.world.code_host.post_status(self.pull.key.repository, self.pull.head_sha, status)

    async def delete_reports(self) -> None:
        host = self.deeds.world.code_host
        for comment in await host.comments(self.pull.key):
            if comment.is_ours and is_test_report(comment.body):
                await self.deeds.proceed(self.intent)
                await self.deeds.do(partial(host.delete_comment, self.pull.key.repository, comment.id))
