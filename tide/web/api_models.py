"""The documents of our JSON API, and of `--format json`: snake_case, times in UTC, full SHAs."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from tide.domain.decisions import Verdict, VerdictKind
from tide.domain.evidence import Batch, BatchState
from tide.domain.pulls import Blocker, Context, Pull
from tide.domain.records import DecisionRecord, HistoryRecord, PoolView, PullRecord
from tide.domain.runs import Run, RunKind, RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.policy.decide import RULES_VERSION
from tide.policy.replay import Replayed
from tide.web.cursors import history_cursor
from tide.web.run_book import RunBook
from tide.web.verdicts import verdict_of

Moment = Annotated[datetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
ItemT = TypeVar("ItemT", bound=BaseModel)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Items(_Document, Generic[ItemT]):
    """A list; `next` is the cursor of what follows, null at the end."""

    items: list[ItemT]
    next: str | None = None


class RequirementItem(_Document):
    """One condition of merging; `query` is the index of the Tide query that asks for it."""

    name: str
    met: bool
    detail: str
    query: int | None


class RunItem(_Document):
    """One test by one job; `url` is where its log is, as an address or a path on our page, "" where there is none."""

    name: str
    context: str
    kind: RunKind
    state: RunState
    numbers: list[int]
    url: str
    started_at: Moment | None
    completed_at: Moment | None

    @classmethod
    def of(cls, run: Run) -> "RunItem":
        """Write a run."""
        return cls(
            name=run.name,
            context=run.context,
            kind=run.kind,
            state=run.state,
            numbers=[number for number, _ in run.heads],
            url=run.url,
            started_at=run.started_at,
            completed_at=run.completed_at,
        )


class Explanation(_Document):
    """Why one pull request is or is not merging; `runs` are the newest of each job on its head, failed ones first."""

    pull: str
    verdict: VerdictKind
    summary: str
    requirements: list[RequirementItem]
    position: int | None
    unblock: list[str]
    runs: list[RunItem]

    @classmethod
    def of(cls, verdict: Verdict, runs: Iterable[Run] = ()) -> "Explanation":
        """Write a verdict."""
        return cls(**_explanation_fields(verdict, runs))


class ContextItem(_Document):
    """A commit status or a check run on the head."""

    name: str
    state: str
    description: str
    source: str
    target_url: str

    @classmethod
    def of(cls, context: Context) -> "ContextItem":
        """Write a context."""
        return cls(
            name=context.name,
            state=context.state,
            description=context.description,
            source=context.source,
            target_url=context.target_url,
        )


class PullDocument(Explanation):
    """A pull request as it was last read, with the explanation."""

    org: str
    repo: str
    number: int
    title: str
    author: str
    base_branch: str
    head_branch: str
    head_sha: str
    is_open: bool
    is_merged: bool
    is_draft: bool
    mergeable: str
    labels: list[str]
    milestone: str
    contexts: list[ContextItem]
    updated_at: Moment
    read_at: Moment

    @classmethod
    def about(cls, record: PullRecord, runs: Iterable[Run] = ()) -> "PullDocument":
        """Write what the store holds of a pull request."""
        pull = record.pull
        return cls(
            **_explanation_fields(verdict_of(record), runs),
            org=pull.key.org,
            repo=pull.key.repo,
            number=pull.number,
            title=pull.title,
            author=pull.author,
            base_branch=pull.base_branch,
            head_branch=pull.head_branch,
            head_sha=pull.head_sha,
            is_open=pull.is_open,
            is_merged=pull.is_merged,
            is_draft=pull.is_draft,
            mergeable=pull.mergeable,
            labels=list(pull.labels),
            milestone=pull.milestone,
            contexts=[ContextItem.of(context) for context in pull.contexts],
            updated_at=pull.updated_at,
            read_at=record.read_at,
        )


class PoolPull(_Document):
    """A pull request inside a pool; `summary` says why it stands where it stands."""

    number: int
    title: str
    author: str
    head_sha: str
    updated_at: Moment
    verdict: VerdictKind | None
    summary: str
    position: int | None

    @classmethod
    def of(cls, pull: Pull, verdict: Verdict | None) -> "PoolPull":
        """Write a pull request with the verdict on it."""
        return cls(
            number=pull.number,
            title=pull.title,
            author=pull.author,
            head_sha=pull.head_sha,
            updated_at=pull.updated_at,
            verdict=verdict.kind if verdict else None,
            summary=verdict.summary if verdict else "",
            position=verdict.position if verdict else None,
        )


class BlockerItem(_Document):
    """An issue that blocks merging."""

    number: int
    title: str
    url: str
    branches: list[str]

    @classmethod
    def of(cls, blocker: Blocker) -> "BlockerItem":
        """Write a blocker."""
        return cls(number=blocker.number, title=blocker.title, url=blocker.url, branches=list(blocker.branches))


class StandingItem(_Document):
    """How far the branch may be trusted."""

    kind: StandingKind
    reason: str
    contexts: list[str]
    since: Moment | None

    @classmethod
    def of(cls, standing: Standing) -> "StandingItem":
        """Write a standing."""
        contexts = list(standing.contexts)
        return cls(kind=standing.kind, reason=standing.reason, contexts=contexts, since=standing.since)


class PoolItem(_Document):
    """A pool with its last decision; when `error` is set, the rest is the last known state as of `synced_at`."""

    org: str
    repo: str
    branch: str
    base_sha: str
    action: str
    reason: str
    target: list[int]
    passing: list[PoolPull]
    pending: list[PoolPull]
    missing: list[PoolPull]
    outside: list[PoolPull]
    batch_pending: list[int]
    blockers: list[BlockerItem]
    standing: StandingItem
    error: str
    tenant_ids: list[str]
    is_dry_run: bool
    synced_at: Moment | None

    @classmethod
    def of(cls, view: PoolView) -> "PoolItem":
        """Write a pool."""
        verdicts = {verdict.pull: verdict for verdict in view.verdicts}

        def listed(pulls: Iterable[Pull]) -> list[PoolPull]:
            return [PoolPull.of(pull, verdicts.get(pull.key)) for pull in pulls]

        return cls(
            org=view.pool.org,
            repo=view.pool.repo,
            branch=view.pool.branch,
            base_sha=view.base_sha,
            action=view.action,
            reason=view.reason,
            target=[pull.number for pull in view.target],
            passing=listed(view.passing),
            pending=listed(view.pending),
            missing=listed(view.missing),
            outside=listed(view.outside),
            batch_pending=[pull.number for pull in view.batch_pending],
            blockers=[BlockerItem.of(blocker) for blocker in view.blockers],
            standing=StandingItem.of(view.standing),
            error=view.error,
            tenant_ids=list(view.tenant_ids),
            is_dry_run=view.is_dry_run,
            synced_at=view.synced_at,
        )


class Member(_Document):
    """A pull request of a batch, pinned to the head that is tested."""

    number: int
    head_sha: str


class BatchItem(_Document):
    """Pull requests tested together, with the trees: as tested, as planned, as landed."""

    org: str
    repo: str
    branch: str
    base_sha: str
    members: list[Member]
    contexts: list[str]
    run_tree: str
    plan_tree: str
    landed_tree: str
    state: BatchState
    reason: str
    created_at: Moment | None
    ended_at: Moment | None

    @classmethod
    def of(cls, batch: Batch) -> "BatchItem":
        """Write a batch."""
        return cls(
            org=batch.pool.org,
            repo=batch.pool.repo,
            branch=batch.pool.branch,
            base_sha=batch.base_sha,
            members=[Member(number=number, head_sha=sha) for number, sha in batch.members],
            contexts=list(batch.contexts),
            run_tree=batch.run_tree,
            plan_tree=batch.plan_tree,
            landed_tree=batch.landed_tree,
            state=batch.state,
            reason=batch.reason,
            created_at=batch.created_at,
            ended_at=batch.ended_at,
        )


class DecisionItem(_Document):
    """A decision; an equal one that followed only moved `last_seen`."""

    id: int
    org: str
    repo: str
    branch: str
    action: str
    reason: str
    targets: list[int]
    outcome: str
    is_dry_run: bool
    snapshot_digest: str
    first_seen: Moment
    last_seen: Moment
    rules_version: int

    @classmethod
    def of(cls, record: DecisionRecord) -> "DecisionItem":
        """Write a decision."""
        return cls(
            id=record.id,
            org=record.pool.org,
            repo=record.pool.repo,
            branch=record.pool.branch,
            action=record.action,
            reason=record.reason,
            targets=list(record.targets),
            outcome=record.outcome,
            is_dry_run=record.is_dry_run,
            snapshot_digest=record.snapshot_digest,
            first_seen=record.first_seen,
            last_seen=record.last_seen,
            rules_version=record.rules_version,
        )


class DifferenceItem(_Document):
    """A field of a decision that comes out otherwise."""

    path: str
    stored: Any
    now: Any


class ReplayedItem(_Document):
    """A decision that comes out otherwise; `problem` says why it could not be decided again."""

    decision: DecisionItem
    differences: list[DifferenceItem]
    problem: str

    @classmethod
    def of(cls, one: Replayed) -> "ReplayedItem":
        """Write what came of one."""
        fields = [DifferenceItem(path=each.path, stored=each.stored, now=each.now) for each in one.differences]
        return cls(decision=DecisionItem.of(one.record), differences=fields, problem=one.problem)


class ReplayDocument(_Document):
    """How many decisions were decided again, by rules of which version, and those that come out otherwise."""

    count: int
    rules_version: int
    otherwise: list[ReplayedItem]

    @classmethod
    def of(cls, count: int, otherwise: Iterable[Replayed]) -> "ReplayDocument":
        """Write what came of all."""
        return cls(count=count, rules_version=RULES_VERSION, otherwise=list(map(ReplayedItem.of, otherwise)))


class HistoryTargetItem(_Document):
    """A pull request that something was done to."""

    number: int
    author: str
    head_sha: str
    title: str
    head_branch: str


class HistoryItem(_Document):
    """One thing that was done to a pool; `runs` are the newest of each job that tested it, failed ones first."""

    org: str
    repo: str
    branch: str
    time: Moment
    action: str
    base_sha: str
    targets: list[HistoryTargetItem]
    reason: str
    error: str
    tenant_ids: list[str]
    runs: list[RunItem]

    @classmethod
    def of(cls, record: HistoryRecord, runs: Iterable[Run] = ()) -> "HistoryItem":
        """Write a history record."""
        return cls(
            org=record.pool.org,
            repo=record.pool.repo,
            branch=record.pool.branch,
            time=record.time,
            action=record.action,
            base_sha=record.base_sha,
            targets=[
                HistoryTargetItem(
                    number=target.number,
                    author=target.author,
                    head_sha=target.sha,
                    title=target.title,
                    head_branch=target.head_branch,
                )
                for target in record.targets
            ],
            reason=record.reason,
            error=record.error,
            tenant_ids=list(record.tenant_ids),
            runs=[RunItem.of(run) for run in runs],
        )


def explain_json(record: PullRecord, runs: Iterable[Run] = ()) -> dict[str, Any]:
    """Give what `tide explain --format json` prints."""
    return Explanation.of(verdict_of(record), runs).model_dump(mode="json")


def pools_document(pools: Iterable[PoolView]) -> Items[PoolItem]:
    """Give what `/api/v1/pools` answers and `tide pools --format json` prints."""
    return Items[PoolItem](items=[PoolItem.of(view) for view in pools])


def batches_document(batches: Iterable[Batch]) -> Items[BatchItem]:
    """Give what `/api/v1/batches` answers."""
    return Items[BatchItem](items=[BatchItem.of(batch) for batch in batches])


def history_document(records: Sequence[HistoryRecord], tests: RunBook, limit: int) -> Items[HistoryItem]:
    """Give what `/api/v1/history` answers and `tide history --format json` prints; a full page has a cursor on."""
    items = [HistoryItem.of(record, tests.of_record(record)) for record in records]
    return Items[HistoryItem](items=items, next=history_cursor(records[-1].mark) if len(items) == limit else None)


def decisions_document(records: Iterable[DecisionRecord], limit: int) -> Items[DecisionItem]:
    """Give what `/api/v1/decisions` answers; a full page of `limit` has a cursor to the next."""
    items = [DecisionItem.of(record) for record in records]
    return Items[DecisionItem](items=items, next=str(items[-1].id) if len(items) == limit else None)


def _explanation_fields(verdict: Verdict, runs: Iterable[Run]) -> dict[str, Any]:
    return {
        "pull": str(verdict.pull),
        "verdict": verdict.kind,
        "summary": verdict.summary,
        "requirements": [
            RequirementItem(name=item.name, met=item.met, detail=item.detail, query=item.query)
            for item in verdict.requirements
        ],
        "position": verdict.position,
        "unblock": list(verdict.unblock),
        "runs": [RunItem.of(run) for run in runs],
    }
