"""Stories about the queue: contributors, GitHub, a CI and a human on one side, the sync on the other.

GitHub is the sandbox over HTTP, git is real, the configuration is loaded from files; the CI is in memory, and so is the
store unless a story says otherwise; time moves as the story says.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.integration.sandbox.world import AUTHOR, Clock
from tests.integration.sync.ci import Ci
from tests.integration.sync.witness import Killed, Tampered, Witness
from tests.stores import Backend, Row
from tide.adapters.git.bare_repositories import BareRepositories
from tide.adapters.github.connect import GitHubSettings, github
from tide.adapters.github.retries import Patience
from tide.app.reading import Archive, Asked
from tide.config.loading import LoadOptions
from tide.config.reload import ConfigSource
from tide.config.sources import ConfigPaths
from tide.domain.actions import Blocked, Wait
from tide.domain.decisions import Verdict
from tide.domain.errors import LeaseLost
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.leases import Lease
from tide.domain.names import ByName
from tide.domain.records import HistoryRecord, PoolView
from tide.domain.runs import Run, RunKind, RunState
from tide.domain.snapshot import Standing
from tide.policy.queries import ask_for_reviews
from tide.ports.code_host import CodeHost
from tide.ports.leases import Leases
from tide.ports.store import Store
from tide.ports.views import Views
from tide.sandbox.changes import AnyChange, Pushed
from tide.sandbox.commits import NewCommit
from tide.sandbox.faults import Fault
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.scenarios.suite import failures
from tide.sandbox.scenarios.truth import Truth
from tide.sandbox.server import Sandbox, Settings, running
from tide.sandbox.state import Forge, NewPull
from tide.sync.statuses import Statuses
from tide.sync.sync import Sync
from tide.sync.world import World

MAIN = PoolKey("acme", "rocket", "main")
ROCKET = "acme/rocket"
UNIT = "unit"
AT_ONCE = Patience(retries=1, first_wait=timedelta(0), longest_wait=timedelta(0), jitter=timedelta(0))
MERGE_PATH = r"/pulls/\d+/merge$"

PROW_CONFIG: dict[str, Any] = {
    "tide": {
        "queries": [{"orgs": ["acme"], "labels": ["lgtm"], "missingLabels": ["hold"]}],
        "blocker_label": "merge-blocker",
        "squash_label": "tide/squash",
        "rebase_label": "tide/rebase",
        "merge_label": "tide/merge",
    }
}


def job(name: str = UNIT, **fields: Any) -> dict[str, Any]:
    """Write a presubmit that always runs."""
    runs = {} if {"run_if_changed", "always_run"} & fields.keys() else {"always_run": True}
    return {"name": name, "spec": {"containers": [{"image": "none", "command": ["true"]}]}, **runs, **fields}


@dataclass
class Config:
    """The configuration of a story: what `PROW_CONFIG` says, with these changes.

    `prow` adds sections, `tide` replaces keys of its own; `jobs` are the presubmits by repository; `queue` the keys of
    our own file. With `statuses` the status context `tide` is written. With `per_org` every search is limited to one
    organisation, as for an App.
    """

    prow: Mapping[str, Any] = field(default_factory=dict)
    tide: Mapping[str, Any] = field(default_factory=dict)
    jobs: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=lambda: {ROCKET: [job()]})
    queue: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"*": {"trigger": True}})
    statuses: bool = False
    per_org: bool = False

    def load(self, folder: Path) -> ConfigSource:
        """Write the files and load them."""
        prow = {**self.prow, "tide": PROW_CONFIG["tide"] | self.tide, "presubmits": dict(self.jobs)}
        (folder / "config.yaml").write_text(yaml.safe_dump(prow))
        (folder / "queue.yaml").write_text(yaml.safe_dump({"merge_queue": dict(self.queue)}))
        paths = ConfigPaths(folder / "config.yaml", merge_queue=folder / "queue.yaml")
        return ConfigSource(paths, LoadOptions(search_per_org=self.per_org))

    @property
    def job_names(self) -> dict[str, frozenset[str]]:
        """The jobs by repository, as the truth wants them."""
        return ByName({repo: frozenset(str(one["name"]) for one in jobs) for repo, jobs in self.jobs.items()})


@dataclass
class StoryClock:
    """The sandbox's time as ours; waiting moves it. `meanwhile` happens while somebody waits, once.

    Ours is `ahead` of it by as much (behind it by less than nothing).
    """

    sandbox: Clock
    ahead: timedelta = timedelta(0)
    slept: list[float] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    def now(self) -> datetime:
        return self.sandbox.now + self.ahead

    def steady(self) -> float:
        return self.sandbox.now.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sandbox.forward(seconds=seconds)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            await meanwhile()


@dataclass
class Story:
    """Everything that a story may do and ask."""

    config: Config
    sandbox: Sandbox
    clock: StoryClock
    truth: Truth
    ci: Ci
    backend: Backend
    store: Store
    views: Views
    folder: Path
    world: World
    witness: Witness
    lead: "Lead"
    sync_: Sync
    woken: list[PoolKey] = field(default_factory=list)
    pushes: list[Pushed] = field(default_factory=list)

    @property
    def forge(self) -> Forge:
        return self.sandbox.forge

    def repository(self, name: str = ROCKET) -> Repository:
        return self.forge.repository(name)

    # What contributors and maintainers do.

    async def write(self, branch: str, files: Mapping[str, bytes | None]) -> None:
        """Push a commit with any files."""
        repository = self.repository()
        parent = (repository.branches[branch],)
        new = NewCommit(parents=parent, files=files, message="Write", author=AUTHOR, at=self.clock.now())
        (sha,) = await repository.git.write_commits([new])
        await self.forge.write_branch(repository, branch, sha, actor="alice")

    async def commit(self, parent: str, repo: str = ROCKET, **files: str | None) -> str:
        """Write a commit whose files are parts of the code (`pump="provides pump"`)."""
        contents = {
            f"parts/{name}.part": None if text is None else f"{text}\n".encode() for name, text in files.items()
        }
        # No two commits are the same: GitHub would take one for the other.
        message = f"Change {self.forge.next_id()}"
        new = NewCommit(parents=(parent,), files=contents, message=message, author=AUTHOR, at=self.clock.now())
        return (await self.repository(repo).git.write_commits([new]))[0]

    async def open_pull(
        self,
        name: str,
        *,
        labels: tuple[str, ...] = ("lgtm",),
        base: str = "main",
        repo: str = ROCKET,
        parent: str = "",
        **files: str | None,
    ) -> PullRequest:
        """Open a pull request of one commit from the branch `name`; it adds a good part unless `files` say more."""
        repository = self.repository(repo)
        sha = await self.commit(parent or repository.branches[base], repo, **(files or {name: f"provides {name}"}))
        await self.forge.write_branch(repository, name, sha, actor="alice")
        new = NewPull(title=f"Add {name}", head_ref=name, base_ref=base, labels=labels)
        return self.forge.open_pull(repository, new, "alice")

    async def push(self, branch: str, repo: str = ROCKET, **files: str | None) -> str:
        """Push a commit to a branch, past all rules."""
        repository = self.repository(repo)
        sha = await self.commit(repository.branches[branch], repo, **files)
        await self.forge.write_branch(repository, branch, sha, actor="mallory")
        return sha

    async def rewrite(self, pull: PullRequest, **files: str | None) -> str:
        """Push another head to a pull request, of one commit on its base as that is now; give it."""
        sha = await self.commit(self.head(pull.base_ref), ROCKET, **files)
        await self.forge.write_branch(self.repository(), pull.head_ref, sha, actor="alice")
        return sha

    async def sign(self, pull: PullRequest) -> None:
        """Push the head of a pull request once more, with something in its header that stands for a signature."""
        git = self.repository().git
        header, _, message = (await git.run("cat-file", "commit", pull.head_sha)).partition(b"\n\n")
        signed = header + b"\ngpgsig a signature\n\n" + message
        sha = await git.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=signed)
        await self.forge.write_branch(self.repository(), pull.head_ref, sha.decode().strip(), actor="alice")

    def add_label(self, pull: PullRequest, label: str, repo: str = ROCKET) -> None:
        self.forge.add_label(self.repository(repo), pull, label)

    def remove_label(self, pull: PullRequest, label: str, repo: str = ROCKET) -> None:
        self.forge.remove_label(self.repository(repo), pull, label)

    def fault(self, kind: Any, path: str = MERGE_PATH, **fields: Any) -> int:
        """Let requests go wrong; see `tide.sandbox.faults.Fault`."""
        return self.sandbox.faults.add(Fault(kind=kind, path=path, **fields))

    async def retest(self, pull: PullRequest, repo: str = ROCKET) -> Asked:
        """Run `tide retest`."""
        key = RepoKey.parse(repo)
        return await Archive(self.store, self.views).retest(PullKey(key.org, key.name, pull.number))

    # What the daemon does.

    async def sync(self) -> None:
        """Let ten seconds pass, then search and look at every pool once."""
        self.clock.sandbox.forward(seconds=10)
        await self.lead.keep()
        await self.sync_.round()
        if self.sync_.statuses:
            await self.sync_.statuses.round()

    def hang(self) -> list[Run]:
        """Let every live run hang until nobody waits for it any more; give them."""
        live = list(self.ci.live)
        self.clock.sandbox.forward(hours=26)
        assert self.ci.live == ()
        return live

    async def run_jobs(self) -> None:
        """Let every live run end, as its tree deserves."""
        await self.ci.finish()

    async def settle(self, most: int = 40) -> None:
        """Sync and run jobs until nothing happens any more."""
        for _ in range(most):
            seen = len(self.witness.decisions)
            await self.sync()
            actions = [decision.action for decision in self.witness.decisions[seen:]]
            first_runs = [trigger for decision in self.witness.decisions[seen:] for trigger in decision.first_runs]
            if all(isinstance(action, Wait | Blocked) for action in actions) and not first_runs and not self.ci.live:
                return
            await self.run_jobs()
        raise AssertionError(f"not settled: {[str(decision.action) for decision in self.witness.decisions[-5:]]}")

    def restart(self, *, is_dry_run: bool = False) -> None:
        """Begin anew as a new process would, with the store as it is."""
        self.world = replace(self.world, store=self.store, code_host=self.host, git=self.git, runner=self.ci)
        self.lead.process += 1
        self.sync_ = self._sync(is_dry_run=is_dry_run)

    def tamper(self, port: str, method: str, **how: Any) -> Tampered:
        """Let one call of a port go wrong; see `Tampered`."""
        tampered = Tampered(getattr(self.world, port), method, **how)
        changed: dict[str, Any] = {port: tampered}
        self.world = replace(self.world, **changed)
        # What this process remembers, stays.
        self.sync_.world = self.world
        if self.sync_.statuses:
            self.sync_.statuses.world = self.world
        return tampered

    async def sync_and_die(self) -> None:
        """Sync, and be killed on the way."""
        try:
            await self.sync()
        except BaseExceptionGroup as group:
            if group.subgroup(Killed) is None:
                raise
        else:
            raise AssertionError("the process was to be killed")

    def reload(self, **changes: Any) -> None:
        """Take another configuration into force."""
        self.config = replace(self.config, **changes)
        loaded = self.config.load(self.folder)
        self.sync_.config = lambda: loaded.current

    # What there is to see.

    @property
    def host(self) -> CodeHost:
        host = self.world.code_host
        while isinstance(host, Tampered):
            host = host.port
        return host

    @property
    def git(self) -> Any:
        git = self.world.git
        while isinstance(git, Tampered):
            git = git.port
        return git

    def head(self, branch: str = "main", repo: str = ROCKET) -> str:
        return self.repository(repo).branches[branch]

    async def parts(self, branch: str = "main", repo: str = ROCKET) -> set[str]:
        """The parts of the code that a branch has."""
        listed = await self.repository(repo).git.run("ls-tree", "--name-only", self.head(branch, repo), "parts/")
        return {name.removeprefix("parts/").removesuffix(".part") for name in listed.decode().splitlines()}

    def merges(self, pull: PullRequest) -> int:
        """How often a pull request moved a branch."""
        return sum(push.pull is pull for push in self.pushes)

    def runs(self, *numbers: int, kind: RunKind | None = None) -> list[Run]:
        """The runs that tested exactly these pull requests."""
        return [
            run
            for run in self.ci.all
            if tuple(number for number, _sha in run.heads) == numbers and kind in {None, run.kind}
        ]

    async def history(self, pool: PoolKey = MAIN) -> list[HistoryRecord]:
        """What was done to a pool, oldest first."""
        return sorted(await self.views.history(pool), key=lambda record: record.id)

    async def deeds(self, pool: PoolKey = MAIN) -> list[str]:
        """What was done to a pool, oldest first, as `ACTION numbers`."""
        return [
            " ".join([record.action, *(str(target.number) for target in record.targets)])
            for record in await self.history(pool)
        ]

    async def verdict(self, pull: PullRequest, repo: str = ROCKET) -> Verdict:
        """What is said about a pull request."""
        key = RepoKey.parse(repo)
        record = await self.views.pull(PullKey(key.org, key.name, pull.number))
        assert record is not None, f"#{pull.number} is not known"
        assert record.verdict is not None, f"#{pull.number} is not explained"
        return record.verdict

    async def pool(self, pool: PoolKey = MAIN) -> PoolView:
        view = await self.views.pool(pool)
        assert view is not None, f"{pool} is not known"
        return view

    async def standing(self, pool: PoolKey = MAIN) -> Standing:
        return await self.store.standing(pool)

    async def rows(self, table: str) -> list[Row]:
        """The rows of a table, oldest first where they are numbered."""
        return await self.backend.rows(table)

    async def expect_green(self) -> None:
        """No branch ever rested on a failing head, and no intermediate one failed either."""
        verdict = await self.truth.verdict()
        assert verdict.red == ()
        assert verdict.passing_by == ()

    def _sync(self, *, is_dry_run: bool = False) -> Sync:
        loaded = self.config.load(self.folder)
        lease = None if is_dry_run else self.lead
        statuses = Statuses(self.world, lease) if self.config.statuses else None
        return Sync(self.world, lambda: loaded.current, lease, wake=self.woken.append, statuses=statuses)


@dataclass
class Lead:
    """The lead, which the process that lives has. A new process has it from the one before it, without the wait."""

    leases: Leases
    process: int = 1
    lease: Lease | None = None

    def __call__(self) -> Lease:
        """Give the lease."""
        if self.lease is None:
            raise LeaseLost("nobody leads")
        return self.lease

    async def keep(self) -> None:
        """Have the lead, also after the store was emptied."""
        if self.lease and self.lease.holder != self._name:
            await self.leases.release(self.lease)
        try:
            self.lease = await self.leases.renew(self())
        except LeaseLost:
            self.lease = await self.leases.take(self._name)

    @property
    def _name(self) -> str:
        return f"process {self.process}"


@dataclass
class _Judge:
    """Judges a run by the files of the tree that it tests; merged trees are in the queue's own copy."""

    sandbox: Sandbox
    git: Path

    async def __call__(self, run: Run) -> RunState:
        repository = self.sandbox.forge.repository(str(run.pool.repository))
        await repository.git.flush()
        merged = self.git / f"{run.pool.repository}.git" / "objects"
        files = await asyncio.to_thread(_parts, repository.git.path, merged, run.run_tree or run.base_sha)
        return RunState.FAILURE if failures(files, frozenset({run.job})) else RunState.SUCCESS


def _parts(repository: Path, more_objects: Path, tree: str) -> dict[str, str]:
    command = ["git", "-C", str(repository), "grep", "--full-name", "-z", "", tree, "--", "parts"]
    environment = {"PATH": os.environ["PATH"], "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(more_objects)}
    found = subprocess.run(command, capture_output=True, check=False, text=True, env=environment)
    if found.returncode > 1:
        raise AssertionError(found.stderr)
    files: dict[str, str] = {}
    for line in found.stdout.splitlines():
        place, _, text = line.partition("\0")
        path = place.partition(":")[2]
        files[path] = f"{files.get(path, '')}{text}\n"
    return files


@asynccontextmanager
async def told(backend: Backend, folder: Path, config: Config) -> AsyncIterator[Story]:
    """Serve GitHub with the repositories that have jobs, each with `main` and `release`, and a sync over it."""
    for name in ("forge", "git", "config"):
        (folder / name).mkdir()
    clock = StoryClock(Clock())
    forge = Forge(clock.sandbox, folder / "forge")
    for name in config.jobs or {ROCKET: ()}:
        await _found(forge, name)
    truth, pushes = Truth(forge, config.job_names), list[Pushed]()
    forge.subscribe(lambda change: _note(pushes, change))
    async with running(forge, settings=Settings()) as sandbox:
        sandbox.tokens.register("queue-token", "merge-bot")
        (folder / "token").write_text("queue-token\n")
        loaded = config.load(folder / "config")
        settings = GitHubSettings(
            endpoints=(sandbox.url,),
            graphql_endpoint=sandbox.graphql_url,
            request_timeout=timedelta(seconds=20),
            patience=AT_ONCE,
            asks_for_reviews=lambda: ask_for_reviews(loaded.current.queries),
        )
        async with github(settings, folder / "token", clock=clock, sleep=clock.sleep) as host:
            git = BareRepositories(folder / "git", lambda repo: sandbox.git_url(str(repo)), _token)
            ci = Ci(clock, _Judge(sandbox, folder / "git"), host)
            witness = Witness()
            # It is the store that lets a lease run out, by its own clock: here it must not.
            leases, store = backend.open_leases(clock, timedelta(hours=1)), backend.open_store()
            world = World(host, git, ci, store, witness, clock, leases, clock.sleep)
            lead, woken = Lead(leases), list[PoolKey]()
            await lead.keep()
            statuses = Statuses(world, lead) if config.statuses else None
            yield Story(
                config=config,
                sandbox=sandbox,
                clock=clock,
                truth=truth,
                ci=ci,
                backend=backend,
                store=store,
                views=backend.open_views(),
                folder=folder / "config",
                world=world,
                witness=witness,
                lead=lead,
                sync_=Sync(world, lambda: loaded.current, lead, wake=woken.append, statuses=statuses),
                woken=woken,
                pushes=pushes,
            )


async def _token(_repo: RepoKey) -> str:
    return "queue-token"


async def _found(forge: Forge, name: str) -> None:
    owner, _, short = name.partition("/")
    repository = await forge.create_repository(owner, short)
    files = {"parts/core.part": b"provides core\n", "README.md": b"# A rocket\n"}
    new = NewCommit(parents=(), files=files, message="Begin", author=AUTHOR, at=forge.now())
    (sha,) = await repository.git.write_commits([new])
    for branch in ("main", "release"):
        await forge.write_branch(repository, branch, sha)


def _note(pushes: list[Pushed], change: AnyChange) -> None:
    if isinstance(change, Pushed):
        pushes.append(change)
