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
from tide.policy.silence import silence_of


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


# Where a test of a head alone is of use nevertheless.
_MAY_START = frozenset({None, Obstacle.CONTEXTS, Obstacle.FAILED_HERE})


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was found about one pull request.

    `standing_against` are the contexts that keep it outside, `in_progress` those that are not successful either but
    belong to required jobs that are running or will be run again. `missing`, `pending` and `failed` are the required
    jobs by what they have shown on the current base, sorted. `first_due` are those to start at once on this head alone:
    for the first time, or `again`, because somebody asked for it or their report is missing. `running` are the contexts
    that runs of this head alone work on; `unreported` those that have long been pending without such a run: the job
    ended, its report is missing.
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
    running: frozenset[str] = frozenset()
    unreported: tuple[str, ...] = ()
    again: frozenset[str] = frozenset()
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
    assessor = _Assessor.of(snapshot, results)
    return tuple(assessor.assess(view) for view in sorted(snapshot.pulls, key=_view_order))


def assess(view: PullView, snapshot: Snapshot, results: Results) -> Assessment:
    """Judge one pull request that was read once more; a check run that is gone since the snapshot counts as pending."""
    pull = view.pull
    known = (one.pull for one in snapshot.pulls if (one.pull.key, one.pull.head_sha) == (pull.key, pull.head_sha))
    earlier = [context for one in known for context in one.contexts]
    whole = replace(view, pull=replace(pull, contexts=(*pull.contexts, *gone(earlier, pull.contexts))))
    return _Assessor.of(snapshot, results).assess(whole)


@dataclass(frozen=True, slots=True)
class _Assessor:
    snapshot: Snapshot
    results: Results
    queries: Sequence[Query]
    started: frozenset[tuple[str, str]]
    asked_again: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, snapshot: Snapshot, results: Results) -> "_Assessor":
        queries = tuple(sorted(snapshot.rules.queries, key=_query_index))
        return cls(snapshot, results, queries, frozenset(snapshot.first_runs), frozenset(snapshot.asked_again))

    def assess(self, view: PullView) -> Assessment:
        pull, rules = view.pull, self.snapshot.rules
        member = (pull.key.number, pull.head_sha)
        query = next((query for query in self.queries if meets(query, pull)), None)
        refused = refusal(pull, rules, self.snapshot.repo_settings, self.snapshot.branch_rules)
        if refused and not refused.remedy and view.held:
            refused = None  # it was to end by itself, and what it is held for says why it does not
        silence = silence_of(view, self.snapshot, self.results)
        running = self.results.live_contexts(member)
        again = frozenset(silence.again) | self._asked_for(pull, member, running)
        against, in_progress = self._contexts(view, member, silence.contexts, again)
        missing, pending, failed = self._required(view, member, again)
        obstacle = self._obstacle(view, refused, query, against, failed)
        first_due = self._first_due(view, against, again, obstacle)
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
            running=running,
            unreported=silence.unreported,
            again=again,
            is_retestable=is_retestable,
            is_batchable=is_retestable and all(one.state is ContextState.PENDING for one in in_progress),
        )

    def _asked_for(self, pull: Pull, member: Member, running: Collection[str]) -> frozenset[str]:
        """Name the jobs that somebody asked to be run again, without those that run or have succeeded meanwhile."""
        asked = {name for head_sha, name in self.asked_again if head_sha == pull.head_sha}
        if not asked:
            return frozenset()
        failed = {name for name, result in self.results.on_base(member).items() if result is Result.FAILED}
        successful = {context.name for context in pull.contexts if context.state is ContextState.SUCCESS}
        return frozenset(asked.difference(running, successful - failed))

    def _contexts(
        self, view: PullView, member: Member, contexts: Sequence[Context], again: Collection[str]
    ) -> tuple[tuple[Context, ...], tuple[Context, ...]]:
        """Split the contexts that are not successful: those that stand against merging, those that jobs work on."""
        found = unsuccessful(policy_for(view, self.snapshot), contexts)
        if not found:
            return (), ()
        in_progress = tuple(context for context in found if self._is_worked_on(view, member, context, again))
        return tuple(context for context in found if context not in in_progress), in_progress

    def _is_worked_on(self, view: PullView, member: Member, context: Context, again: Collection[str]) -> bool:
        if context.name not in view.required:
            return False
        if context.state is ContextState.PENDING or context.name in again:
            return True
        # The reporter writes a run that was aborted as a failure, although it says nothing about the change.
        return context.state.is_failed and self.results.is_without_verdict(member, context.name)

    def _required(
        self, view: PullView, member: Member, again: Collection[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Sort the required jobs by what they have shown on the current base: missing, pending, failed."""
        shown = {
            name: Result.NONE if name in again else result for name, result in self.results.on_base(member).items()
        }
        unproved = {
            name: result for name in view.required if (result := shown.get(name, Result.NONE)) is not Result.PASSED
        }
        if not unproved:
            return (), (), ()
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

    def _first_due(
        self, view: PullView, against: Sequence[Context], again: Collection[str], obstacle: Obstacle | None
    ) -> tuple[str, ...]:
        """Give the jobs to start at once: those that are to run again, and those that have never shown anything."""
        if obstacle not in _MAY_START:
            return ()
        new = () if obstacle is Obstacle.FAILED_HERE else self._never_run(view, against)
        return tuple(sorted({*again, *new}))

    def _never_run(self, view: PullView, against: Sequence[Context]) -> Iterable[str]:
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
        member = (view.pull.number, view.pull.head_sha)
        present = {context.name for context in view.pull.contexts}
        return [name for name in open_jobs if self._is_due(member, name, is_there=name in present)]

    def _is_due(self, member: Member, name: str, *, is_there: bool) -> bool:
        if self.results.is_without_verdict(member, name):
            return True
        if is_there or (member[1], name) in self.started:
            return False
        return not self.results.is_known(member, name)

    def _is_ours(self, member: Member, in_progress: Iterable[Context]) -> bool:
        """Tell whether nobody but us is testing a head (Prow: tide.go isRetestEligible)."""
        return all(
            self.results.is_retested(member, context.name) or self.results.is_without_verdict(member, context.name)
            for context in in_progress
        )


def _query_index(query: Query) -> tuple[int, str]:
    return (query.index, repr(query))


def _view_order(view: PullView) -> tuple[int, str]:
    return (view.pull.number, view.pull.head_sha)
