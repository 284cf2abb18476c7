"""The job files that a repository holds itself."""

import pytest

from tests.integration.git.conftest import REPO, WatchedGit
from tests.integration.git.origin import Origin
from tide.adapters.git import in_repo
from tide.adapters.git.bare_repositories import BareRepositories
from tide.domain.errors import BadAnswer, NotFound
from tide.domain.evidence import Proposal
from tide.domain.in_repo import InRepoFile
from tide.domain.pulls import MergeMethod


async def key_of(git: BareRepositories, sha: str) -> str:
    await git.fetch(REPO, {sha: "refs/heads/main"})
    return await git.in_repo_key(REPO, sha)


async def files_of(git: BareRepositories, sha: str) -> dict[str, InRepoFile]:
    return {file.path: file for file in await git.in_repo_files(REPO, await key_of(git, sha))}


def tree_of(origin: Origin, *entries: str) -> str:
    """Write a commit whose `.prow` holds these entries, as git lists them."""
    below = origin.git("mktree", "--missing", stdin="".join(f"{entry}\n" for entry in entries)).strip()
    top = origin.git("mktree", stdin=f"040000 tree {below}\t.prow\n").strip()
    sha = origin.git("commit-tree", top, "-m", "odd").strip()
    origin.git("update-ref", f"refs/keep/{sha}", sha)
    return sha


async def test_without_job_files_there_is_no_key(git: BareRepositories, origin: Origin) -> None:
    sha = origin.commit({"a.txt": "a", ".prowignore": "x", "docs/.prow.yaml": "x"})
    assert await key_of(git, sha) == ""


async def test_a_file_beside_a_regular_file_called_like_the_directory_counts(
    git: BareRepositories, origin: Origin
) -> None:
    sha = origin.commit({".prow.yaml": "presubmits: []\n", ".prow": "no directory", ".prowignore": "*"})
    assert await files_of(git, sha) == {".prow.yaml": InRepoFile(".prow.yaml", b"presubmits: []\n")}


async def test_the_directory_takes_precedence_and_gives_what_is_yaml_or_says_what_to_ignore(
    git: BareRepositories, origin: Origin
) -> None:
    files = {".prow/a.yaml": "a", ".prow/b/c.yml": "c", ".prow/b/.prowignore": "d", ".prowignore": "e"}
    sha = origin.commit({**files, ".prow/README.md": "x", ".prow/yaml": "x", ".prow.yaml": "y", "z.yaml": "z"})
    found = await files_of(git, sha)
    assert {path: file.text.decode() for path, file in found.items()} == files


async def test_only_a_change_of_the_job_files_changes_the_key(git: BareRepositories, origin: Origin) -> None:
    base = origin.commit({".prow/a.yaml": "a", ".prowignore": "i", ".prow.yaml": "shadowed", "a.txt": "a"})
    same = origin.commit({"a.txt": "b", ".prow.yaml": "still shadowed"}, base)
    others = [
        origin.commit(change, base)
        for change in ({".prow/a.yaml": "b"}, {".prow/b.yaml": ""}, {".prowignore": None}, {".prow/a.yaml": None})
    ]
    keys = [await key_of(git, sha) for sha in (base, same, *others)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 5


async def test_a_merged_tree_has_the_key_of_what_it_holds(git: BareRepositories, origin: Origin) -> None:
    base = origin.commit({".prow/a.yaml": "a\n", "a.txt": "a\n"}, ref="refs/heads/main")
    first, second = origin.commit({".prow/b.yaml": "b\n"}, base), origin.commit({".prow/c.yaml": "c\n"}, base)
    both = origin.commit({".prow/b.yaml": "b\n", ".prow/c.yaml": "c\n"}, base)
    await git.fetch(REPO, dict.fromkeys((base, first, second), "refs/heads/main"))
    proposals = [Proposal(1, first, MergeMethod.MERGE), Proposal(2, second, MergeMethod.MERGE)]
    assembly = await git.assemble(REPO, base, proposals, 0)
    assert await git.in_repo_key(REPO, assembly.run_tree) == await key_of(git, both)


async def test_links_and_submodules_are_told_and_not_followed(git: BareRepositories, origin: Origin) -> None:
    target = origin.git("hash-object", "-w", "--stdin", stdin="../../etc/passwd").strip()
    sha = tree_of(origin, f"120000 blob {target}\tlink.yaml", f"160000 commit {'a' * 40}\tmodule.yaml")
    assert {path: file.trouble.split(";")[0] for path, file in (await files_of(git, sha)).items()} == {
        ".prow/link.yaml": "is a symbolic link",
        ".prow/module.yaml": "is a submodule",
    }


async def test_a_link_in_place_of_the_directory_is_no_reason_to_read_another_file(
    git: BareRepositories, origin: Origin
) -> None:
    blob = origin.git("hash-object", "-w", "--stdin", stdin="ci").strip()
    listing = f"120000 blob {blob}\t.prow\n100644 blob {blob}\t.prow.yaml\n"
    sha = origin.git("commit-tree", origin.git("mktree", stdin=listing).strip(), "-m", "odd").strip()
    origin.git("update-ref", "refs/heads/main", sha)
    assert (await files_of(git, sha)).keys() == {".prow"}


async def test_a_link_with_the_same_text_is_another_key(git: BareRepositories, origin: Origin) -> None:
    blob = origin.git("hash-object", "-w", "--stdin", stdin="ci.yaml").strip()
    plain, link = (tree_of(origin, f"{mode} blob {blob}\ta.yaml") for mode in ("100644", "120000"))
    assert await key_of(git, plain) != await key_of(git, link)


async def test_a_file_that_is_too_large_is_not_read_while_others_are(
    git: BareRepositories, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_repo, "LARGEST_FILE", 100)
    found = await files_of(git, origin.commit({".prow/big.yaml": "x" * 101, ".prow/small.yaml": "x" * 100}))
    assert found[".prow/small.yaml"].text == b"x" * 100
    assert "larger" in found[".prow/big.yaml"].trouble


async def test_contents_are_bounded_in_all_also_when_one_is_there_many_times(
    git: BareRepositories, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_repo, "LARGEST_TOTAL", 1000)
    (file,) = (await files_of(git, origin.commit({f".prow/{n}.yaml": "x" * 101 for n in range(10)}))).values()
    assert (file.path, file.text) == (".prow", b"")
    assert "MiB" in file.trouble


async def test_thousands_of_files_are_not_read(git: BareRepositories, origin: Origin, program: WatchedGit) -> None:
    sha = origin.commit({f".prow/{number:04}.yaml": f"# {number}" for number in range(in_repo.MOST_FILES + 1)})
    (file,) = (await files_of(git, sha)).values()
    assert file.trouble == "holds more than 1000 YAML files"
    assert not [arguments for arguments in program.started if "cat-file" in arguments]


async def test_many_contents_are_fetched_and_read_in_few_processes(
    git: BareRepositories, origin: Origin, program: WatchedGit
) -> None:
    sha = origin.commit({f".prow/{number}.yaml": f"# {number}" for number in range(60)})
    key = await key_of(git, sha)
    started = len(program.started)
    assert len(await git.in_repo_files(REPO, key)) == 60
    assert len(program.started) - started == 4
    # All of them came with one fetch, besides the one of the commit.
    packs = list((git.directory / "acme" / "rocket.git" / "objects" / "pack").glob("*.pack"))
    assert len(packs) <= 2


async def test_odd_names_are_told_in_one_line(git: BareRepositories, origin: Origin) -> None:
    names = [".prow/ünï.yaml", ".prow/a b.yaml", ".prow/:(top)x.yaml"]
    assert (await files_of(git, origin.commit(dict.fromkeys(names, "x")))).keys() == set(names)


async def test_what_is_not_here_has_no_key(git: BareRepositories, origin: Origin) -> None:
    await key_of(git, origin.commit({"a.txt": "a"}, ref="refs/heads/main"))
    with pytest.raises(NotFound):
        await git.in_repo_key(REPO, "b" * 40)
    with pytest.raises(BadAnswer):
        await git.in_repo_key(REPO, "--help")
