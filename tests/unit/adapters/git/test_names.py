import pytest

from tide.adapters.git.names import checked_ref, checked_sha, repository_directory
from tide.domain.errors import BadAnswer
from tide.domain.keys import RepoKey


@pytest.mark.parametrize("sha", ["a" * 40, "0123456789abcdef" * 4])
def test_full_names_of_objects_pass(sha: str) -> None:
    assert checked_sha(sha) == sha


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/feature/x-1.2", "refs/pull/7/head", "refs/heads/ünï"])
def test_full_names_of_refs_pass(ref: str) -> None:
    assert checked_ref(ref) == ref


@pytest.mark.parametrize(
    "ref",
    ["main", "-x", "refs/", "refs/heads/a.lock", "refs/heads/.a", "refs/heads/a@{1}", "refs/heads/a/", "refs/a\\b"],
)
def test_what_git_would_not_take_for_a_ref_is_refused(ref: str) -> None:
    with pytest.raises(BadAnswer):
        checked_ref(ref)


def test_a_repository_lies_below_its_organisation() -> None:
    assert str(repository_directory(RepoKey("acme", ".github"))) == "acme/.github.git"
