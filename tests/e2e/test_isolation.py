"""What is broken in one place of GitHub stays there: a whole daemon over two organisations."""

from dataclasses import replace

import pytest

from tests.e2e.in_process import Rounds
from tests.e2e.test_github_app import api, page
from tests.e2e.two_orgs import ENGINE, ROCKET, TwoOrgs, two_orgs, until
from tide.app.assembly import assembled
from tide.domain.keys import PoolKey
from tide.sandbox.faults import Fault
from tide.sandbox.model import PullRequest
from tide.sandbox.protection import Rule, Ruleset

MAIN = PoolKey("acme", "rocket", "main")
MANY = 1030


def put_ruleset(here: TwoOrgs, repo: str, rule: Rule) -> None:
    """Let GitHub itself ask something of every merge into a repository's main branch."""
    now = here.place.forge.now()
    made = Ruleset(1, "rules", "RRS_1", now, now, (rule,), include=("refs/heads/main",))
    here.place.forge.put_ruleset(here.repository(repo), made)


def check(context: str) -> Rule:
    return Rule("required_status_checks", {"required_status_checks": [{"context": context}]})


async def one_and_its_neighbours(here: TwoOrgs) -> tuple[PullRequest, list[PullRequest]]:
    """Open a pull request, one into another branch of its repository, and one in another organisation."""
    one = await here.open_pull(ROCKET, "pump", "lgtm")
    other_branch = await here.open_pull(ROCKET, "backport", "lgtm", base="release")
    return one, [other_branch, await here.open_pull(ENGINE, "pump", "lgtm")]


@pytest.mark.parametrize(
    ("rule", "reason"), [(check("lint"), "lint"), (Rule("merge_queue"), "merge queue")], ids=["check", "queue"]
)
async def test_a_ruleset_binds_its_own_branch_alone_and_is_told_without_trying_again_and_again(
    database_url: str, rule: Rule, reason: str
) -> None:
    async with two_orgs(database_url, jobs=True) as here:
        put_ruleset(here, ROCKET, rule)
        put_ruleset(here, ENGINE, check("unit"))
        held, good = await one_and_its_neighbours(here)
        async with here.place.daemon() as (daemon, url):
            rounds = Rounds(daemon)
            await until(rounds, lambda: all(pull.merged for pull in good))
            await rounds.make(3)
            told = await api(url, f"api/v1/pulls/acme/rocket/{held.number}")
            tries = [record for record in await daemon.views.history(MAIN) if record.action.startswith("MERGE")]
        assert not held.merged
        assert (told["verdict"], reason in told["summary"]) == ("blocked", True), told
        assert len(tries) <= 1


async def test_a_ref_that_404s_holds_its_own_pool_alone(database_url: str) -> None:
    async with two_orgs(database_url) as here:
        here.sandbox.faults.add(Fault(kind="status", status=404, path="/repos/acme/rocket/git/ref/heads/main$"))
        held, good = await one_and_its_neighbours(here)
        async with here.place.daemon() as (daemon, url):
            rounds = Rounds(daemon)
            await until(rounds, lambda: all(pull.merged for pull in good))
            await rounds.make(1)
            (pool,) = [one for one in (await api(url, "api/v1/pools"))["items"] if one["error"]]
            assert (pool["branch"], "/git/ref/heads/main" in pool["error"]) == ("main", True), pool["error"]
            assert pool["error"].split()[0] in await page(url, "pool/acme/rocket/main")
            assert not held.merged
            here.sandbox.faults.clear()
            await until(rounds, lambda: held.merged)


async def test_a_page_that_fails_half_way_makes_nobody_vanish_and_harms_no_other_organisation(
    database_url: str,
) -> None:
    async with two_orgs(database_url) as here:
        names = ("pump", "valve", "hose", "tank")
        pulls = {repo: [await here.open_pull(repo, name, "lgtm") for name in names] for repo in (ROCKET, ENGINE)}
        everybody = [pull for opened in pulls.values() for pull in opened]
        async with here.place_of(here.as_app).daemon() as (daemon, _):
            rounds = Rounds(daemon)
            await until(rounds, lambda: all(opened[0].merged for opened in pulls.values()))
            here.sandbox.faults.add(Fault(kind="partial_page", operation="SearchPulls|Glance"))
            await rounds.make(1)
            assert daemon.sync.errors
            await until(rounds, lambda: all(pull.merged for pull in everybody))
            here.sandbox.faults.clear()
            await rounds.make(1)
            assert daemon.sync.errors == ()


async def test_more_than_a_thousand_pull_requests_of_one_query_are_one_pool(database_url: str) -> None:
    async with two_orgs(database_url) as here:
        await here.open_many(ROCKET, MANY, "lgtm")
        await here.open_pull(ENGINE, "pump", "lgtm")
        async with assembled(replace(here.place.options, dry_run=True)) as daemon:
            await daemon.once()
            assert daemon.sync.errors == ()
            assert [len(view.passing) for view in await daemon.views.pools()] == [MANY, 1]
