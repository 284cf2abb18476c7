"""Where each pull request of a pool stands, found once and used for the action as well as for every explanation.

A pull request is outside its pool as long as something stands against it that testing cannot mend (Prow: tide.go
filterPR). Otherwise what its required jobs have shown on the current base says where it stands in the pool (Prow:
tide.go accumulate). Each is judged by itself: the trouble of one never reaches another.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tide.domain.actions import Target
from tide.domain.decisions import Place
from tide.domain.pulls import Context, ContextState, MergeMethod, Pull
from tide.domain.rules import Query
from tide.domain.snapshot import PullView, Snapshot
from tide.policy.contexts import gone, policy_for, unsuccessful
from tide.policy.descriptions import vouches_for
from tide.policy.merge_method import method_for
from tide.policy.mergeability import Refused, refusal
from tide.policy.queries import meets
from tide.policy.results import Member, Result, Results


class Obstacle(StrEnum):
    """What keeps a pull request out of its pool; of several the first one here is told."""

    MERGED = "merged"
    CLOSED = "closed"
    ELSEWHERE = "elsewhere"  # its base is another branch by now
    REFUSED = "refused"  # the code host would not merge it
    HELD = "held"
    UNREAD = "unread"  # the contexts of its head are not known
    NO_QUERY = "no query"
    CONTEXTS = "contexts"
    FAILED_HERE = "failed here"  # a required job failed on this very base


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was found about one pull request.

    `standing_against` are the contexts that keep it outside, `in_progress` those that are not successful either but
    belong to required jobs that are running or will be run again. `missing`, `pending` and `failed` are the required
    jobs by what they have shown on the current base, sorted. `first_due` are those that have never shown anything on
    this head and should be started for the first time.
    """

    view: PullView
    method: MergeMethod | None
    query: Query | None
    obstacle: Obstacle | None
    refused: Refused | None = None
    standing_against: tuple[Context, ...] = ()
    in_progress: tuple[Context, ...] = ()
    missing: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    first_due: tuple[str, ...] = ()
    is_retestable: bool = False
    is_batchable: bool = False

    @property
    def pull(self) -> Pull:
        """The pull request as it was read."""
        return self.view.pull

    @property
    def number(self) -> int:
        """Its number."""
        return self.view.pull.key.number

    @property
    def member(self) -> Member:
        """Its number and head, as candidates name it."""
        return (self.view.pull.key.number, self.view.pull.head_sha)

    @property
    def target(self) -> Target:
        """What an action about it would pin."""
        return Target(self.number, self.pull.head_sha, self.method or MergeMethod.MERGE)

    @property
    def has_unsuccessful_contexts(self) -> bool:
        """Tell whether any context that counts is not successful."""
        return bool(self.standing_against or self.in_progress)

    @property
    def place(self) -> Place:
        """Where it stands; one without required jobs passes."""
        if self.obstacle:
            return Place.OUTSIDE
        if self.missing:
            return Place.MISSING
        return Place.PENDING if self.pending else Place.PASSING


def assess_all(snapshot: Snapshot, results: Results) -> tuple[Assessment, ...]:
    """Judge every pull request of a snapshot, in ascending order of their numbers."""
    queries = tuple(sorted(snapshot.rules.queries, key=_query_index))
    started = frozenset(snapshot.first_runs)
    assessor = _Assessor(snapshot, results, queries, started)
    return tuple(assessor.assess(view) for view in sorted(snapshot.pulls, key=_view_order))


def assess(view: PullView, snapshot: Snapshot, results: Results) -> Assessment:
    """Judge one pull request that was read once more; a check run that is gone since the snapshot counts as pending."""
    queries = tuple(sorted(snapshot.rules.queries, key=_query_index))
    pull = view.pull
    known = (one.pull for one in snapshot.pulls if (one.pull.key, one.pull.head_sha) == (pull.key, pull.head_sha))
    earlier = [context for one in known for context in one.contexts]
    whole = replace(view, pull=replace(pull, contexts=(*pull.contexts, *gone(earlier, pull.contexts))))
    return _Assessor(snapshot, results, queries, frozenset(snapshot.first_runs)).assess(whole)


@dataclass(frozen=True, slots=True)
class _Assessor:
    snapshot: Snapshot
    results: Results
    queries: Sequence[Query]
    started: frozenset[tuple[str, str]]

    def assess(self, view: PullView) -> Assessment:
        pull, rules = view.pull, self.snapshot.rules
        member = (pull.key.number, pull.head_sha)
        query = next((query for query in self.queries if meets(query, pull)), None)
        refused = refusal(pull, rules, self.snapshot.repo_settings, self.snapshot.branch_rules)
        against, in_progress = self._contexts(view, member)
        missing, pending, failed = self._required(view, member)
        obstacle = self._obstacle(view, refused, query, against, failed)
        first_due = self._first_due(view, member, against) if _may_start(obstacle) else ()
        is_retestable = obstacle is None and not first_due and self._is_ours(member, in_progress)
        return Assessment(
            view=view,
            method=method_for(rules, pull),
            query=query,
            obstacle=obstacle,
            refused=refused,
            standing_against=against,
            in_progress=in_progress,
            missing=missing,
            pending=pending,
            failed=failed,
            first_due=first_due,
            is_retestable=is_retestable,
            is_batchable=is_retestable and all(one.state is ContextState.PENDING for one in in_progress),
        )

    def _contexts(self, view: PullView, member: Member) -> tuple[tuple[Context, ...], tuple[Context, ...]]:
        """Split the contexts that are not successful: those that stand against merging, those that jobs work on."""
        found = unsuccessful(policy_for(view, self.snapshot), view.pull.contexts)
        if not found:
            return (), ()
        in_progress = tuple(context for context in found if self._is_worked_on(view, member, context))
        return tuple(context for context in found if context not in in_progress), in_progress

    def _is_worked_on(self, view: PullView, member: Member, context: Context) -> bool:
        if context.name not in view.required:
            return False
        if context.state is ContextState.PENDING or self.results.is_live(member, context.name):
            return True
        # The reporter writes a run that was aborted as a failure, although it says nothing about the change.
        return context.state.is_failed and self._may_run_again(member, context.name)

    def _required(self, view: PullView, member: Member) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Sort the required jobs by what they have shown on the current base: missing, pending, failed."""
        shown = self.results.on_base(member)
        unproved = {
            name: result for name in view.required if (result := shown.get(name, Result.NONE)) is not Result.PASSED
        }
        if not unproved:
            return (), (), ()
        for name, result in unproved.items():
            if result is Result.FAILED and self._is_forgotten(member, name):
                unproved[name] = Result.NONE
        vouched_for = self._vouched_for(view.pull.contexts, unproved)
        unknown = sorted(name for name in unproved if name not in vouched_for)
        return (
            tuple(name for name in unknown if unproved[name] is Result.NONE),
            tuple(name for name in unknown if unproved[name] is Result.PENDING),
            tuple(name for name in unknown if unproved[name] is Result.FAILED),
        )

    def _vouched_for(self, contexts: Iterable[Context], wanted: Collection[str]) -> set[str]:
        """Find the required jobs whose status says by itself that it holds on this base."""
        base_sha = self.snapshot.base_sha
        return {
            context.name
            for context in contexts
            if context.state is ContextState.SUCCESS
            and context.description
            and context.name in wanted
            and vouches_for(context.description, base_sha)
        }

    def _obstacle(
        self,
        view: PullView,
        refused: Refused | None,
        query: Query | None,
        against: Sequence[Context],
        failed: Sequence[str],
    ) -> Obstacle | None:
        pull = view.pull
        obstacles = (
            (pull.is_merged, Obstacle.MERGED),
            (not pull.is_open, Obstacle.CLOSED),
            (pull.pool != self.snapshot.pool, Obstacle.ELSEWHERE),
            (refused, Obstacle.REFUSED),
            (view.held, Obstacle.HELD),
            (not pull.contexts_known, Obstacle.UNREAD),
            (query is None, Obstacle.NO_QUERY),
            (against, Obstacle.CONTEXTS),
            (failed, Obstacle.FAILED_HERE),
        )
        return next((obstacle for applies, obstacle in obstacles if applies), None)

    def _first_due(self, view: PullView, member: Member, against: Sequence[Context]) -> tuple[str, ...]:
        """Give the required jobs to start for the first time, where nothing but them stands against merging."""
        if not self.snapshot.rules.settings.trigger:
            return ()
        # What GitHub asks for besides may itself wait for our jobs.
        ours_or_theirs = {*view.required, *self.snapshot.branch_rules.required_contexts}
        if any(one.state is not ContextState.EXPECTED or one.name not in ours_or_theirs for one in against):
            return ()
        successful = {context.name for context in view.pull.contexts if context.state is ContextState.SUCCESS}
        open_jobs = set(view.required) - successful
        if not open_jobs:
            return ()
        present = {context.name for context in view.pull.contexts}
        return tuple(sorted(name for name in open_jobs if self._is_due(member, name, is_there=name in present)))

    def _is_due(self, member: Member, name: str, *, is_there: bool) -> bool:
        if self._may_run_again(member, name):
            return True
        if is_there or (member[1], name) in self.started:
            return False
        return not self.results.is_known(member, name)

    def _may_run_again(self, member: Member, name: str) -> bool:
        return self.results.is_without_verdict(member, name) or self._is_forgotten(member, name)

    def _is_forgotten(self, member: Member, name: str) -> bool:
        """Tell whether somebody asked for a failed job once more: it is known to have run, yet not as started."""
        is_asked_for = self.snapshot.rules.settings.trigger and (member[1], name) not in self.started
        return is_asked_for and self.results.has_failed(member, name)

    def _is_ours(self, member: Member, in_progress: Iterable[Context]) -> bool:
        """Tell whether nobody but us is testing a head (Prow: tide.go isRetestEligible)."""
        return all(
            self.results.is_retested(member, context.name) or self.results.is_without_verdict(member, context.name)
            for context in in_progress
        )


def _may_start(obstacle: Obstacle | None) -> bool:
    return obstacle is None or obstacle is Obstacle.CONTEXTS


def _query_index(query: Query) -> tuple[int, str]:
    return (query.index, repr(query))


def _view_order(view: PullView) -> tuple[int, str]:
    return (view.pull.number, view.pull.head_sha)
