"""What is assembled in memory is what the code host's own merges make, fetched over HTTP as from anywhere."""

from pathlib import Path

import pytest

from tests.integration.sandbox.world import World
from tide.adapters.git.bare_repositories import BareRepositories
from tide.domain.errors import NotFound
from tide.domain.evidence import Proposal
from tide.domain.keys import RepoKey
from tide.domain.pulls import MergeMethod

REPO = RepoKey("acme", "rocket")


def client(world: World, directory: Path) -> BareRepositories:
    return BareRepositories(directory / "cache", lambda repo: f"{world.sandbox.url}/{repo}.git")


def edited(world: World, line: int, text: str) -> str:
    lines = [f"{number}" for number in range(1, 20)]
    lines[line] = text
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("method", list(MergeMethod))
async def test_pull_requests_land_as_the_planned_trees(world: World, tmp_path: Path, method: MergeMethod) -> None:
    git = client(world, tmp_path)
    pulls = [
        await world.pull("top", engine_txt=edited(world, 0, "top")),
        await world.pull("clash", engine_txt=edited(world, 0, "clash")),
        await world.pull("bottom", engine_txt=edited(world, 18, "bottom")),
        await world.pull("beside", beside_txt="new"),
    ]
    base = world.repository.branches["main"]
    wanted = {pull.head_sha: f"refs/pull/{pull.number}/head" for pull in pulls} | {base: "refs/heads/main"}
    await git.fetch(REPO, wanted)
    proposals = [Proposal(pull.number, pull.head_sha, method) for pull in pulls]
    assembly = await git.assemble(REPO, base, proposals, 0)
    assert [step.number for step in assembly.steps] == [pulls[0].number, pulls[2].number, pulls[3].number]
    landed = []
    for step in assembly.steps:
        pull = next(pull for pull in pulls if pull.number == step.number)
        assert (await world.merge(pull, merge_method=method.value, sha=pull.head_sha)).status_code == 200
        landed.append((await world.repository.git.commit(world.repository.branches["main"])).tree)
    assert landed == [step.plan_tree for step in assembly.steps]


async def test_a_head_that_was_pushed_over_can_still_be_had(world: World, tmp_path: Path) -> None:
    pull = await world.pull("boost")
    old = pull.head_sha
    new = await world.commit(world.repository.branches["main"], "Again", boost_txt="again")
    await world.forge.write_branch(world.repository, "boost", new, actor="alice")
    git = client(world, tmp_path)
    await git.fetch(REPO, {old: f"refs/pull/{pull.number}/head", new: f"refs/pull/{pull.number}/head"})
    assert await git.in_repo_key(REPO, old) == ""


async def test_a_repository_that_does_not_exist_is_not_found(world: World, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await client(world, tmp_path).fetch(RepoKey("acme", "nothing"), {"b" * 40: "refs/heads/main"})
