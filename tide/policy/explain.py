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
from tide.policy.deficits import alternatively, lacking_by_query, nearest, remedy, told, worth_telling
from tide.policy.evaluation import Evaluation
from tide.policy.mergeability import is_blocked
from tide.policy.queries import Criterion, CriterionKind, criteria
from tide.policy.stops import Stop
from tide.policy.wording import LONGEST_STATUS, enumerated, listed, numbered, plural, sentence

# What is not about the branch and its queries at all, or could not be mended by closing an issue.
_TOLD_ALONE = frozenset({Obstacle.MERGED, Obstacle.CLOSED, Obstacle.ELSEWHERE, Obstacle.REFUSED, Obstacle.UNREAD})
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
            unblock=tuple(dict.fromkeys(explainer.remedies(one))),
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
            case Obstacle.CONTEXTS if self._issues_text(one):
                return VerdictKind.BLOCKED
            case Obstacle.CONTEXTS if all(_ends_by_itself(one, context) for context in one.standing_against):
                return VerdictKind.WAITING
            case _:
                return VerdictKind.BLOCKED

    def state(self, one: Assessment) -> ContextState:
        if one.obstacle:
            is_error = one.obstacle is Obstacle.REFUSED or self._issues_text(one)
            return ContextState.ERROR if is_error else ContextState.PENDING
        if self.stop:
            return ContextState.ERROR if self.stop.kind is VerdictKind.BLOCKED else ContextState.PENDING
        return ContextState.SUCCESS if self._is_ready(one) else ContextState.PENDING

    def summary(self, one: Assessment) -> str:
        if one.obstacle is Obstacle.MERGED:
            return "Merged."
        if one.obstacle:
            return f"Not mergeable. {self._issues_text(one)}{_why_outside(one, self.evaluation.snapshot)}"
        if self.stop:
            return f"Not mergeable. {self.stop.text}"
        if self._is_ready(one):
            return self._pooled(one.pull)
        return f"Not mergeable. {self._progress(one)}"

    def requirements(self, one: Assessment) -> Iterator[Requirement]:
        yield from _own_requirements(one)
        for query in (one.query,) if one.query else worth_telling(self.evaluation.snapshot.rules.queries, one.pull):
            for criterion in criteria(query, one.pull):
                yield Requirement(_name(criterion), criterion.met, _detail(criterion), query.index)
        yield from _context_requirements(one)
        if one.view.required:
            yield Requirement("required jobs", not _untested(one), self._jobs(one))
        if self.stop:
            yield Requirement("pool", met=False, detail=self.stop.text)

    def remedies(self, one: Assessment) -> Iterator[str]:
        if one.obstacle in (Obstacle.MERGED, Obstacle.CLOSED):
            return
        if one.view.held:
            yield sentence(f"Mend what holds it: {one.view.held}")
        if one.refused:
            yield one.refused.remedy
        if not one.query:
            yield from map(remedy, nearest(self.evaluation.snapshot.rules.queries, one.pull))
        for context in (*one.standing_against, *one.in_progress):
            yield _context_remedy(one, context)
        if one.failed and one.obstacle is Obstacle.FAILED_HERE:
            yield f"Mend or rerun {enumerated(one.failed)}."
        if self.stop:
            yield self.stop.remedy

    def _issues_text(self, one: Assessment) -> str:
        """Say which issues block the branch, before what a pull request lacks by itself.

        Tide tells of the issues alone, and only those outside the pool (Prow: status.go expectedStatus).
        """
        if self.stop is None or not isinstance(self.stop.action, Blocked) or one.obstacle in _TOLD_ALONE:
            return ""
        return f"{self.stop.text} "

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
            others = numbered(number for number, _ in batch if number != one.number)
            return f"Being tested in a batch with {others}."
        if one.first_due:
            return _limited("Waiting for its first run", one.first_due, "Waiting for the first run of {}.")
        if one.missing:
            return _limited("Waiting for a retest", one.missing, "Waiting for a retest of {}.")
        if one.pending:
            return _limited("Retesting", one.pending, "Retesting {}.")
        return _jobs_text(one.in_progress)

    def _jobs(self, one: Assessment) -> str:
        where = self.evaluation.place_name
        groups = (("failed", one.failed), ("running", one.pending), ("not run yet", one.missing))
        told = [f"{state}: {', '.join(names)}" for state, names in groups if names]
        return f"on {where}, {'; '.join(told)}" if told else f"all passed on {where}"


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
            return "PR is closed."
        case Obstacle.ELSEWHERE:
            return f"Its base is {one.pull.base_branch} now."
        case _:
            return "The contexts of its head could not be read."


def _queries_text(one: Assessment, snapshot: Snapshot) -> str:
    """Tell what is lacking for the query that lacks least, or for every one (Prow: status.go expectedStatus)."""
    rules = snapshot.rules
    if not rules.display_all_queries:
        return _query_text(one, nearest(rules.queries, one.pull))
    each = lacking_by_query(rules.queries, one.pull)
    return alternatively([_query_text(one, lacking) for lacking in each] or [told((), one.pull.base_branch)])


def _query_text(one: Assessment, lacking: Sequence[Criterion]) -> str:
    """Tell what is lacking; a missing review is told only when no job is in the way (Prow: status.go)."""
    kinds = {criterion.kind for criterion in lacking}
    unsuccessful = (*one.standing_against, *one.in_progress)
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
    unmet = (*one.standing_against, *one.in_progress)
    if not unmet:
        yield Requirement("contexts", met=True, detail=f"all that count of {len(one.pull.contexts)} are successful")
    for context in unmet:
        yield Requirement(f"context {context.name}", met=False, detail=_STATES[context.state])


def _untested(one: Assessment) -> bool:
    return bool(one.missing or one.pending or one.failed)


def _ends_by_itself(one: Assessment, context: Context) -> bool:
    return context.state is ContextState.PENDING or context.name in one.first_due


def _context_remedy(one: Assessment, context: Context) -> str:
    if context.name in one.first_due:
        return f"Wait for {context.name}: it is started as soon as there is room."
    if context.state is ContextState.PENDING or context in one.in_progress:
        return f"Wait for {context.name}."
    if context.state is ContextState.EXPECTED:
        return f"Have {context.name} run: it has no result on this head."
    return f"Mend or rerun {context.name}."


def _name(criterion: Criterion) -> str:
    kind = "no label" if criterion.kind is CriterionKind.FORBIDDEN_LABEL else criterion.kind
    return f"{kind} {criterion.subject}"


def _detail(criterion: Criterion) -> str:
    return f"is {criterion.found}" if criterion.found and not criterion.met else ""


def _jobs_text(contexts: Sequence[Context]) -> str:
    names = (context.name for context in contexts)
    return listed(names, "Job {} has not succeeded.", "Jobs {} have not succeeded.")


def _limited(text: str, names: Sequence[str], counted: str) -> str:
    """List jobs, or count them where a status could not hold the list (Prow: status.go retestingStatus).

    Args:
        text: what comes before the list.
        names: the jobs.
        counted: the sentence about their number, which stands in the place of `{}`.
    """
    text = f"{text}: {' '.join(names)}"
    if len(f"Not mergeable. {text}") <= LONGEST_STATUS:
        return text
    return counted.format(f"{len(names)} {plural(len(names), 'job', 'jobs')}")
