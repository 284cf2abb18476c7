"""Why each pull request is or is not merging, from the same evaluation that the action was chosen from.

This is the one source of reasons for the status, the page, the APIs, the log and `tide explain`. The sentences are
Tide's (Prow: status.go expectedStatus, requirementDiff) wherever Tide's are true.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tide.domain.actions import Blocked
from tide.domain.decisions import Place, Requirement, Verdict, VerdictKind
from tide.domain.pulls import Context, ContextState, Mergeable, Pull
from tide.domain.rules import BlocksPolicy
from tide.domain.snapshot import Snapshot
from tide.policy.assessment import Assessment, Obstacle
from tide.policy.contexts import TIDE_CONTEXT
from tide.policy.deficits import alternatively, lacking_by_query, nearest, remedy, told, worth_telling
from tide.policy.evaluation import Evaluation
from tide.policy.mergeability import is_blocked
from tide.policy.queries import Criterion, CriterionKind, criteria
from tide.policy.silence import UNREPORTED
from tide.policy.stops import Stop
from tide.policy.wording import LONGEST_STATUS, listed, numbered, plural, sentence

# How Tide begins its status text (Prow: status.go statusNotInPool).
NOT_MERGEABLE = "Not mergeable. "
MERGED, CLOSED, REOPEN = "Merged.", "PR is closed.", "Reopen it."
_OVER = frozenset({Obstacle.MERGED, Obstacle.CLOSED})
# What is not about the branch and its queries at all.
_TOLD_ALONE = _OVER | {Obstacle.ELSEWHERE, Obstacle.UNREAD}
_STATES = {
    ContextState.SUCCESS: "successful",
    ContextState.PENDING: "pending",
    ContextState.FAILURE: "failed",
    ContextState.ERROR: "ended with an error",
    ContextState.EXPECTED: "has no result on this head",
}


def explain(evaluation: Evaluation, stop: Stop | None) -> tuple[Verdict, ...]:
    """Give the verdict on every pull request of a snapshot, by ascending number.

    Args:
        evaluation: what was found.
        stop: what keeps the pool as a whole from landing anything.
    """
    positions = {one.member: place for place, one in enumerate(evaluation.in_merge_order(), start=1)}
    explainer = _Explainer(evaluation, stop)
    return tuple(
        Verdict(
            pull=one.pull.key,
            head_sha=one.pull.head_sha,
            kind=explainer.kind(one),
            state=explainer.state(one),
            place=one.place,
            summary=explainer.summary(one),
            requirements=tuple(explainer.requirements(one)),
            unblock=explainer.unblock(one),
            position=positions.get(one.member),
        )
        for one in evaluation.assessments
    )


def why_outside(assessment: Assessment, snapshot: Snapshot) -> str:
    """Say in a sentence why a pull request is not in its pool, "" when it is."""
    return _why_outside(assessment, snapshot) if assessment.obstacle else ""


@dataclass(frozen=True, slots=True)
class _Explainer:
    evaluation: Evaluation
    stop: Stop | None

    def kind(self, one: Assessment) -> VerdictKind:
        match one.obstacle:
            case None:
                return self.stop.kind if self.stop else VerdictKind.IN_POOL
            case Obstacle.MERGED:
                return VerdictKind.MERGED
            case Obstacle.UNREAD:
                return VerdictKind.UNKNOWN
        if not self._ends_by_itself(one):
            return VerdictKind.BLOCKED
        stop = self._told_first(one)
        return stop.kind if stop else VerdictKind.WAITING

    def state(self, one: Assessment) -> ContextState:
        if one.obstacle is Obstacle.REFUSED:
            return ContextState.ERROR
        stop = self._told_first(one) if one.obstacle else self.stop
        if stop:
            return ContextState.ERROR if stop.kind is VerdictKind.BLOCKED else ContextState.PENDING
        return ContextState.SUCCESS if not one.obstacle and self._is_ready(one) else ContextState.PENDING

    def summary(self, one: Assessment) -> str:
        if one.obstacle is Obstacle.MERGED:
            return MERGED
        if one.obstacle:
            return f"{NOT_MERGEABLE}{self._obstacles(one)}"
        if self.stop:
            return f"{NOT_MERGEABLE}{self.stop.text}"
        if self._is_ready(one):
            return self._pooled(one.pull)
        return f"{NOT_MERGEABLE}{self._progress(one)}"

    def requirements(self, one: Assessment) -> Iterator[Requirement]:
        if self.stop:
            yield Requirement("pool", met=False, detail=self.stop.text)
        yield from _own_requirements(one)
        for query in (one.query,) if one.query else worth_telling(self.evaluation.snapshot.rules.queries, one.pull):
            for criterion in criteria(query, one.pull):
                yield Requirement(_name(criterion), criterion.met, _detail(criterion), query.index)
        yield from _context_requirements(one)
        yield from self._job_requirements(one)

    def unblock(self, one: Assessment) -> tuple[str, ...]:
        """Say what can be done now, and by whom where that is not the author.

        What comes by itself is waited for, which is told only where nothing else is to be done and somebody else is at
        it; what the queue does afterwards is not told.
        """
        if one.obstacle in _OVER:
            return (REOPEN,) if one.obstacle is Obstacle.CLOSED else ()
        found = tuple(dict.fromkeys(self._remedies(one)))
        if found or one.obstacle is not Obstacle.CONTEXTS:
            return found
        pending = (context for context in _unsuccessful(one) if context.state is ContextState.PENDING)
        return tuple(dict.fromkeys(f"Wait for {context.name}." for context in pending))

    def _remedies(self, one: Assessment) -> Iterator[str]:
        """Give what somebody has to do, what stops the whole pool first."""
        if self.stop and self.stop.remedy:
            yield self.stop.remedy
        if standing := one.refused.remedy if one.refused else one.view.held_remedy:
            yield standing
        if not one.query:
            yield from map(remedy, nearest(self.evaluation.snapshot.rules.queries, one.pull))
        for context in one.standing_against:
            yield from self._context_remedies(one, context)
        for name in _silent(one, _unsuccessful(one)):
            if name not in one.first_due:
                yield f"Have {name} reported: {UNREPORTED}."
        if one.obstacle is Obstacle.FAILED_HERE:
            yield from (_rerun(one, name) for name in one.failed)

    def _context_remedies(self, one: Assessment, context: Context) -> Iterator[str]:
        if context.state.is_failed:
            yield _rerun(one, context.name)
        # Whoever is to report it may wait for what else the pull request lacks.
        elif (
            one.obstacle is Obstacle.CONTEXTS
            and context.state is ContextState.EXPECTED
            and not self._comes_by_itself(one, context)
        ):
            yield f"Have {context.name} run: it has no result on this head."

    def _told_first(self, one: Assessment) -> Stop | None:
        """Give what stops the whole pool, where that is told of one outside it before what it lacks by itself.

        What the queue is about to end itself is not told there. Of issues Tide tells only what may merge otherwise
        (Prow: status.go expectedStatus).
        """
        if self.stop is None or not self.stop.remedy or one.obstacle in _TOLD_ALONE:
            return None
        is_refused_first = isinstance(self.stop.action, Blocked) and one.obstacle is Obstacle.REFUSED
        return None if is_refused_first else self.stop

    def _obstacles(self, one: Assessment) -> str:
        """Say what keeps one outside: what stops the pool, and what has to be done about itself besides."""
        stop, own = self._told_first(one), _why_outside(one, self.evaluation.snapshot)
        if stop is None:
            return own
        return stop.text if self._ends_by_itself(one) else f"{stop.text} {own}"

    def _ends_by_itself(self, one: Assessment) -> bool:
        """Tell whether what keeps one outside needs nobody to do anything."""
        if one.obstacle is Obstacle.REFUSED and one.refused:
            return not one.refused.remedy
        if one.obstacle is Obstacle.HELD:
            return not one.view.held_remedy
        against = one.standing_against
        return one.obstacle is Obstacle.CONTEXTS and all(self._comes_by_itself(one, context) for context in against)

    def _comes_by_itself(self, one: Assessment, context: Context) -> bool:
        """Tell whether a context is being worked on, or is a job that is started as soon as nothing else is lacking."""
        if context.name in one.first_due or context.name in one.running:
            return True
        is_begun = context.state is ContextState.PENDING and context.name not in one.unreported
        return is_begun or _is_ours_to_start(one, context, self.evaluation.snapshot)

    def _is_ready(self, one: Assessment) -> bool:
        """Tell whether nothing keeps a member of the pool from being merged, alone or with the batch that passed."""
        if one.member in self.evaluation.batches.passed:
            return True
        return one.place is Place.PASSING and not one.in_progress

    def _pooled(self, pull: Pull) -> str:
        is_permitted = self.evaluation.snapshot.rules.blocks_policy is BlocksPolicy.PERMIT
        return "In merge pool (despite BLOCKED)." if is_permitted and is_blocked(pull) else "In merge pool."

    def _progress(self, one: Assessment) -> str:
        """Say what a pull request in the pool is waiting for."""
        batch = self.evaluation.batches.pending
        if one.missing and one.member in batch:
            return f"Being tested in a batch of {len(batch)}."
        if silent := _silent(one, one.in_progress):
            return _unreported_text(silent)
        if one.first_due:
            return _due_text(one)
        if one.missing:
            return _limited("Waiting for a retest", one.missing, "Waiting for a retest of {}.")
        if one.pending:
            return _limited("Retesting", one.pending, "Retesting {}.")
        return _jobs_text(one.in_progress)

    def _job_requirements(self, one: Assessment) -> Iterator[Requirement]:
        """Tell of the required jobs whose context on the head does not say by itself already what is lacking."""
        where, told = self.evaluation.place_name, {context.name for context in _unsuccessful(one)}
        groups = (("failed", one.failed), ("running", one.pending), ("not run yet", one.missing))
        untested = {state: [name for name in names if name not in told] for state, names in groups}
        lacking = [f"{state}: {', '.join(names)}" for state, names in untested.items() if names]
        batch = [number for number, _ in self.evaluation.batches.pending]
        if one.missing and one.number in batch:
            others = numbered(number for number in batch if number != one.number)
            lacking.append(f"being tested in a batch with {others}")
        if lacking:
            yield Requirement("required jobs", met=False, detail=f"on {where}, {'; '.join(lacking)}")
        elif one.view.required and not told.intersection(one.view.required):
            yield Requirement("required jobs", met=True, detail=f"all passed on {where}")


def _why_outside(one: Assessment, snapshot: Snapshot) -> str:
    match one.obstacle:
        case Obstacle.HELD:
            return sentence(f"Held: {one.view.held}")
        case Obstacle.REFUSED if one.refused:
            return one.refused.text
        case Obstacle.NO_QUERY | Obstacle.CONTEXTS:
            return _queries_text(one, snapshot)
        case Obstacle.FAILED_HERE:
            return listed(one.failed, "Job {} failed on the current base.", "Jobs {} failed on the current base.")
        case _:
            return _plain_obstacle(one)


def _plain_obstacle(one: Assessment) -> str:
    match one.obstacle:
        case Obstacle.MERGED:
            return "PR is merged."
        case Obstacle.CLOSED:
            return CLOSED
        case Obstacle.ELSEWHERE:
            return f"Its base is {one.pull.base_branch} now."
        case _:
            return "The contexts of its head could not be read."


def _queries_text(one: Assessment, snapshot: Snapshot) -> str:
    """Tell what is lacking for the query that lacks least, or for every one (Prow: status.go expectedStatus)."""
    rules = snapshot.rules
    in_the_way = _in_the_way(one, snapshot)
    if not rules.display_all_queries:
        return _query_text(one, nearest(rules.queries, one.pull), in_the_way)
    each = lacking_by_query(rules.queries, one.pull)
    texts = [_query_text(one, lacking, in_the_way) for lacking in each]
    return alternatively(texts or [told((), one.pull.base_branch)])


def _in_the_way(one: Assessment, snapshot: Snapshot) -> Sequence[Context]:
    """Give the contexts that stand against merging; jobs that wait for all else are told where nothing else is left."""
    unsuccessful = _unsuccessful(one)
    others = [context for context in unsuccessful if not _is_ours_to_start(one, context, snapshot)]
    return others or (unsuccessful if one.query else ())


def _is_ours_to_start(one: Assessment, context: Context, snapshot: Snapshot) -> bool:
    """Tell whether a job is started as soon as nothing else is lacking; which are required, only a query tells."""
    is_new = context.state is ContextState.EXPECTED and (one.pull.head_sha, context.name) not in snapshot.first_runs
    return is_new and snapshot.rules.settings.trigger and (one.query is None or context.name in one.view.required)


def _query_text(one: Assessment, lacking: Sequence[Criterion], unsuccessful: Sequence[Context]) -> str:
    """Tell what is lacking; a missing review is told only when no job is in the way (Prow: status.go)."""
    kinds = {criterion.kind for criterion in lacking}
    if one.query and len(silent := _silent(one, unsuccessful)) == len(unsuccessful) > 0:
        return _unreported_text(silent)
    if unsuccessful and kinds <= {CriterionKind.REVIEW} and (kinds or one.query):
        return _jobs_text(unsuccessful)
    return told(lacking, one.pull.base_branch)


def _own_requirements(one: Assessment) -> Iterator[Requirement]:
    pull = one.pull
    if one.obstacle in (Obstacle.MERGED, Obstacle.CLOSED, Obstacle.ELSEWHERE):
        yield Requirement("open", met=False, detail=str(one.obstacle))
    if one.view.held:
        yield Requirement("not held", met=False, detail=one.view.held)
    unknown = "GitHub has not said yet whether it merges" if pull.mergeable is Mergeable.UNKNOWN else ""
    yield Requirement("mergeable", one.refused is None, one.refused.text if one.refused else unknown)


def _context_requirements(one: Assessment) -> Iterator[Requirement]:
    if not one.pull.contexts_known:
        yield Requirement("contexts", met=False, detail="could not be read")
        return
    unmet = _unsuccessful(one)
    if not unmet:
        there = sum(context.name != TIDE_CONTEXT for context in one.pull.contexts)
        yield Requirement("contexts", met=True, detail=f"all that count of {there} are successful")
    for context in unmet:
        detail = UNREPORTED if context.name in one.unreported else _STATES[context.state]
        yield Requirement(f"context {context.name}", met=False, detail=detail)
    for name in sorted(set(one.unreported).difference(context.name for context in unmet)):
        yield Requirement(f"context {name}", met=True, detail=f"{UNREPORTED}; its run has passed")


def _unsuccessful(one: Assessment) -> tuple[Context, ...]:
    return (*one.standing_against, *one.in_progress)


def _rerun(one: Assessment, name: str) -> str:
    """Say what helps where a context has failed: only the jobs that are required can be asked for here."""
    return (
        f"Mend or rerun {name} (`tide retest {one.pull.key}`)."
        if name in one.view.required
        else f"Mend or rerun {name}."
    )


def _name(criterion: Criterion) -> str:
    kind = "no label" if criterion.kind is CriterionKind.FORBIDDEN_LABEL else criterion.kind
    return f"{kind} {criterion.subject}"


def _detail(criterion: Criterion) -> str:
    return f"is {criterion.found}" if criterion.found and not criterion.met else ""


def _jobs_text(contexts: Sequence[Context]) -> str:
    names = (context.name for context in contexts)
    return listed(names, "Job {} has not succeeded.", "Jobs {} have not succeeded.")


def _silent(one: Assessment, contexts: Sequence[Context]) -> list[str]:
    """Name those of these contexts that wait for a report that is missing."""
    return [
        context.name for context in contexts if context.name in one.unreported and context.state is ContextState.PENDING
    ]


def _unreported_text(names: Sequence[str]) -> str:
    return listed(names, f"Job {{}}: {UNREPORTED}.", "Jobs {}: the jobs ended, their reports are missing.")


def _due_text(one: Assessment) -> str:
    if one.again.issuperset(one.first_due):
        return _limited("Waiting to be run again", one.first_due, "{} are waiting to be run again.")
    return _limited("Waiting for its first run", one.first_due, "Waiting for the first run of {}.")


def _limited(text: str, names: Sequence[str], counted: str) -> str:
    """List jobs, or count them where a status could not hold the list (Prow: status.go retestingStatus).

    Args:
        text: what comes before the list.
        names: the jobs.
        counted: the sentence about their number, which stands in the place of `{}`.
    """
    text = f"{text}: {' '.join(names)}"
    if len(f"{NOT_MERGEABLE}{text}") <= LONGEST_STATUS:
        return text
    return counted.format(f"{len(names)} {plural(len(names), 'job', 'jobs')}")
