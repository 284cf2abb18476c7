"""Views over values that a test keeps, a clock that stands, and a queue as it looks on a busy morning."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from starlette.applications import Starlette

from tests.builders import NOW, make_pull, sha
from tide.domain.decisions import Place, Requirement, Verdict, VerdictKind
from tide.domain.errors import StoreError
from tide.domain.evidence import Batch, BatchState
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Blocker, Context, ContextState, Pull
from tide.domain.records import (
    DecisionRecord,
    HistoryFilter,
    HistoryMark,
    HistoryRecord,
    HistoryState,
    HistoryTarget,
    PoolView,
    PullRecord,
    pool_among,
)
from tide.domain.runs import Base, Purpose, Run, RunKind, RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.web.app import build_app
from tide.web.last_known import LastKnown
from tide.web.probes import MetricsPage
from tide.web.status import DaemonStatus, Role, RoleKind

ROCKET = PoolKey("acme", "rocket", "main")
RELEASE = PoolKey("acme", "rocket", "release/1.4")
ORBIT = PoolKey("acme", "orbit", "main")
DOCS = PoolKey("acme", "docs", "main")
RUN = "6f1d2f5a-0b0e-5c36-9a55-6a2f6a1e7c01"


@dataclass
class KeptViews:
    """The port `Views` over lists; `is_broken` makes every call fail as a lost database does."""

    pool_views: list[PoolView] = field(default_factory=list)
    pull_records: list[PullRecord] = field(default_factory=list)
    records: list[HistoryRecord] = field(default_factory=list)
    decision_records: list[DecisionRecord] = field(default_factory=list)
    kept_batches: list[Batch] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    is_broken: bool = False
    is_searched: bool = True

    async def state(self) -> tuple[str | None, ...]:
        self._check()
        return tuple(map(repr, (self.pool_views, self.runs, self.kept_batches, self.records)))

    async def has_searched(self) -> bool:
        self._check()
        return self.is_searched

    async def pools(self) -> tuple[PoolView, ...]:
        self._check()
        return tuple(sorted(self.pool_views, key=lambda view: view.pool))

    async def pool(self, pool: PoolKey) -> PoolView | None:
        self._check()
        return pool_among(self.pool_views, pool)

    async def pull(self, pull: PullKey) -> PullRecord | None:
        self._check()
        return next((record for record in self.pull_records if record.pull.key.folded == pull.folded), None)

    async def pulls_numbered(self, number: int, limit: int) -> tuple[Pull, ...]:
        self._check()
        return tuple(one.pull for one in self.pull_records if one.pull.number == number)[:limit]

    async def history_state(self) -> HistoryState:
        self._check()
        return HistoryState(len(self.records), len(self.records))

    async def history_after(self, newest: int, limit: int) -> tuple[HistoryRecord, ...]:
        self._check()
        numbered = [replace(record, id=number) for number, record in enumerate(self.records, 1)]
        return tuple(numbered[newest : newest + limit])

    async def history(
        self, pool: PoolKey | None = None, limit: int = 1000, *, only: Collection[str] | None = None
    ) -> tuple[HistoryRecord, ...]:
        self._check()
        of_pool = [one for one in self._newest_first() if pool in {None, one.pool}]
        return tuple(one for one in of_pool if only is None or one.action in only)[:limit]

    async def recent_history(self, limit: int) -> tuple[HistoryRecord, ...]:
        self._check()
        return tuple(self._newest_first()[:limit])

    async def history_page(
        self, wanted: HistoryFilter, limit: int, before: HistoryMark | None
    ) -> tuple[HistoryRecord, ...]:
        self._check()
        found = [one for one in self.records if wanted.wants(one) and (before is None or one.mark < before)]
        return tuple(sorted(found, key=lambda record: record.mark, reverse=True)[:limit])

    async def decisions(self, pool: PoolKey | None, limit: int, before: int | None) -> tuple[DecisionRecord, ...]:
        self._check()
        wanted = (
            record
            for record in sorted(self.decision_records, key=lambda record: -record.id)
            if pool in {None, record.pool} and (before is None or record.id < before)
        )
        return tuple(wanted)[:limit]

    async def batches(self, pool: PoolKey | None, limit: int) -> tuple[Batch, ...]:
        self._check()
        return tuple(batch for batch in self.kept_batches if pool in {None, batch.pool})[:limit]

    async def count_runs(self) -> int:
        return len(self.runs)

    async def live_runs(self) -> tuple[Run, ...]:
        self._check()
        return tuple(run for run in self.runs if run.state.is_live)

    async def runs_of_head(self, pull: PullKey, head_sha: str, limit: int) -> tuple[Run, ...]:
        self._check()
        return tuple(run for run in self.runs if run.tests(pull, head_sha))[:limit]

    async def runs_on(self, bases: Collection[Base]) -> tuple[Run, ...]:
        self._check()
        return tuple(run for run in self.runs if run.base in bases)

    def _newest_first(self) -> list[HistoryRecord]:
        return sorted(self.records, key=lambda record: record.time, reverse=True)

    def _check(self) -> None:
        if self.is_broken:
            raise StoreError("connection refused: postgresql://tide:hunter2@db/tide")


@dataclass
class StandingClock:
    """A clock that shows what it is told."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


def healthy(**fields: object) -> DaemonStatus:
    """Build the status of a daemon that is well; any field may be given."""
    told: dict[str, object] = {
        "version": "0.1.0",
        "sync_period": timedelta(minutes=1),
        "role": Role(RoleKind.LEADER),
        "last_syncs": {"sync": NOW - timedelta(seconds=12)},
    }
    return DaemonStatus(**(told | fields))  # type: ignore[arg-type] # the fields are named by tests


def metrics_of(body: bytes, content_type: str = "text/plain") -> MetricsPage:
    """Give a page of metrics that stays the same."""

    async def page() -> tuple[bytes, str]:
        return body, content_type

    return page


def app_over(
    views: KeptViews,
    status: DaemonStatus | Callable[[], DaemonStatus] | None = None,
    log: bytes | None = None,
    *,
    clock: StandingClock | None = None,
    told: Callable[[str], None] = lambda _error: None,
) -> Starlette:
    """Build the web application over kept values; the only log is that of `RUN`, and the clock stands."""
    return build_app(
        LastKnown(views, clock or StandingClock(), told),
        status=status if callable(status) else lambda: status or healthy(),
        read_log=lambda name: log if name == RUN else None,
        metrics=metrics_of(b"tide_up 1\n", "text/plain; version=0.0.4"),
    )


def verdict(pull: Pull, place: Place, summary: str, kind: VerdictKind, position: int | None = None) -> Verdict:
    """Build a verdict without requirements."""
    return Verdict(pull.key, pull.head_sha, kind, place, summary, position=position)


def pull_in(pool: PoolKey, number: int, title: str, author: str, minutes: int = 60) -> Pull:
    """Build a pull request of any pool, changed some minutes ago."""
    key = PullKey(pool.org, pool.repo, number)
    moment = NOW - timedelta(minutes=minutes)
    return make_pull(
        number,
        key=key,
        title=title,
        author=author,
        base_branch=pool.branch,
        updated_at=moment,
        labels=("approved", "lgtm"),
    )


def history_of(
    view_pool: PoolKey, action: str, minutes: int, pulls: Sequence[Pull], reason: str, error: str = ""
) -> HistoryRecord:
    """Build a history record about pull requests, some minutes ago."""
    targets = tuple(HistoryTarget(p.number, p.author, p.head_sha, p.title, p.head_branch) for p in pulls)
    moment = NOW - timedelta(minutes=minutes)
    return HistoryRecord(view_pool, moment, action, sha("base"), targets, error, reason, tenant_ids=("",))


def busy_morning() -> KeptViews:
    """Build four pools: a batch under test, a frozen branch, single tests, and silence."""
    views = KeptViews()
    _rocket(views)
    _release(views)
    _orbit(views)
    views.pool_views.append(PoolView(DOCS, sha("docs"), "WAIT", "No pull request meets a query.", synced_at=NOW))
    return views


def _rocket(views: KeptViews) -> None:
    ready = [
        pull_in(ROCKET, 412, "Retry the telemetry uplink with jitter", "alice"),
        pull_in(ROCKET, 418, "Drop the unused fuel gauge shim", "bob"),
        pull_in(ROCKET, 421, "Parse negative altitudes without panicking", "carol"),
        pull_in(ROCKET, 423, "Bump the guidance protocol to v3", "dave"),
    ]
    passing = [pull_in(ROCKET, 409, "Cache star catalogue lookups between frames", "erin")]
    pending = [pull_in(ROCKET, 425, "Split the launch checklist into stages", "frank")]
    missing = [*ready, pull_in(ROCKET, 430, "Document the abort sequence", "grace", 5)]
    outside = [
        (pull_in(ROCKET, 399, "Experimental: methane engines", "heidi"), "It has the label do-not-merge/hold."),
        (pull_in(ROCKET, 404, "Rewrite the countdown in integers", "ivan"), "unit failed on its head."),
        (pull_in(ROCKET, 415, "Rename Stage to Segment", "judy"), "It conflicts with main."),
        (pull_in(ROCKET, 427, "Tidy the ground station's imports", "mallory"), "It lacks the label lgtm."),
        (pull_in(ROCKET, 428, "WIP heat shield model", "niaj"), "It is a draft."),
    ]
    batch = "It is tested in a batch with #412, #418, #421 and #423."
    verdicts = [
        verdict(passing[0], Place.PASSING, "It passes; it merges after the running batch.", VerdictKind.IN_POOL, 1),
        verdict(pending[0], Place.PENDING, "It is being tested alone: integration is running.", VerdictKind.WAITING, 2),
        *(verdict(p, Place.MISSING, batch, VerdictKind.WAITING, i) for i, p in enumerate(ready, 3)),
        verdict(missing[-1], Place.MISSING, "It waits for the next batch.", VerdictKind.WAITING, 7),
        *(verdict(p, Place.OUTSIDE, why, VerdictKind.BLOCKED) for p, why in outside),
    ]
    heads = tuple((p.number, p.head_sha) for p in ready)
    views.pool_views.append(
        PoolView(
            ROCKET,
            sha("rocket"),
            "WAIT",
            "A batch of four is being tested on this base; the next step follows its result.",
            passing=tuple(passing),
            pending=tuple(pending),
            missing=tuple(missing),
            outside=tuple(p for p, _ in outside),
            batch_pending=tuple(ready),
            verdicts=tuple(verdicts),
            tenant_ids=("",),
            synced_at=NOW - timedelta(seconds=12),
        )
    )
    views.kept_batches += [
        Batch(
            ROCKET,
            sha("rocket"),
            heads,
            ("build", "integration", "lint", "unit"),
            sha("t"),
            sha("t"),
            created_at=NOW - timedelta(minutes=4),
        ),
        Batch(
            ROCKET,
            sha("older"),
            ((388, sha(388)), (391, sha(391))),
            ("unit",),
            sha("u"),
            sha("u"),
            BatchState.LANDED,
            sha("u"),
            "All required jobs passed on the batch.",
            NOW - timedelta(minutes=41),
            NOW - timedelta(minutes=33),
        ),
        Batch(
            ROCKET,
            sha("oldest"),
            ((380, sha(380)), (391, sha(391)), (404, sha(404))),
            ("unit",),
            sha("v"),
            sha("v"),
            BatchState.FAILED,
            "",
            "unit failed; the first half is tried next.",
            NOW - timedelta(minutes=58),
            NOW - timedelta(minutes=44),
        ),
    ]
    views.runs += [
        _run(RUN, ROCKET, "integration", RunKind.BATCH, heads, 4),
        _run("b2", ROCKET, "unit", RunKind.BATCH, heads, 3),
        _run("r3", ROCKET, "integration", RunKind.PRESUBMIT, ((425, pending[0].head_sha),), 6),
    ]
    merged = [
        pull_in(ROCKET, 388, "Log the launch window in UTC", "olivia"),
        pull_in(ROCKET, 391, "Validate orbital elements early", "peggy"),
    ]
    views.records += [
        history_of(
            ROCKET,
            "TRIGGER_BATCH",
            4,
            ready,
            "Four pull requests are ready and nothing is running: test them together.",
        ),
        history_of(ROCKET, "TRIGGER", 6, pending, "It is next in line and has no result on this base."),
        history_of(ROCKET, "MERGE_BATCH", 33, merged, "All required jobs passed on the batch."),
    ]
    views.pull_records += [
        PullRecord(p, v, NOW) for p in (*passing, *pending, *missing) for v in verdicts if v.pull == p.key
    ]
    views.pull_records.append(_held(outside[0][0]))


def _held(pull: Pull) -> PullRecord:
    requirements = (
        Requirement("Targets a branch of the query", met=True, detail="main is not excluded."),
        Requirement("Has the label lgtm", met=True, query=0),
        Requirement("Has the label approved", met=True, query=0),
        Requirement(
            "Has no label do-not-merge/hold", met=False, detail="bob added it to wait for the review.", query=0
        ),
        Requirement("Required contexts pass", met=False, detail="unit failed: 2 of 311 tests."),
        Requirement("Merges without a conflict", met=True),
    )
    told = Verdict(
        pull.key,
        pull.head_sha,
        VerdictKind.BLOCKED,
        Place.OUTSIDE,
        "It has a label that forbids merging, and a required job failed.",
        requirements,
        ("Remove the label do-not-merge/hold (comment /hold cancel).", "Fix unit, or run it again with /retest."),
    )
    contexts = (
        Context(
            "integration",
            ContextState.SUCCESS,
            "Job succeeded. BaseSHA:" + sha("rocket"),
            target_url=f"/runs/{RUN}/log",
        ),
        Context("lint", ContextState.PENDING, "Job triggered."),
        Context("unit", ContextState.FAILURE, "Job failed.", target_url="https://ci.example/unit/7"),
    )
    pull = make_pull(
        pull.number,
        key=pull.key,
        title=pull.title,
        author=pull.author,
        labels=("approved", "do-not-merge/hold", "lgtm"),
        contexts=contexts,
        milestone="v2.0",
    )
    return PullRecord(pull, told, NOW - timedelta(seconds=40))


def _release(views: KeptViews) -> None:
    pull = pull_in(RELEASE, 420, "Backport: parse negative altitudes", "carol")
    standing = Standing(
        StandingKind.FROZEN, "#411 landed as tree 3f2c1ab, planned was 9d0e77f.", since=NOW - timedelta(hours=2)
    )
    views.pool_views.append(
        PoolView(
            RELEASE,
            sha("release"),
            "WAIT",
            "The branch is frozen.",
            missing=(pull,),
            verdicts=(
                verdict(pull, Place.MISSING, "The branch is frozen until somebody has looked.", VerdictKind.BLOCKED, 1),
            ),
            standing=standing,
            tenant_ids=("",),
            synced_at=NOW - timedelta(seconds=12),
        )
    )


def _orbit(views: KeptViews) -> None:
    pull = pull_in(ORBIT, 77, "Draw the ground track", "trent")
    views.pool_views.append(
        PoolView(
            ORBIT,
            sha("orbit"),
            "BLOCKED",
            "An open issue blocks merging.",
            passing=(pull,),
            blockers=(Blocker(70, "Freeze for the demo", "https://github.com/acme/orbit/issues/70"),),
            verdicts=(
                verdict(
                    pull,
                    Place.PASSING,
                    "It passes alone on this base; it merges when the blocking issue is closed.",
                    VerdictKind.IN_POOL,
                    1,
                ),
            ),
            tenant_ids=("",),
            synced_at=NOW - timedelta(seconds=12),
        )
    )
    views.records.append(
        history_of(
            ORBIT,
            "MERGE",
            2,
            [pull],
            "It passes alone on this base.",
            "GitHub: Base branch was modified. Review and try the merge again.",
        )
    )
    views.decision_records += [
        DecisionRecord(
            7,
            ORBIT,
            "d" * 64,
            "MERGE",
            "It passes alone on this base.",
            (77,),
            NOW - timedelta(minutes=2),
            NOW - timedelta(minutes=2),
            "merged as 1a2b3c4",
        ),
        DecisionRecord(
            6,
            ROCKET,
            "c" * 64,
            "TRIGGER_BATCH",
            "Four pull requests are ready and nothing is running.",
            (412, 418, 421, 423),
            NOW - timedelta(minutes=4),
            NOW - timedelta(minutes=4),
            is_dry_run=True,
        ),
        DecisionRecord(
            5,
            ROCKET,
            "b" * 64,
            "WAIT",
            "No pull request is ready.",
            (),
            NOW - timedelta(hours=3),
            NOW - timedelta(minutes=5),
        ),
    ]


def _run(
    name: str, pool: PoolKey, context: str, kind: RunKind, heads: tuple[tuple[int, str], ...], minutes: int
) -> Run:
    return Run(
        name,
        f"pull-{pool.repo}-{context}",
        context,
        kind,
        pool,
        sha(pool.repo),
        heads,
        RunState.PENDING,
        Purpose.BATCH if kind is RunKind.BATCH else Purpose.RETEST,
        url=f"/runs/{name}/log",
        started_at=NOW - timedelta(minutes=minutes),
    )
