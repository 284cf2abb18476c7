"""What protection and rulesets refuse: the one place that REST, GraphQL and ``git push`` ask.

Texts are GitHub's; where they come from stands beside each. A ruleset's refusals are gathered under one heading
("Repository rule violations found"), classic protection's are said one at a time, as GitHub does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tide.sandbox.branch_rules import all_rules, classic_rules, ruleset_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tide.sandbox.branch_rules import BranchRules
    from tide.sandbox.model import CheckRun, Mergeability, MergeMethod, PullRequest, Repository, Review
    from tide.sandbox.protection import RequiredCheck, RequiredReviews, RequiredStatusChecks
    from tide.sandbox.registry import Registry

MergeStateStatus = Literal["BEHIND", "BLOCKED", "CLEAN", "DIRTY", "DRAFT", "HAS_HOOKS", "UNKNOWN", "UNSTABLE"]
_PAIR = 2
CheckVerdict = Literal["success", "failing", "pending", "in progress", "queued", "expected"]

GOOD_CONCLUSIONS = frozenset({"success", "neutral", "skipped"})
ANY_APP = -1
WRITERS = frozenset({"write", "maintain", "admin"})
APPROVALS = "At least {count} approving review{s} is required by reviewers with write access."
RULES_HEADING = "Repository rule violations found"
# kyqra-crawler#29, sallowayma-git/IELTS-practice#138; chdsbd/kodiak#275, reitermarkus/automerge#160
UNSIGNED = "Commits must have verified signatures."
UNSIGNED_REBASE = "Base branch requires signed commits. Rebase merges cannot be automatically signed by GitHub"


def check_verdict(repository: Repository, sha: str, check: RequiredCheck) -> CheckVerdict:
    """Return how a required check stands on a commit; a status and check runs of that name all count."""
    verdicts: list[CheckVerdict] = []
    wanted = None if check.app_id in {None, ANY_APP} else check.app_id
    if wanted is None:
        words: dict[str, CheckVerdict] = {"success": "success", "pending": "pending"}
        verdicts += [
            words.get(status.state, "failing")
            for status in repository.latest_statuses(sha)
            if status.context == check.context
        ]
    verdicts += [
        _run_verdict(run)
        for run in repository.latest_check_runs(sha)
        if run.name == check.context and wanted in {None, run.app_id}
    ]
    order: tuple[CheckVerdict, ...] = ("failing", "pending", "in progress", "queued", "success")
    return next((verdict for verdict in order if verdict in verdicts), "expected")


def _run_verdict(run: CheckRun) -> CheckVerdict:
    if run.status == "completed":
        return "success" if run.conclusion in GOOD_CONCLUSIONS else "failing"
    return "in progress" if run.status == "in_progress" else "queued"


def checks_refusal(
    repository: Repository, sha: str, required: RequiredStatusChecks | None, *, behind: bool = False
) -> str | None:
    """Return GitHub's text about required checks that are not green, None when all are.

    On a head that is ``behind`` a strict base the results do not count: GitHub then says that they are expected.

    Texts: openwrt/packages#7624 (one), kubeflow/pipelines#4384 and RFD-FHEM/RFFHEM#1144 (several of one kind),
    405s of the merge API as clients quote them (mixed: what still runs is not listed), RakuenSoftware/aimee#2460
    (behind).
    """
    if required is None:
        return None
    stale = required.strict and behind
    if stale and not required.checks:
        return "Head branch is out of date"
    verdicts = {check: "expected" if stale else check_verdict(repository, sha, check) for check in required.checks}
    lacking = {check.context: verdict for check, verdict in verdicts.items() if verdict != "success"}
    return _lacking_text(lacking, len(required.checks)) if lacking else None


def _lacking_text(lacking: Mapping[str, str], total: int) -> str:
    kinds = sorted(set(lacking.values()))
    if total == 1:
        ((context, verdict),) = lacking.items()
        return f'Required status check "{context}" is {verdict}.'
    count = f"{len(lacking)} of {total} required status checks"
    if len(kinds) == 1:
        return f"{count} are {kinds[0]}."
    told = [kind for kind in kinds if kind in {"expected", "failing", "pending"}]
    numbers = _sentence([f"{list(lacking.values()).count(kind)} {kind}" for kind in told])
    return f"{count} have not succeeded: {numbers}." if told else f"{count} have not succeeded."


def _sentence(parts: Sequence[str]) -> str:
    """Join as Rails does: ``a``, ``a and b``, ``a, b, and c``."""
    return " and ".join(parts) if len(parts) <= _PAIR else f"{', '.join(parts[:-1])}, and {parts[-1]}"


def decisive_reviews(forge: Registry, repository: Repository, pull: PullRequest, *, writers_only: bool) -> list[Review]:
    """Return the last decisive review of each reviewer, or of each with write access, oldest first."""
    decisive = pull.decisive_reviews().values()
    return [review for review in decisive if not writers_only or forge.permission(repository, review.author) in WRITERS]


def reviews_refusal(
    forge: Registry, repository: Repository, pull: PullRequest, required: RequiredReviews | None
) -> str | None:
    """Return GitHub's text about reviews that lack or refuse, None when they suffice."""
    if required is None:
        return None
    counted = decisive_reviews(forge, repository, pull, writers_only=True)
    objections = sum(review.state == "CHANGES_REQUESTED" for review in counted)
    if objections:
        return f"{objections} review{'s' if objections > 1 else ''} requesting changes by reviewers with write access."
    approvals = sum(review.state == "APPROVED" and review.author != pull.author for review in counted)
    if approvals >= required.required_approving_review_count:
        return None
    count = required.required_approving_review_count
    return APPROVALS.format(count=count, s="s" if count > 1 else "")


def rule_violations(
    forge: Registry,
    repository: Repository,
    pull: PullRequest,
    rules: BranchRules,
    mergeability: Mergeability,
    method: MergeMethod | None = None,
) -> list[str]:
    """Return what a set of rules has against merging a pull now, in GitHub's words; empty: nothing."""
    candidates: list[str | None] = [
        "Changes must be made through the merge queue" if rules.merge_queue and method else None,
        "Cannot update this protected ref." if rules.update_restricted else None,
        "This branch is locked." if rules.locked else None,
        reviews_refusal(forge, repository, pull, rules.required_reviews),
        checks_refusal(repository, pull.head_sha, rules.required_status_checks, behind=mergeability.behind),
        "This branch must not contain merge commits." if rules.linear_history and method == "merge" else None,
        UNSIGNED if rules.signatures and mergeability.unsigned else None,
        UNSIGNED_REBASE if rules.signatures and method == "rebase" else None,
    ]
    if method is not None and method not in rules.merge_methods:
        candidates.append(f"{_METHOD_NAMES[method]} are not allowed on this repository.")
    return [text for text in candidates if text is not None]


_METHOD_NAMES: Mapping[str, str] = {
    "merge": "Merge commits",
    "squash": "Squash merges",
    "rebase": "Rebase merges",
}


def merge_refusal(
    forge: Registry,
    repository: Repository,
    pull: PullRequest,
    mergeability: Mergeability,
    *,
    login: str,
    method: MergeMethod,
) -> str | None:
    """Return the text of GitHub's 405 for merging a pull, None when no rule is against it."""
    settings = repository.settings
    allowed = {
        "merge": settings.allow_merge_commit,
        "squash": settings.allow_squash_merge,
        "rebase": settings.allow_rebase_merge,
    }
    if not allowed[method]:
        return f"{_METHOD_NAMES[method]} are not allowed on this repository."
    classic = classic_rules(forge, repository, pull.base_ref, login)
    if classic.update_restricted:
        return (
            "You're not authorized to push to this branch. Visit "
            "https://docs.github.com/articles/about-protected-branches/ for more information."
        )
    refusals = rule_violations(forge, repository, pull, classic, mergeability, method)
    if refusals:
        return refusals[0]
    rulesets = ruleset_rules(forge, repository, pull.base_ref, login)
    violations = rule_violations(forge, repository, pull, rulesets, mergeability, method)
    if violations == ["Changes must be made through the merge queue"]:
        return violations[0]
    return "\n\n".join([RULES_HEADING, *violations, ""]) if violations else None


def merge_state_status(
    forge: Registry, repository: Repository, pull: PullRequest, mergeability: Mergeability
) -> MergeStateStatus:
    """Return GraphQL's ``mergeStateStatus`` (REST's ``mergeable_state`` is the same in lower case).

    Rules count without anybody's bypass, as GitHub shows them. A merge-queue rule alone does not block: the queue is
    the way in.
    """
    if pull.state != "open" or not mergeability.known:
        return "UNKNOWN"
    if not mergeability.mergeable:
        return "DIRTY"
    if pull.draft:
        return "DRAFT"
    return _standing_against_rules(forge, repository, pull, mergeability) or _standing_without_rules(repository, pull)


def _standing_against_rules(
    forge: Registry, repository: Repository, pull: PullRequest, mergeability: Mergeability
) -> Literal["BLOCKED", "BEHIND"] | None:
    sources = all_rules(forge, repository, pull.base_ref, None)
    current = replace(mergeability, behind=False)
    if any(rule_violations(forge, repository, pull, rules, current) for rules in sources):
        return "BLOCKED"
    if any(rule_violations(forge, repository, pull, rules, mergeability) for rules in sources):
        return "BEHIND"
    return None


def _standing_without_rules(repository: Repository, pull: PullRequest) -> Literal["UNSTABLE", "HAS_HOOKS", "CLEAN"]:
    statuses = all(status.state == "success" for status in repository.latest_statuses(pull.head_sha))
    runs = all(run.conclusion in GOOD_CONCLUSIONS for run in repository.latest_check_runs(pull.head_sha))
    if not (statuses and runs):
        return "UNSTABLE"
    return "HAS_HOOKS" if repository.settings.has_pre_receive_hooks else "CLEAN"


@dataclass(frozen=True)
class PushRefusal:
    """Why a push of one ref is declined: GH006 for protection, GH013 for rulesets."""

    ref: str
    code: Literal["GH006", "GH013"]
    reasons: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return what git shows after ``remote: error:`` (GH013: mxcube/mxcubecore#891)."""
        if self.code == "GH006":
            return [f"GH006: Protected branch update failed for {self.ref}.", " ".join(self.reasons)]
        reasons = [f"- {reason}" for reason in self.reasons]
        return [f"GH013: Repository rule violations found for {self.ref}.", *reasons]


def push_refusal(
    forge: Registry, repository: Repository, branch: str, after: str | None, *, login: str
) -> PushRefusal | None:
    """Return why ``login`` may not push ``after`` (None deletes) to a branch; fast-forward is git's to check."""
    ref = f"refs/heads/{branch}"
    created = branch not in repository.branches
    classic = classic_rules(forge, repository, branch, login)
    if reasons := tuple(_push_reasons(repository, classic, after, created=created)):
        return PushRefusal(ref, "GH006", reasons)
    rulesets = ruleset_rules(forge, repository, branch, login)
    if reasons := tuple(_push_reasons(repository, rulesets, after, created=created)):
        return PushRefusal(ref, "GH013", reasons)
    return None


def _push_reasons(repository: Repository, rules: BranchRules, after: str | None, *, created: bool) -> Iterable[str]:
    if after is None:
        if rules.deletion_restricted:
            yield "Cannot delete this branch"
        return
    if created and rules.creation_restricted:
        yield "Cannot create ref due to creations being restricted."
    if created:
        return
    if rules.update_restricted:
        yield "Cannot update this protected ref."
    if rules.locked:
        yield "Cannot change this locked branch"
    if rules.merge_queue:
        yield "Changes must be made through the merge queue"
    elif rules.pull_request_required:
        yield "Changes must be made through a pull request."
    if refusal := checks_refusal(repository, after, rules.required_status_checks):
        yield refusal


def review_decision(
    forge: Registry, repository: Repository, pull: PullRequest
) -> Literal["APPROVED", "CHANGES_REQUESTED", "REVIEW_REQUIRED"] | None:
    """Return GraphQL's ``reviewDecision``: None where the base branch requires no review and nobody objects."""
    required = [
        rules.required_reviews
        for rules in all_rules(forge, repository, pull.base_ref, None)
        if rules.required_reviews is not None
    ]
    wanting = [review for review in required if review.required_approving_review_count > 0]
    if any(review.state == "CHANGES_REQUESTED" for review in pull.decisive_reviews().values()):
        return "CHANGES_REQUESTED"
    if not wanting:
        return None
    lacking = any(reviews_refusal(forge, repository, pull, review) for review in wanting)
    return "REVIEW_REQUIRED" if lacking else "APPROVED"
