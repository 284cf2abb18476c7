"""The status context `tide` on the pull requests of a simulated GitHub, written by a whole daemon."""

from dataclasses import replace

from tests.e2e.in_process import Place, place
from tide.app.assembly import assembled
from tide.domain.keys import PullKey
from tide.policy.status import fitted


def shown(here: Place) -> dict[PullKey, list[tuple[str | None, str | None]]]:
    """What the open pull requests show: the texts and the links of their statuses, oldest first."""
    return {
        PullKey(repository.owner, repository.name, pull.number): [
            (status.description, status.target_url)
            for status in repository.statuses.get(pull.head_sha, [])
            if status.context == "tide"
        ]
        for repository in here.forge.repositories.values()
        for pull in repository.pulls.values()
        if pull.state == "open"
    }


async def once(here: Place) -> None:
    """Let a process make one round and end."""
    async with assembled(replace(here.options, dry_run=False, public_url="https://queue.test")) as daemon:
        await daemon.once()


async def test_every_open_pull_request_says_what_its_page_says_and_where_that_is(database_url: str) -> None:
    async with place(database_url) as here:
        await once(here)
        statuses = shown(here)
        assert len(statuses) == 10
        async with assembled(replace(here.options, dry_run=False)) as daemon:
            for key, told in statuses.items():
                record = await daemon.views.pull(key)
                assert record is not None
                assert record.verdict is not None
                link = f"https://queue.test/pull/{key.org}/{key.repo}/{key.number}"
                assert told == [(fitted(record.verdict.summary), link)]


async def test_processes_that_begin_anew_write_nothing_that_is_there_already(database_url: str) -> None:
    async with place(database_url) as here:
        for _ in range(2):  # the first starts jobs, which the second one sees
            await once(here)
        before = shown(here)
        await once(here)
        assert shown(here) == before
