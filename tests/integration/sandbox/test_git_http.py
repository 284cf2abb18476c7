from pathlib import Path

from tests.integration.sandbox.world import World
from tide.sandbox.protection import BranchProtection, RequiredCheck, RequiredReviews, RequiredStatusChecks


async def clone(world: World, *options: str) -> Path:
    code, output = await world.git("clone", "-q", *options, world.remote(), "work")
    assert code == 0, output
    return world.scratch / "work"


async def commit(world: World, work: Path, name: str = "new.txt", text: str = "new") -> str:
    (work / name).write_text(text)
    await world.git("add", "--all", cwd=work)
    code, output = await world.git("commit", "-q", "-m", f"Add {name}", cwd=work)
    assert code == 0, output
    return (await world.git("rev-parse", "HEAD", cwd=work))[1].strip()


async def test_a_clone_needs_no_token(world: World) -> None:
    code, output = await world.git("clone", "-q", f"{world.sandbox.url}/acme/rocket", "plain")
    assert code == 0, output
    assert (world.scratch / "plain" / "README").read_text() == "rocket\n"


async def test_partial_clones_fetch_what_is_missing_later(world: World) -> None:
    work = await clone(world, "--filter=blob:none", "--no-checkout")
    missing = await world.git("rev-list", "--objects", "--missing=print", "--all", cwd=work)
    assert "?" in missing[1]
    assert (await world.git("show", "HEAD:README", cwd=work))[1] == "rocket\n"


async def test_heads_of_pulls_can_be_fetched(world: World) -> None:
    pull = await world.pull("boost")
    work = await clone(world)
    code, output = await world.git("fetch", "-q", "origin", f"refs/pull/{pull.number}/head", cwd=work)
    assert code == 0, output
    assert (await world.git("rev-parse", "FETCH_HEAD", cwd=work))[1].strip() == pull.head_sha


async def test_any_commit_can_be_fetched_by_its_sha(world: World) -> None:
    pull = await world.pull("boost")
    work = await clone(world, "--single-branch")
    code, output = await world.git("fetch", "-q", "origin", pull.head_sha, cwd=work)
    assert code == 0, output


async def test_the_test_merge_can_be_fetched_once_mergeability_was_asked_for(world: World) -> None:
    pull = await world.pull("boost")
    answer = await world.forge.mergeability(world.repository, pull)
    code, output = await world.git("ls-remote", world.remote(), "refs/pull/*/merge")
    assert code == 0, output
    assert answer.merge_commit is not None
    assert output.split() == [answer.merge_commit.sha, "refs/pull/1/merge"]


async def test_a_push_synchronizes_the_pull_of_its_branch(world: World) -> None:
    pull = await world.pull("boost")
    work = await clone(world, "--branch", "boost")
    sha = await commit(world, work)
    code, output = await world.git("push", "-q", "origin", "boost", cwd=work)
    assert code == 0, output
    assert pull.head_sha == world.repository.branches["boost"] == sha
    assert (await world.git("ls-remote", world.remote(), "refs/pull/1/head"))[1].split()[0] == sha


async def test_a_big_push_goes_through_compressed_and_chunked(world: World) -> None:
    work = await clone(world)
    await world.git("config", "http.postBuffer", "4096", cwd=work)
    await commit(world, work, "big.txt", "".join(f"{number * 7919 % 10007}\n" for number in range(200_000)))
    code, output = await world.git("push", "-q", "origin", "HEAD:refs/heads/big", cwd=work)
    assert code == 0, output
    assert "big" in world.repository.branches


async def test_a_push_needs_a_token(world: World) -> None:
    work = await clone(world)
    await commit(world, work)
    code, output = await world.git("push", f"{world.sandbox.url}/acme/rocket", "HEAD:refs/heads/new", cwd=work)
    assert code != 0, output
    assert "new" not in world.repository.branches


async def test_a_protected_branch_declines_a_push(world: World) -> None:
    checks = RequiredStatusChecks(checks=(RequiredCheck("unit"),))
    protection = BranchProtection(required_status_checks=checks, required_pull_request_reviews=RequiredReviews())
    world.forge.protect_branch(world.repository, "main", protection)
    work = await clone(world)
    before = world.repository.branches["main"]
    await commit(world, work)
    code, output = await world.git("push", "origin", "HEAD:main", cwd=work)
    assert code != 0
    assert "GH006: Protected branch update failed for refs/heads/main." in output
    assert 'Changes must be made through a pull request. Required status check "unit" is expected.' in output
    assert world.repository.branches["main"] == before
    assert await world.repository.git.branches() == world.repository.branches


async def test_one_declined_branch_does_not_keep_the_others_out(world: World) -> None:
    world.forge.protect_branch(world.repository, "main", BranchProtection(lock_branch=True))
    work = await clone(world)
    sha = await commit(world, work)
    code, _ = await world.git("push", "-q", "origin", "HEAD:main", "HEAD:refs/heads/side", cwd=work)
    assert code != 0
    assert world.repository.branches["side"] == sha
    assert world.repository.branches["main"] != sha


async def test_a_protected_branch_is_not_forced_back(world: World) -> None:
    world.forge.protect_branch(world.repository, "main", BranchProtection())
    work = await clone(world)
    await world.git("commit", "-q", "--amend", "-m", "Other", cwd=work)
    code, output = await world.git("push", "--force", "origin", "HEAD:main", cwd=work)
    assert code != 0
    assert "Cannot force-push to this branch" in output


async def test_refs_of_pulls_are_not_to_be_pushed(world: World) -> None:
    pull = await world.pull("boost")
    work = await clone(world)
    code, _ = await world.git("push", "--force", "origin", f"HEAD:refs/pull/{pull.number}/head", cwd=work)
    assert code != 0


async def test_a_deleted_branch_closes_its_pull(world: World) -> None:
    pull = await world.pull("boost")
    work = await clone(world)
    code, output = await world.git("push", "-q", "origin", ":boost", cwd=work)
    assert code == 0, output
    assert (pull.state, pull.merged) == ("closed", False)


async def test_pushing_a_merge_to_the_base_marks_its_pull_merged(world: World) -> None:
    pull = await world.pull("boost")
    work = await clone(world)
    await world.git("merge", "-q", "--no-ff", "origin/boost", "-m", "By hand", cwd=work)
    code, output = await world.git("push", "-q", "origin", "HEAD:main", cwd=work)
    assert code == 0, output
    assert pull.merged
    assert pull.merge_commit_sha == world.repository.branches["main"]


async def test_an_unknown_repository_is_not_found(world: World) -> None:
    code, output = await world.git("ls-remote", f"{world.sandbox.url}/acme/none")
    assert code != 0
    assert "not found" in output
