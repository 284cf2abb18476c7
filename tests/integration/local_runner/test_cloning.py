"""Whoever opens a pull request says what is cloned: neither our token nor anything of the operator's serves that."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.git.origin import Origin
from tests.integration.git.served import TOKEN, GitServer, git_server
from tide.adapters.git.credentials import Credentials
from tide.adapters.git.program import GitProgram
from tide.adapters.local_runner.checkout import Checkout
from tide.adapters.local_runner.instructions import CannotRunError
from tide.domain.grants import NO_GRANTS, CloneGrants
from tide.domain.keys import RepoKey

OURS = f"Authorization: x-access-token:{TOKEN}"
OPERATORS = ("boss", "inline", "cookie", "X-Extra")
PLANS = RepoKey("acme", "plans")


@dataclass
class Town:
    """A code host with the private repositories of one organisation, and a server of a stranger's."""

    place: Path
    host: GitServer
    elsewhere: GitServer
    rocket: Origin
    plans: Origin
    evil: Origin
    grants: CloneGrants = NO_GRANTS
    number: int = 0

    async def clone(self, files: dict[str, str] | None = None, **spec: Any) -> Path:
        """Clone a commit of acme/rocket as a job's work tree is made; give where it lies."""
        base = self.rocket.commit({"README": "rocket\n"} | (files or {}), ref="refs/heads/main")
        refs = {"org": "acme", "repo": "rocket", "base_ref": "main", "base_sha": base} | spec.pop("refs", {})
        prowjob = {"metadata": {"name": "x"}, "spec": {"refs": refs} | spec}
        self.number += 1
        return await self.checkout.make(prowjob, self.place / f"work{self.number}")

    @property
    def checkout(self) -> Checkout:
        async def token(_: RepoKey) -> str:
            return TOKEN

        credentials = Credentials(self.place / "git", lambda repo: self.host.address(str(repo)), token)
        return Checkout(GitProgram(), credentials, lambda _: self.grants)

    async def refused(self, files: dict[str, str] | None = None, **spec: Any) -> str:
        """Clone, which has to fail; give the reason."""
        with pytest.raises(CannotRunError) as caught:
            await self.clone(files, **spec)
        return str(caught.value)

    async def with_submodule(self, url: str) -> Path:
        """Clone acme/rocket with a submodule at an address of the pull request's own."""
        sha = self.plans.git("rev-parse", "main").strip()
        modules = self.rocket.git("hash-object", "-w", "--stdin", stdin=f'[submodule "sub"]\npath = sub\nurl = {url}\n')
        tree = self.rocket.git(
            "mktree",
            "-z",
            "--missing",
            stdin=f"160000 commit {sha}\tsub\x00100644 blob {modules.strip()}\t.gitmodules\0",
        )
        commit = self.rocket.git("commit-tree", tree.strip(), "-m", "submodule").strip()
        self.rocket.git("update-ref", "refs/heads/main", commit)
        return await self.clone_at(commit)

    async def clone_at(self, commit: str) -> Path:
        refs = {"org": "acme", "repo": "rocket", "base_ref": "main", "base_sha": commit}
        self.number += 1
        return await self.checkout.make(
            {"metadata": {"name": "x"}, "spec": {"refs": refs}}, self.place / f"work{self.number}"
        )


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with git_server(tmp_path / "host") as host, git_server(tmp_path / "elsewhere") as elsewhere:
        rocket, plans = host.repository("acme/rocket", private=True), host.repository("acme/plans", private=True)
        plans.commit({"secret.txt": "the plans\n"}, ref="refs/heads/main")
        evil = elsewhere.repository("x", private=True)
        evil.commit({"x.txt": "x\n"}, ref="refs/heads/main")
        yield Town(tmp_path, host, elsewhere, rocket, plans, evil)


def told(server: GitServer, *secrets: str) -> list[str]:
    """What a server was shown of these."""
    return [header for _, header in server.shown if any(secret in header for secret in secrets)]


def named(town: Town, what: str) -> str:
    """An address, in the way a stranger may write it."""
    host = town.host.url.removeprefix("http://")
    return {
        "elsewhere": town.elsewhere.address("x"),
        "private": town.host.address("acme/plans"),
        "bare": f"{town.host.url}/acme/plans",
        "case": f"{town.host.url}/ACME/Plans.git/",
        "dots": f"{town.host.url}/acme/rocket.git/../plans.git",
        "login": f"http://x-access-token@{host}/acme/plans.git",
        "path": str(town.plans.path),
        "file": town.plans.url,
        "ext": f"ext::git %s {town.plans.path}",
        "ssh": f"ssh://git@{host.partition(':')[0]}/acme/plans.git",
        # The address of what may be read stands in it, but it is another server's.
        "nested": f"http://foo@{town.elsewhere.url.removeprefix('http://')}/x://x-access-token@{host}/acme/rocket.git",
        "as a login": f"http://x-access-token%40{host.replace(':', '%3A')}%2Facme%2Frocket.git@"
        f"{town.elsewhere.url.removeprefix('http://')}/x.git",
    }[what]


NAMED = ("elsewhere", "private", "bare", "case", "dots", "login", "path", "file", "ext", "ssh", "nested", "as a login")


async def test_a_repository_is_cloned_with_the_token(town: Town) -> None:
    work = await town.clone()
    assert (work / "README").read_text() == "rocket\n"
    assert town.host.headers("acme/rocket") == {OURS}


@pytest.mark.parametrize("spelling", ["{0}/ACME/Rocket", "https://{1}/acme/rocket.git/", "{0}/acme/rocket.git"])
async def test_its_own_address_may_be_spelled_in_many_ways(town: Town, spelling: str) -> None:
    uri = spelling.format(town.host.url, town.host.url.removeprefix("http://"))
    assert (await town.clone(refs={"clone_uri": uri}) / "README").exists()
    assert set(town.host.asked) == {"/acme/rocket.git/info/refs", "/acme/rocket.git/git-upload-pack"}


@pytest.mark.parametrize("what", NAMED)
async def test_a_clone_uri_of_a_stranger_gets_nothing(town: Town, what: str) -> None:
    assert "could not be cloned" in await town.refused(refs={"clone_uri": named(town, what)})
    assert told(town.elsewhere, TOKEN) == []
    assert told(town.host, TOKEN) == []


@pytest.mark.parametrize("what", NAMED)
async def test_extra_refs_of_a_stranger_get_nothing(town: Town, what: str) -> None:
    extra = {"org": "acme", "repo": "plans", "base_ref": "main", "clone_uri": named(town, what)}
    assert "could not be cloned" in await town.refused(extra_refs=[extra])
    assert OURS not in town.host.headers("acme/plans")
    assert told(town.elsewhere, TOKEN) == []


async def test_extra_refs_that_only_a_stranger_names_are_nobodys(town: Town) -> None:
    told = await town.refused(extra_refs=[{"org": "acme", "repo": "plans", "base_ref": "main"}])
    assert told.startswith("Job could not be cloned: ")
    assert "without the token: see `jobs_may_read`" in told
    assert town.host.headers("acme/plans") == set()


@pytest.mark.parametrize("what", NAMED)
async def test_a_submodule_gets_nothing(town: Town, what: str) -> None:
    with pytest.raises(CannotRunError):
        await town.with_submodule(named(town, what))
    assert OURS not in town.host.headers("acme/plans")
    assert told(town.elsewhere, TOKEN) == []


@pytest.mark.parametrize("what", ["private", "bare", "case"])
async def test_a_submodule_that_the_operator_lists_is_read(town: Town, what: str) -> None:
    town.host.repository("ACME/Plans").path.rename(town.place / "aside")
    (town.host.root / "ACME" / "Plans.git").symlink_to(town.plans.path)
    (town.host.root / "acme" / "plans").symlink_to(town.plans.path)
    town.grants = CloneGrants(frozenset({PLANS}))
    work = await town.with_submodule(named(town, what))
    assert (work / "sub" / "secret.txt").read_text() == "the plans\n"
    assert town.elsewhere.shown == []


@pytest.mark.parametrize("what", ["dots", "nested", "as a login", "path", "file", "ext"])
async def test_what_is_listed_opens_nothing_else(town: Town, what: str) -> None:
    with pytest.raises(CannotRunError):
        await town.with_submodule(named(town, what))
    assert OURS not in town.host.headers("acme/plans") | town.host.headers("acme/rocket.git/..")
    assert told(town.elsewhere, TOKEN) == []


async def test_extra_refs_that_the_operator_names_are_read(town: Town) -> None:
    extra = {"org": "acme", "repo": "plans", "base_ref": "main", "workdir": True}
    town.grants = CloneGrants(frozenset({PLANS}))
    assert (await town.clone(extra_refs=[extra]) / "secret.txt").exists()
    address = named(town, "case")
    town.grants = CloneGrants(addresses={address: PLANS})
    assert (await town.clone(extra_refs=[extra | {"clone_uri": address}]) / "secret.txt").exists()


async def test_an_address_elsewhere_that_the_operator_names_gets_his_own_means_and_not_our_token(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    operators(town, monkeypatch)
    town.host.private.clear()
    address = town.elsewhere.address("x")
    extra = {"org": "acme", "repo": "x", "base_ref": "main", "clone_uri": address, "blobless_fetch": True}
    town.grants = CloneGrants(addresses={address: RepoKey("acme", "x"), town.plans.url: PLANS})
    with pytest.raises(CannotRunError):
        await town.clone(extra_refs=[extra])
    assert told(town.elsewhere, "boss:")
    assert told(town.elsewhere, TOKEN) == []
    local = {"org": "acme", "repo": "plans", "base_ref": "main", "clone_uri": town.plans.url, "workdir": True}
    assert (await town.clone(extra_refs=[local]) / "secret.txt").exists()


def operators(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the operator everything by which git could prove who he is."""
    home = town.place / "home"
    home.mkdir()
    hosts = [server.url.removeprefix("http://").partition(":")[0] for server in (town.host, town.elsewhere)]
    (home / ".netrc").write_text("".join(f"machine {host} login boss password netrc\n" for host in hosts))
    (home / "cookies").write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tcookie\n")
    helper = home / "helper"
    helper.write_text("#!/bin/sh\necho username=boss\necho password=password\n")
    helper.chmod(0o755)
    urls = (town.host.url, town.elsewhere.url)
    (home / ".gitconfig").write_text(
        f"[credential]\n\thelper = {helper}\n[core]\n\taskPass = {helper}\n"
        f"[http]\n\tcookieFile = {home}/cookies\n\textraHeader = X-Extra: all\n"
        + "".join(
            f'[http "{url}/"]\n\textraHeader = X-Extra: one\n[credential "{url}"]\n\thelper = {helper}\n'
            for url in urls
        )
        + "".join(
            f'[url "http://boss:inline@{url.removeprefix("http://")}/"]\n\tinsteadOf = {url}/x/\n' for url in urls
        )
        + "[protocol]\n\tallow = always\n"
    )
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    monkeypatch.setenv("GIT_ASKPASS", str(helper))
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {shlex.quote(str(home))}/ssh; false")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh:ext")


@pytest.mark.parametrize("what", NAMED)
async def test_nothing_of_the_operators_serves_a_strangers_address(
    town: Town, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    operators(town, monkeypatch)
    with pytest.raises(CannotRunError):
        await town.with_submodule(named(town, what))
    await town.refused(refs={"clone_uri": named(town, what)})
    assert told(town.elsewhere, TOKEN, *OPERATORS) == []
    assert OURS not in town.host.headers("acme/plans")
    assert [shown for path, shown in town.host.shown if "rocket" not in path and "boss" in shown] == []
    assert not (town.place / "home" / "ssh").exists()


async def test_a_public_submodule_is_still_read(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.elsewhere.private.clear()
    sha = town.plans.git("rev-parse", "main").strip()
    town.evil.git("fetch", "-q", str(town.plans.path), "main:shared")
    assert town.evil.git("rev-parse", "shared").strip() == sha
    work = await town.with_submodule(town.elsewhere.address("x"))
    assert (work / "sub" / "secret.txt").exists()
    # So it is where the operator says by which way a server is reached.
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(town.place / "gitconfig"))
    (town.place / "gitconfig").write_text(f'[url "{town.elsewhere.url}/"]\n\tinsteadOf = git@github.com:\n')
    work = await town.with_submodule("git@github.com:x.git")
    assert (work / "sub" / "secret.txt").exists()


async def test_a_repository_that_has_been_renamed_is_followed_on_its_server_alone(town: Town) -> None:
    town.host.repository("acme/missile", private=True)
    town.rocket.path.rename(town.place / "aside")
    (town.host.root / "acme" / "missile.git").rename(town.place / "empty")
    (town.place / "aside").rename(town.host.root / "acme" / "missile.git")
    base = Origin(town.host.root / "acme" / "missile.git").commit({"README": "x"}, ref="refs/heads/main")
    town.host.moved["acme/rocket"] = "/acme/missile.git"
    assert (await town.clone_at(base) / "README").exists()
    town.host.moved["acme/rocket"] = town.elsewhere.address("x")
    with pytest.raises(CannotRunError):
        await town.clone_at(base)
    assert town.elsewhere.shown == []


async def test_a_strangers_server_that_sends_on_to_the_code_host_gets_nothing_from_there(town: Town) -> None:
    town.elsewhere.moved["x"] = town.host.address("acme/plans")
    await town.refused(refs={"clone_uri": town.elsewhere.address("x")})
    with pytest.raises(CannotRunError):
        await town.with_submodule(town.elsewhere.address("x"))
    assert town.host.headers("acme/plans") == set()


async def test_what_asks_for_credentials_for_itself_gets_them_for_what_may_be_read_alone(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs such as git-lfs ask by `git credential fill`, also where a pull request's `.lfsconfig` leads."""
    program = town.place / "filter"
    program.write_text(
        "#!/bin/sh\ncat\n"
        f"for path in acme/rocket.git/info/lfs acme/plans.git/info/lfs; do\n"
        f"  printf 'protocol=http\\nhost={town.host.url.removeprefix('http://')}\\npath=%s\\n\\n' $path |\n"
        f"    git credential fill >> {town.place}/filled 2>&1\ndone\nexit 0\n"
    )
    program.chmod(0o755)
    config = town.place / "gitconfig"
    config.write_text(f'[filter "lfs"]\n\tsmudge = {program}\n\trequired = true\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    await town.clone({".gitattributes": "*.bin filter=lfs\n", "a.bin": "a\n"})
    filled = (town.place / "filled").read_text()
    assert filled.count(f"password={TOKEN}") == 1
    assert f"path=acme/rocket.git/info/lfs\nusername=x-access-token\npassword={TOKEN}" in filled


async def test_no_clone_lies_in_another_one_s_own_files(town: Town) -> None:
    """What is checked out there would be git's configuration, by which git runs programs as us."""
    town.elsewhere.private.clear()
    town.evil.commit({"config": "[core]\n\tfsmonitor = touch /x\n"}, ref="refs/heads/main")
    extra = {"org": "a", "repo": "b", "base_ref": "main", "clone_uri": town.elsewhere.address("x")}
    for alias in ("github.com/acme/rocket/.git", "x/.GIT/y", "github.com/acme/rocket"):
        assert "is no path to clone to" in await town.refused(extra_refs=[extra | {"path_alias": alias}])
    tree = town.rocket.git("hash-object", "-w", "--stdin", stdin=".git").strip()
    listing = town.rocket.git("mktree", "-z", stdin=f"120000 blob {tree}\tlink\0").strip()
    commit = town.rocket.git("commit-tree", listing, "-m", "link").strip()
    town.rocket.git("update-ref", "refs/heads/main", commit)
    prowjob = {
        "metadata": {"name": "x"},
        "spec": {
            "refs": {"org": "acme", "repo": "rocket", "base_ref": "main", "base_sha": commit},
            "extra_refs": [extra | {"path_alias": "github.com/acme/rocket/link"}],
        },
    }
    with pytest.raises(CannotRunError, match="is no path to clone to"):
        await town.checkout.make(prowjob, town.place / "linked")


async def test_the_token_is_written_nowhere(town: Town) -> None:
    town.grants = CloneGrants(frozenset({PLANS}))
    await town.with_submodule(named(town, "private"))
    files = [path for path in town.place.rglob("*") if path.is_file() and not path.is_symlink()]
    assert all(TOKEN.encode() not in path.read_bytes() for path in files)


async def test_a_blobless_clone_gets_the_rest_with_the_token(town: Town) -> None:
    work = await town.clone(refs={"blobless_fetch": True})
    assert (work / "README").read_text() == "rocket\n"
