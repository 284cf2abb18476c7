"""A whole daemon that is a GitHub App in two organisations, as an operator starts it."""

import asyncio
import subprocess
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.app_keys import rsa_key
from tests.e2e.in_process import Rounds
from tests.e2e.two_orgs import ENGINE, ROCKET, TwoOrgs, two_orgs, until
from tests.programs import ROOT, TIDE
from tide.app.assembly import assembled
from tide.domain.errors import Unauthorized

BREAKS = {"suspended": TwoOrgs.suspend, "uninstalled": TwoOrgs.uninstall}


def command(here: TwoOrgs, **changes: Any) -> list[str]:
    """The command line that starts a daemon with the App's options, once."""
    options = replace(here.as_app, **changes)
    return [
        *TIDE,
        "run",
        "--run-once",
        "--dry-run=false",
        "--prowjob-backend=local",
        f"--config-path={options.config_path}",
        f"--data-dir={options.data_dir}",
        f"--database-url={options.database_url}",
        f"--github-endpoint={options.github_endpoint[0]}",
        f"--github-graphql-endpoint={options.github_graphql_endpoint}",
        f"--github-host={options.github_host}",
        f"--github-app-id={options.github_app_id}",
        f"--github-app-private-key-path={options.github_app_private_key_path}",
        "--log-level=debug",
    ]


async def ran(arguments: list[str]) -> tuple[int, str]:
    """Run a command to its end; give its exit code and all that it said."""
    done = await asyncio.to_thread(
        subprocess.run, arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


async def api(url: str, path: str) -> Any:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        answer = await client.get(path)
        assert answer.is_success, answer.text
        return answer.json()


async def page(url: str, path: str) -> str:
    async with httpx.AsyncClient(base_url=url, timeout=30, headers={"Accept": "text/html"}) as client:
        return (await client.get(path)).text


async def test_the_command_merges_as_the_app_in_every_organisation_and_tells_no_secret(database_url: str) -> None:
    async with two_orgs(database_url) as here:
        pulls = [await here.open_pull(repo, "pump", "lgtm") for repo in (ROCKET, ENGINE)]
        code, told = await ran(command(here))
        assert code == 0, told
        assert [pull.merged_by for pull in pulls] == ["mergers[bot]"] * 2
        assert '"msg":' in told
        assert not [secret for secret in ("ghs_", "eyJ", "PRIVATE KEY") if secret in told]


async def test_the_command_tells_who_is_out_of_reach_and_merges_in_the_other(database_url: str) -> None:
    async with two_orgs(database_url) as here:
        held, good = [await here.open_pull(repo, "pump", "lgtm") for repo in (ROCKET, ENGINE)]
        here.suspend("acme")
        code, told = await ran(command(here))
        errors = [line for line in told.splitlines() if line.startswith("tide: error:")]
        assert (code, held.merged, good.merged) == (1, False, True), told
        assert all("the GitHub App 7 cannot speak for acme" in line for line in errors)
        assert "This installation has been suspended" in errors[0]
        assert "ghs_" not in told


async def test_jobs_and_git_are_served_by_the_tokens_of_their_organisation(database_url: str) -> None:
    async with two_orgs(database_url, jobs=True) as here:
        pulls = [await here.open_pull(repo, "pump", "lgtm") for repo in (ROCKET, ENGINE)]
        async with here.place_of(here.as_app).daemon() as (daemon, _):
            await until(Rounds(daemon), lambda: all(pull.merged for pull in pulls))
            runs = await daemon.views.live_runs()
        assert [pull.merged_by for pull in pulls] == ["mergers[bot]"] * 2
        assert runs == ()


@pytest.mark.parametrize("how", BREAKS)
async def test_one_broken_installation_is_held_with_its_reason_and_the_other_goes_on(
    database_url: str, how: str
) -> None:
    async with two_orgs(database_url, jobs=True) as here:
        waiting = await here.open_pull(ROCKET, "valve")
        async with here.place_of(here.as_app).daemon() as (daemon, url):
            rounds = Rounds(daemon)
            first = [await here.open_pull(repo, "pump", "lgtm") for repo in (ROCKET, ENGINE)]
            await until(rounds, lambda: all(pull.merged for pull in first))
            BREAKS[how](here, "acme")
            here.place.forge.add_label(here.repository(ROCKET), waiting, "lgtm")
            late = await here.open_pull(ENGINE, "tank", "lgtm")
            await until(rounds, lambda: late.merged)
            await rounds.make(1)
            assert not waiting.merged
            broken = await api(url, "api/v1/pools/acme/rocket/main")
            assert "cannot speak for acme" in broken["error"]
            assert [one["number"] for one in broken["outside"]] == [waiting.number]  # as last read
            assert "cannot speak for acme" in await page(url, "pool/acme/rocket/main")
            explained = await api(url, f"api/v1/pulls/umbra/engine/{late.number}")
            assert "acme" not in str(explained)
            assert {one["org"] for one in (await api(url, "api/v1/pools"))["items"] if one["error"]} == {"acme"}
        assert late.merged_by == "mergers[bot]"


async def test_both_organisations_show_the_status_context(database_url: str) -> None:
    async with two_orgs(database_url) as here:
        pulls = {repo: await here.open_pull(repo, "pump") for repo in (ROCKET, ENGINE)}
        async with assembled(here.as_app) as daemon:
            await daemon.once()
        for repo, pull in pulls.items():
            (status,) = here.repository(repo).statuses[pull.head_sha]
            assert (status.context, status.description) == ("tide", "Not mergeable. Needs lgtm label.")


async def test_a_daemon_starts_where_one_installation_works_and_not_where_none_does(database_url: str) -> None:
    async with two_orgs(database_url) as here:
        here.suspend("acme")
        async with assembled(here.as_app) as daemon:
            await daemon.once()
        here.suspend("umbra")
        with pytest.raises(Unauthorized, match=r"the GitHub App 7 cannot speak for acme: .* has been suspended"):
            async with assembled(here.as_app):
                pass


async def test_a_new_key_is_used_without_a_restart(database_url: str) -> None:
    async with two_orgs(database_url) as here:
        pull = await here.open_pull(ENGINE, "pump", "lgtm")
        async with assembled(here.as_app) as daemon:  # so far it has had a token for the first organisation only
            here.app.public_key = rsa_key("two").public_key()
            here.write_key("two")
            await daemon.once()
        assert pull.merged_by == "mergers[bot]"
