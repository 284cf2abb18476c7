import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.git.conftest import REPO, WatchedGit
from tests.integration.git.origin import Origin
from tide.adapters.git.bare_repositories import BareRepositories
from tide.adapters.git.file_lock import locked
from tide.adapters.git.repository import Patience
from tide.domain.errors import BadAnswer, NotFound, Unavailable
from tide.domain.evidence import Proposal
from tide.domain.keys import RepoKey
from tide.domain.pulls import MergeMethod

MAIN = "refs/heads/main"


@pytest.fixture
def base(origin: Origin) -> str:
    return origin.commit({"a.txt": "a\n", "docs/b.txt": "b\n"}, ref=MAIN)


def cache(git: BareRepositories) -> Path:
    return git.directory / "acme" / "rocket.git"


async def test_commits_that_are_there_are_not_asked_for_again(
    git: BareRepositories, base: str, program: WatchedGit
) -> None:
    await git.fetch(REPO, {base: MAIN})
    started = len(program.started)
    await git.fetch(REPO, {base: MAIN})
    assert len(program.started) == started


async def test_after_a_restart_the_server_is_asked_for_nothing_that_is_there(
    git: BareRepositories, origin: Origin, base: str
) -> None:
    await git.fetch(REPO, {base: MAIN})
    shutil.rmtree(origin.path)
    again = BareRepositories(git.directory, git.url_of)
    await again.fetch(REPO, {base: MAIN})
    assert await again.in_repo_key(REPO, base) == ""


async def test_only_what_is_wanted_is_fetched_and_no_contents(git: BareRepositories, origin: Origin, base: str) -> None:
    other = origin.commit({"c.txt": "c\n"}, base, ref="refs/heads/other")
    await git.fetch(REPO, {base: MAIN})
    repository = git._copy(REPO).repository
    objects = (await repository.output("cat-file", "--batch-check", "--batch-all-objects")).decode()
    assert base in objects
    assert other not in objects
    assert " blob " not in objects


async def test_the_cache_is_open_to_nobody_else(
    tmp_path: Path, git: BareRepositories, origin: Origin, base: str
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o755)
    await git.fetch(REPO, {base: "refs/heads/main"})
    assert cache.stat().st_mode & 0o077 == 0


async def test_a_server_that_gives_out_only_whole_repositories_will_do(
    git: BareRepositories, origin: Origin, base: str
) -> None:
    origin.git("config", "uploadpack.allowFilter", "false")
    await git.fetch(REPO, {base: MAIN})
    assert await git.in_repo_key(REPO, base) == ""


async def test_a_head_that_its_ref_has_moved_on_from_is_still_had(
    git: BareRepositories, origin: Origin, base: str
) -> None:
    head = origin.commit({"c.txt": "1"}, base, ref="refs/pull/7/head")
    origin.commit({"c.txt": "2"}, head, ref="refs/pull/7/head")
    await git.fetch(REPO, {head: "refs/pull/7/head"})
    assert await git.in_repo_key(REPO, head) == ""


async def test_where_the_server_gives_out_only_tips_a_moved_ref_still_leads_to_its_past(
    git: BareRepositories, origin: Origin, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Before protocol version 2 a server refuses whatever no ref points to.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.version")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "0")
    head = origin.commit({"c.txt": "1"}, base, ref="refs/pull/7/head")
    origin.git("update-ref", "-d", f"refs/keep/{head}")
    origin.commit({"c.txt": "2"}, head, ref="refs/pull/7/head")
    await git.fetch(REPO, {base: MAIN, head: "refs/pull/7/head"})
    assert await git.in_repo_key(REPO, head) == ""
    with pytest.raises(NotFound):
        await git.fetch(REPO, {"b" * 40: "refs/pull/7/head", "c" * 40: "refs/pull/8/head"})


async def test_a_commit_that_nobody_has_is_told_and_the_others_are_fetched(git: BareRepositories, base: str) -> None:
    with pytest.raises(NotFound, match="b" * 40):
        await git.fetch(REPO, {"b" * 40: "refs/pull/7/head", base: MAIN})
    assert await git.in_repo_key(REPO, base) == ""


async def test_a_repository_that_is_not_there_is_not_found(git: BareRepositories, origin: Origin) -> None:
    shutil.rmtree(origin.path)
    with pytest.raises(NotFound):
        await git.fetch(REPO, {"b" * 40: MAIN})


async def test_a_server_out_of_reach_is_an_error_and_never_an_old_answer(tmp_path: Path) -> None:
    # Port 9 of the loopback is not served.
    git = BareRepositories(tmp_path, lambda _: "http://127.0.0.1:9/acme/rocket.git")
    with pytest.raises(Unavailable):
        await git.fetch(REPO, {"b" * 40: MAIN})


async def test_a_fetch_that_takes_too_long_is_killed(
    tmp_path: Path, origin: Origin, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = BareRepositories(tmp_path / "cache", lambda _: origin.url, patience=Patience(fetch=timedelta(seconds=0.3)))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "remote.server.uploadpack")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "sleep 3600; git-upload-pack")
    with pytest.raises(Unavailable, match="longer than"):
        await git.fetch(REPO, {base: MAIN})
    monkeypatch.delenv("GIT_CONFIG_COUNT")
    await BareRepositories(git.directory, git.url_of).fetch(REPO, {base: MAIN})


async def test_the_operators_instead_of_goes_on_working(
    tmp_path: Path, origin: Origin, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{origin.path.parent.as_uri()}/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://git.example/acme/")
    git = BareRepositories(tmp_path / "cache", lambda _: "https://git.example/acme/rocket.git")
    await git.fetch(REPO, {base: MAIN})
    assert await git.in_repo_key(REPO, base) == ""


async def test_git_is_not_led_astray_by_what_the_host_sets(
    git: BareRepositories, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE", "GIT_NAMESPACE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    await git.fetch(REPO, {base: MAIN})
    assert cache(git).is_dir()
    assert not (tmp_path / "elsewhere").exists()


async def test_locks_of_a_killed_git_do_not_block(git: BareRepositories, origin: Origin, base: str) -> None:
    await git.fetch(REPO, {base: MAIN})
    head = origin.commit({"c.txt": "1"}, base)
    for name in ("shallow.lock", "packed-refs.lock", "config.lock", "index.lock", f"refs/tide/{head}.lock"):
        (cache(git) / name).touch()
    (cache(git) / "objects" / "pack" / "tmp_pack_abc").write_text("half")
    await git.fetch(REPO, {head: "refs/pull/7/head"})
    assert not list(cache(git).rglob("*.lock"))
    assert not (cache(git) / "objects" / "pack" / "tmp_pack_abc").exists()


async def test_another_process_that_fetches_is_waited_for(tmp_path: Path, origin: Origin, base: str) -> None:
    git = BareRepositories(tmp_path / "cache", lambda _: origin.url, patience=Patience(fetch=timedelta(seconds=0.2)))
    (tmp_path / "cache" / "acme").mkdir(parents=True)
    async with locked(cache(git).with_suffix(".lock"), timedelta(0)):
        with pytest.raises(Unavailable, match="another process"):
            await git.fetch(REPO, {base: MAIN})
    await BareRepositories(git.directory, git.url_of).fetch(REPO, {base: MAIN})


@pytest.mark.parametrize("spoil", ["config", "HEAD", "objects", "pack"])
async def test_a_damaged_cache_is_made_anew_once(git: BareRepositories, origin: Origin, base: str, spoil: str) -> None:
    head = origin.commit({"c.txt": "1"}, base, ref="refs/pull/7/head")
    await git.fetch(REPO, {base: MAIN, head: "refs/pull/7/head"})
    _spoil(cache(git), spoil)
    assembly = await git.assemble(REPO, base, [Proposal(7, head, MergeMethod.MERGE)], 0)
    assert assembly.run_tree == origin.tree(head)
    assert await git.changed_files(REPO, base, head) == ("c.txt",)


def _spoil(repository: Path, what: str) -> None:
    if what == "config":
        (repository / "config").write_text("[nonsense")
    elif what == "HEAD":
        (repository / "HEAD").unlink()
    elif what == "objects":
        shutil.rmtree(repository / "objects")
    else:
        for file in (repository / "objects").rglob("*"):
            if file.is_file():
                file.chmod(0o600)
                file.write_bytes(b"rubbish")


async def test_a_cache_that_cannot_be_repaired_is_an_error(git: BareRepositories, origin: Origin, base: str) -> None:
    await git.fetch(REPO, {base: MAIN})
    shutil.rmtree(cache(git) / "objects")
    shutil.rmtree(origin.path)
    with pytest.raises((NotFound, BadAnswer, Unavailable)):
        await git.in_repo_key(REPO, base)


async def test_commits_that_nobody_asks_for_any_more_are_let_go(
    git: BareRepositories, origin: Origin, base: str
) -> None:
    git._copy(REPO).repository.tidy_every = 4
    await git.fetch(REPO, {base: MAIN})
    heads = [base]
    for number in range(10):
        heads.append(origin.commit({"n.txt": str(number)}, heads[-1]))
        await git.fetch(REPO, {heads[-1]: MAIN})
    assert len(list((cache(git) / "refs" / "tide").iterdir())) < 8
    await git.fetch(REPO, {base: MAIN})
    assert await git.in_repo_key(REPO, base) == ""


@pytest.mark.parametrize(
    "repo", [RepoKey("..", "x"), RepoKey("acme", "../x"), RepoKey("-x", "y"), RepoKey("a", "b\n"), RepoKey("", "x")]
)
async def test_no_name_of_a_repository_leads_out_of_the_cache(git: BareRepositories, repo: RepoKey) -> None:
    with pytest.raises(BadAnswer):
        await git.fetch(repo, {"b" * 40: MAIN})


@pytest.mark.parametrize("sha", ["--upload-pack=touch", "HEAD", "", "B" * 40, "b" * 39, "b" * 40 + "\n"])
async def test_nothing_but_a_sha_is_a_commit(git: BareRepositories, base: str, sha: str) -> None:
    with pytest.raises(BadAnswer):
        await git.fetch(REPO, {sha: MAIN})
    await git.fetch(REPO, {base: MAIN})
    with pytest.raises(BadAnswer):
        await git.changed_files(REPO, base, sha)


@pytest.mark.parametrize(
    "ref", ["--all", "main", "refs/heads/a b", "refs/heads/a..b", "refs/heads/*", "refs/x\nrefs/y"]
)
async def test_nothing_but_a_ref_is_a_ref(git: BareRepositories, ref: str) -> None:
    with pytest.raises(BadAnswer):
        await git.fetch(REPO, {"b" * 40: ref})
