import pytest

from tide.adapters.git.failures import DamagedError, failure, refused_sha
from tide.adapters.git.program import Finished
from tide.domain.errors import NotFound, Unauthorized, Unavailable


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        ("fatal: Authentication failed for 'https://github.com/a/b.git/'", Unauthorized),
        ("fatal: could not read Username for 'https://github.com': terminal prompts disabled", Unauthorized),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403", Unauthorized),
        ("git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.", Unauthorized),
        ("remote: Repository not found.\nfatal: repository 'https://github.com/a/b.git/' not found", NotFound),
        ("fatal: '/srv/x.git' does not appear to be a git repository", NotFound),
        ("fatal: couldn't find remote ref refs/pull/7/head", NotFound),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", Unavailable),
        ("fatal: the remote end hung up unexpectedly\nfatal: early EOF", Unavailable),
        ("fatal: write error: No space left on device", Unavailable),
        ("fatal: could not fetch abc from promisor remote", Unavailable),
        ("fatal: something that nobody has seen", Unavailable),
        ("error: object file objects/ab/cd is empty\nfatal: loose object abcd is corrupt", DamagedError),
        ("fatal: bad object aaaa", DamagedError),
        ("fatal: not a git repository: '/cache/x.git'", DamagedError),
        ("merge-tree: abcd - not something we can merge", DamagedError),
    ],
)
def test_what_git_says_tells_what_to_raise(stderr: str, kind: type[Exception]) -> None:
    assert type(failure("fetching acme/rocket", Finished(128, b"", stderr))) is kind


@pytest.mark.parametrize(
    "stderr",
    [
        f"fatal: remote error: upload-pack: not our ref {'b' * 40}",
        f"error: Server does not allow request for unadvertised object {'b' * 40}",
    ],
)
def test_the_commit_that_a_server_refuses_is_found_in_what_it_says(stderr: str) -> None:
    assert refused_sha(Finished(128, b"", stderr)) == "b" * 40


def test_other_failures_name_no_commit() -> None:
    assert refused_sha(Finished(128, b"", "fatal: early EOF")) == ""
