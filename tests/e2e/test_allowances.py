"""A whole daemon that was told how many calls an hour it may make."""

from dataclasses import replace

from tests.e2e.in_process import place
from tests.e2e.test_statuses import shown
from tide.adapters.github.calls import CallKind
from tide.adapters.github.code_host import GitHub
from tide.app.assembly import assembled


async def test_statuses_and_everything_else_have_an_allowance_each(database_url: str) -> None:
    async with place(database_url) as here:
        options = replace(here.options, dry_run=False, sync_hourly_tokens=1000, status_hourly_tokens=4)
        async with assembled(options) as daemon:
            host = daemon.sync.world.code_host
            assert isinstance(host, GitHub)
            await daemon.once()
            counts = host.calls.counts
            assert sum(len(statuses) for statuses in shown(here).values()) == 4
            assert counts[CallKind.REST_WRITE] == 4
            # What is left is as much as was not asked for; an answer that was known already has cost nothing.
            asked = counts[CallKind.REST_GET] + counts[CallKind.GRAPHQL]
            for _ in range(1000 - asked - 1):
                host.client.allowance.spend()
            assert not host.client.allowance.is_spent()
            host.client.allowance.spend()
            assert host.client.allowance.is_spent()
