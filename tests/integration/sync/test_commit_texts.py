"""What the commits of merges say: as `merge_commit_template` has it, else as GitHub has it."""

from typing import Any

from tests.integration.sync.conftest import World
from tests.integration.sync.story import ROCKET, Story, job
from tide.domain.keys import PullKey

NO_JOBS: dict[str, list[dict[str, Any]]] = {ROCKET: [], "acme/engine": []}
TEXTS = {"title": "{{ .Title }} (#{{ .Number }})", "body": "By {{ .AuthorLogin }}."}


async def message(ctx: Story, repo: str = ROCKET) -> str:
    """Give the message of the commit that a branch is at."""
    return (await ctx.repository(repo).git.commit(ctx.head(repo=repo))).message


async def test_a_merge_says_what_the_templates_say(world: World) -> None:
    async with world(tide={"merge_commit_template": {"acme": TEXTS}}, jobs=NO_JOBS) as ctx:
        await ctx.open_pull("pump")
        await ctx.sync()
        assert await message(ctx) == "Add pump (#1)\n\nBy alice."


async def test_without_templates_a_merge_says_what_github_has_it_say(world: World) -> None:
    async with world(jobs=NO_JOBS) as ctx:
        await ctx.open_pull("pump")
        await ctx.sync()
        assert await message(ctx) == "Merge pull request #1 from acme/pump\n\nAdd pump"


async def test_templates_of_a_repository_replace_all_of_its_organisations(world: World) -> None:
    templates = {"acme": TEXTS, ROCKET: {"body": "Rocket."}}
    async with world(tide={"merge_commit_template": templates}, jobs=NO_JOBS) as ctx:
        await ctx.open_pull("pump")
        await ctx.open_pull("pump", repo="acme/engine")
        await ctx.sync()
        assert await message(ctx) == "Merge pull request #1 from acme/pump\n\nRocket."
        assert await message(ctx, "acme/engine") == "Add pump (#1)\n\nBy alice."


async def test_a_template_that_fails_is_told_and_its_part_left_to_github(world: World) -> None:
    templates = {"acme": {"title": "{{ .Title }}", "body": "{{ .NoSuchField }}"}}
    async with world(tide={"merge_commit_template": templates}, jobs=NO_JOBS) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        assert pull.merged
        assert await message(ctx) == "Add pump\n\nAdd pump"
        ((told, reason),) = ctx.witness.failed_templates
        assert told == PullKey("acme", "rocket", 1)
        assert "NoSuchField" in reason


async def test_each_of_a_batch_has_a_text_of_its_own(world: World) -> None:
    async with world(tide={"merge_commit_template": {"acme": TEXTS}}, jobs={ROCKET: [job()]}) as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.settle()
        assert all(pull.merged for pull in pulls)
        git = ctx.repository().git
        commits = [await git.commit(push.after) for push in ctx.pushes if push.pull and push.after]
        assert [commit.message for commit in commits] == ["Add pump (#1)\n\nBy alice.", "Add valve (#2)\n\nBy alice."]
