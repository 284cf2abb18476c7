"""A whole daemon on a GitHub Enterprise Server, and behind a caching proxy."""

from dataclasses import replace

import pytest

from tests.e2e.in_process import Rounds
from tests.e2e.two_orgs import ENGINE, ROCKET, Front, fronted, two_orgs, until
from tests.unit.adapters.github.loopback import closed_port
from tide.adapters.github.wire import BUDGET_NAME, EXPIRES_AT
from tide.app.assembly import assembled
from tide.app.options import RunOptions

BUDGET, ENDS = BUDGET_NAME.lower(), EXPIRES_AT.lower()


def at(options: RunOptions, *endpoints: str) -> RunOptions:
    """Name the REST endpoints and nothing else."""
    return replace(options, github_endpoint=endpoints, github_graphql_endpoint="", github_host="")


@pytest.mark.parametrize("who", ["token", "app"])
async def test_a_server_s_rest_address_is_enough_for_all_of_it(database_url: str, who: str) -> None:
    async with two_orgs(database_url, jobs=True) as here:
        server = Front(here.sandbox.app, as_server=True)
        pulls = [await here.open_pull(repo, "pump", "lgtm") for repo in (ROCKET, ENGINE)]
        async with fronted(server) as url:
            options = at(here.as_app if who == "app" else here.place.options, f"{url}/api/v3")
            async with here.place_of(options).daemon() as (daemon, _):
                await until(Rounds(daemon), lambda: all(pull.merged for pull in pulls))
        assert "/api/graphql" in server.paths()
        assert {"/acme/rocket.git/git-upload-pack", "/umbra/engine.git/git-upload-pack"} <= server.paths()
        # It is GitHub's own, and needs to hear nothing of budgets.
        assert not [asked for asked, headers in server.asked if {BUDGET, ENDS} & headers.keys()]


async def test_a_proxy_in_front_gets_all_of_rest_and_is_told_of_budgets(database_url: str) -> None:
    async with two_orgs(database_url) as here:
        proxy, server = Front(here.sandbox.app), Front(here.sandbox.app, as_server=True)
        pulls = [await here.open_pull(repo, "pump", "lgtm") for repo in (ROCKET, ENGINE)]
        async with (
            fronted(proxy) as near,
            fronted(server) as far,
            assembled(at(here.as_app, near, f"{far}/api/v3")) as daemon,
        ):
            await daemon.once()
        assert [pull.merged_by for pull in pulls] == ["mergers[bot]"] * 2
        assert {path.rpartition("/")[2] for path in server.paths()} <= {"graphql", "refs", "git-upload-pack"}
        budgets = {
            headers[BUDGET]: asked.partition("/")[2].partition("/")[0]
            for asked, headers in proxy.asked
            if headers[ENDS].endswith("Z")
        }
        assert budgets == {"7": "app", "mergers": "app", "mergers - acme": "repos", "mergers - umbra": "repos"}


@pytest.mark.parametrize("who", ["token", "app"])
@pytest.mark.parametrize("trouble", ["closed", "gateway"])
async def test_a_proxy_that_does_not_answer_is_passed_by(database_url: str, trouble: str, who: str) -> None:
    async with two_orgs(database_url) as here:
        proxy, server = Front(here.sandbox.app), Front(here.sandbox.app, as_server=True)
        proxy.is_down = trouble == "gateway"
        pulls = [await here.open_pull(repo, "pump", "lgtm") for repo in (ROCKET, ENGINE)]
        options = here.as_app if who == "app" else here.place.options
        async with fronted(proxy) as near, fronted(server) as far:
            first = near if trouble == "gateway" else closed_port()
            async with assembled(at(options, first, f"{far}/api/v3")) as daemon:
                await daemon.once()
        assert all(pull.merged for pull in pulls)
        assert len(proxy.asked) == (trouble == "gateway")
