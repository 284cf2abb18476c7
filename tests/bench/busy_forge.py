"""A simulated GitHub with 200 pools and 3,000 open pull requests, in which people and their CI go on working.

Of the pull requests of each pool two or three have opted in, and are held back by what holds pull requests back in
life: a job that failed, that is running, that has not reported; or all is well and the branch is paused. What happens
in a minute is given by `MINUTE`: a busy hour of a large community.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from tide.adapters.clock import SystemClock
from tide.sandbox.commits import NewCommit
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.model import PullRequest, Repository, StatusState
from tide.sandbox.state import Forge, NewPull

ORGS = tuple(f"acme-{letter}" for letter in "abcd")
REPOS_PER_ORG, WITH_RELEASE_PER_ORG, PULLS_PER_POOL = 40, 10, 15
MAIN, RELEASE = "main", "release-1"
OPT_IN, PICK, HOLD = ("lgtm", "approved"), "cherry-pick-approved", "do-not-merge/hold"
JOBS, CHECKS = ("unit", "integration", "lint"), ("build", "docs")
# Paused repositories, and those with check runs beside the statuses of the jobs: every so many.
PAUSED_EVERY, CHECKS_EVERY = 7, 3
REPOS = tuple((org, f"part-{number}") for org in ORGS for number in range(REPOS_PER_ORG))
POOLS = tuple(
    (f"{org}/part-{number}", branch)
    for org in ORGS
    for number in range(REPOS_PER_ORG)
    for branch in ((MAIN, RELEASE) if number < WITH_RELEASE_PER_ORG else (MAIN,))
)
PULLS = len(POOLS) * PULLS_PER_POOL
PAUSED = tuple(f"{org}/{name}" for org, name in REPOS if int(name.removeprefix("part-")) % PAUSED_EVERY == 0)
RUN_MINUTES = 5

_TROUBLES = ("failure", "failure", "failure", "failure", "failure", "pending", "pending", "check", "absent")
_START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Minute:
    """How often what happens in a minute."""

    merges: int = 1
    pushes: int = 2
    retests: int = 3
    comments: int = 10
    relabeled: int = 2
    closed_every: int = 2


MINUTE = Minute()


@dataclass(slots=True)
class VirtualClock:
    """Time that only the benchmark moves; leases go by the machine's."""

    at: datetime = _START

    def now(self) -> datetime:
        return self.at

    def steady(self) -> float:
        return SystemClock().steady()

    def forward(self, delta: timedelta) -> None:
        self.at += delta


@dataclass(slots=True)
class BusyForge:
    """The forge, and everybody in it; `merged` counts what was made ready to merge."""

    forge: Forge
    clock: VirtualClock
    random: Random = field(default_factory=lambda: Random(20260302))  # noqa: S311 - chance that can be played again
    minutes: int = 0
    ready: list[PullRequest] = field(default_factory=list)
    _running: list[tuple[int, Repository, str]] = field(default_factory=list)
    _made: int = 0

    @classmethod
    async def opened(cls, root: Path) -> "BusyForge":
        """Give a forge with all its pull requests."""
        clock = VirtualClock(_START - timedelta(minutes=PULLS))
        busy = cls(Forge(clock.now, root), clock)
        for org, name in REPOS:
            await busy._settle(org, name)
        for pool in POOLS:
            for number, head in enumerate(await busy._commits(*pool, PULLS_PER_POOL)):
                clock.forward(timedelta(minutes=1))
                busy._open(*pool, head, opts_in=number < busy._candidates_of(pool))
        for repository in busy.forge.repositories.values():
            await busy.forge.mergeabilities(repository, repository.pulls.values())
        return busy

    async def minute(self) -> None:
        """Let a minute pass, and do what happens in it."""
        self.minutes += 1
        self.clock.forward(timedelta(minutes=1))
        self._end_runs()
        for _ in range(MINUTE.merges):
            await self._make_ready()
        for repository, pull in self._some(MINUTE.pushes):
            await self._push(repository, pull)
        for repository, pull in self._some(MINUTE.retests, opted_in=True):
            self._run_jobs(repository, pull.head_sha)
        for repository, pull in self._some(MINUTE.comments):
            self.forge.comment(repository, pull, "/cc @alice", "bob")
        for repository, pull in self._some(MINUTE.relabeled):
            self.forge.add_label(repository, pull, f"area/{self.minutes}")
        if self.minutes % MINUTE.closed_every == 0:
            for repository, pull in self._some(1):
                self.forge.close_pull(repository, pull)
                await self._open_another(repository, pull.base_ref)

    def open_pulls(self) -> list[tuple[Repository, PullRequest]]:
        """List what is open."""
        return [
            (repository, pull)
            for repository in self.forge.repositories.values()
            for pull in repository.pulls.values()
            if pull.state == "open"
        ]

    def _candidates_of(self, pool: tuple[str, str]) -> int:
        return 3 if POOLS.index(pool) % 4 == 0 else 2

    async def _settle(self, org: str, name: str) -> None:
        repository = await self.forge.create_repository(org, name)
        (start,) = await repository.git.write_commits([self._commit((), "README.md")])
        branches = (MAIN, RELEASE) if (repository.full_name, RELEASE) in POOLS else (MAIN,)
        for branch in branches:
            await self.forge.write_branch(repository, branch, start)

    async def _commits(self, full_name: str, branch: str, count: int) -> list[str]:
        repository = self.forge.repository(full_name)
        parent = repository.branches[branch]
        return await repository.git.write_commits([self._commit((parent,)) for _ in range(count)])

    def _commit(self, parents: Sequence[str], name: str = "") -> NewCommit:
        self._made += 1
        files = {name or f"change-{self._made}.txt": b"New.\n"}
        author = ("alice", "alice@users.noreply.localhost")
        return NewCommit(
            parents=tuple(parents), files=files, message=f"Change {self._made}", author=author, at=self.clock.now()
        )

    def _open(self, full_name: str, base: str, head: str, *, opts_in: bool) -> PullRequest:
        repository = self.forge.repository(full_name)
        branch = f"change-{len(repository.pulls)}-{base}"
        repository.git.set_ref_later(f"refs/heads/{branch}", head)
        self.forge.branch_moved(repository, branch, head, actor="alice")
        labels = ("kind/feature", "size/M", *_opting_in(base), *(() if opts_in else (HOLD,)))
        title = f"Change {len(repository.pulls)} of {full_name}"
        body = "What this changes, and why now.\n" * 20
        new = NewPull(title=title, head_ref=branch, base_ref=base, body=body, labels=labels)
        pull = self.forge.open_pull(repository, new, "alice")
        trouble = self._trouble(repository) if opts_in else "failure"
        self._test(repository, head, trouble)
        job = CHECKS[0] if trouble == "check" and _has_checks(repository) else JOBS[0]
        self._tell(repository, head, f"Job {job} has not succeeded." if opts_in else f"Should not have {HOLD} label.")
        return pull

    def _tell(self, repository: Repository, head: str, why: str) -> None:
        """Set the status that Tide has left there, which is also ours: nobody has to write thousands of them first."""
        told = f"Not mergeable. {why}"
        self.forge.create_status(repository, head, NewStatus(context="tide", state="pending", description=told))

    def _trouble(self, repository: Repository) -> str:
        return "" if repository.full_name in PAUSED else self.random.choice(_TROUBLES)

    def _test(self, repository: Repository, head: str, trouble: str) -> None:
        """Report on a head; one thing is as `trouble` says."""
        for place, job in enumerate(JOBS):
            if place == 0 and trouble in {"failure", "pending"}:
                self._report(repository, head, job, "failure" if trouble == "failure" else "pending")
            elif place > 0 or trouble != "absent":
                self._report(repository, head, job, "success")
        if _has_checks(repository):
            for check in CHECKS:
                is_bad = trouble == "check" and check == CHECKS[0]
                self.forge.create_check_run(
                    repository, head, NewCheckRun(name=check, conclusion="failure" if is_bad else "success")
                )

    def _report(self, repository: Repository, head: str, job: str, state: StatusState) -> None:
        url = f"https://ci.localhost/view/{repository.full_name}/{job}/{self.forge.next_id()}"
        self.forge.create_status(
            repository, head, NewStatus(context=job, state=state, description=f"Job {state}.", target_url=url)
        )

    def _run_jobs(self, repository: Repository, head: str) -> None:
        for job in JOBS:
            self._report(repository, head, job, "pending")
        if _has_checks(repository):
            for check in CHECKS:
                self.forge.create_check_run(repository, head, NewCheckRun(name=check, status="in_progress"))
        self._running.append((self.minutes + RUN_MINUTES, repository, head))

    def _end_runs(self) -> None:
        for one in [one for one in self._running if one[0] <= self.minutes]:
            self._running.remove(one)
            _, repository, head = one
            for check in repository.check_runs.get(head, ()):
                if check.status != "completed":
                    self.forge.update_check_run(repository, check, conclusion="success")
            self._test(repository, head, "failure")

    def _some(self, count: int, *, opted_in: bool = False) -> list[tuple[Repository, PullRequest]]:
        listed = [
            (repository, pull)
            for repository, pull in self.open_pulls()
            if pull not in self.ready and (not opted_in or _has_opted_in(repository, pull))
        ]
        return self.random.sample(listed, count)

    async def _make_ready(self) -> None:
        """Let everything pass on a pull request that has opted in; another one of the pool opts in, one is opened."""
        repository, pull = self._some(1, opted_in=True)[0]
        self.ready.append(pull)
        self._test(repository, pull.head_sha, "")
        for check in repository.check_runs.get(pull.head_sha, ()):
            self.forge.update_check_run(repository, check, conclusion="success")
        waiting = [
            other
            for other in repository.pulls.values()
            if other.state == "open" and other.base_ref == pull.base_ref and HOLD in other.labels
        ]
        if waiting:
            self.forge.remove_label(repository, waiting[0], HOLD)
        await self._open_another(repository, pull.base_ref)

    async def _open_another(self, repository: Repository, base: str) -> None:
        (head,) = await self._commits(repository.full_name, base, 1)
        self._open(repository.full_name, base, head, opts_in=False)

    async def _push(self, repository: Repository, pull: PullRequest) -> None:
        (head,) = await repository.git.write_commits([self._commit((pull.head_sha,))])
        await self.forge.write_branch(repository, pull.head_ref, head, actor="alice")
        self._run_jobs(repository, head)


def _opting_in(base: str) -> tuple[str, ...]:
    return OPT_IN if base == MAIN else (*OPT_IN, PICK)


def _has_checks(repository: Repository) -> bool:
    return int(repository.name.removeprefix("part-")) % CHECKS_EVERY == 0


def _has_opted_in(repository: Repository, pull: PullRequest) -> bool:
    return repository.full_name not in PAUSED and HOLD not in pull.labels
