"""What keeps a whole pool from landing anything, whatever its pull requests look like."""

from typing import NamedTuple

from tide.domain.actions import Action, Blocked, Prove, Wait
from tide.domain.decisions import VerdictKind
from tide.domain.keys import PoolKey
from tide.domain.rules import LandingMode, Strategy
from tide.domain.snapshot import Snapshot, Standing, StandingKind
from tide.policy.blockers import applicable
from tide.policy.proof import ProofState, proof_state, unproved_contexts
from tide.policy.wording import enumerated, plural, sentence


class Stop(NamedTuple):
    """Why a pool stands still.

    `action` is what to do nevertheless, `kind` and `text` what a pull request in the pool is told, `remedy` what
    somebody has to do, "" where it ends by itself. When it `is_total`, nothing at all may be started.
    """

    action: Action
    kind: VerdictKind
    text: str
    remedy: str
    is_total: bool = False


def find_stop(snapshot: Snapshot) -> Stop | None:
    """Find what stops a pool; of several reasons the gravest."""
    checks = (_frozen, _paused, _unproven, _blocked, _without_strategy, _without_landing, _locked_out)
    return next((stop for check in checks if (stop := check(snapshot))), None)


def _frozen(snapshot: Snapshot) -> Stop | None:
    if snapshot.standing.kind is not StandingKind.FROZEN:
        return None
    text = sentence(f"The pool is frozen: {snapshot.standing.reason}")
    return Stop(Wait(text), VerdictKind.BLOCKED, text, thaw(snapshot.pool), is_total=True)


def thaw(pool: PoolKey) -> str:
    """Say what helps a frozen pool."""
    return f"Have an operator find out what happened to the branch, then run `tide unfreeze {pool}`."


def _paused(snapshot: Snapshot) -> Stop | None:
    if not snapshot.rules.settings.paused:
        return None
    text = "The queue is paused in its configuration."
    remedy = f"Have an operator set `paused` to false for {snapshot.pool}."
    return Stop(Wait(text), VerdictKind.WAITING, text, remedy, is_total=True)


def _unproven(snapshot: Snapshot) -> Stop | None:
    standing = snapshot.standing
    if standing.kind is not StandingKind.UNPROVEN:
        return None
    branch = snapshot.pool.branch
    text = f"The head of {branch} is not proven ({standing.reason})"
    match proof_state(standing, snapshot.base_sha, snapshot.runs):
        case ProofState.PROVED:
            return None
        case ProofState.MISSING:
            text = f"{text}, so its jobs must run on it as it is."
            return Stop(_prove(snapshot, standing, text), VerdictKind.WAITING, text, "")
        case ProofState.RUNNING:
            text = f"{text}; its jobs are running on it as it is."
            return Stop(Wait(text), VerdictKind.WAITING, text, "")
        case ProofState.FAILED:
            text = f"{text}, and has failed its jobs."
            return Stop(
                Wait(text), VerdictKind.BLOCKED, text, f"Have a maintainer mend {branch}: nothing lands on it before."
            )


def _prove(snapshot: Snapshot, standing: Standing, reason: str) -> Action:
    if not snapshot.base_sha:
        return Wait(reason)  # the head was not read, since no pull request asks for it
    return Prove(unproved_contexts(standing, snapshot.base_sha, snapshot.runs), reason)


def _blocked(snapshot: Snapshot) -> Stop | None:
    """Say which issues block the branch (Prow: status.go, expectedStatus)."""
    blockers = applicable(snapshot.blockers, snapshot.pool.branch)
    if not blockers:
        return None
    numbers = [str(blocker.number) for blocker in blockers]
    issues = plural(len(numbers), "issue", "issues")
    text = f"Merging is blocked by {issues} {', '.join(numbers)}."
    remedy = f"Have a maintainer close {issues} {enumerated([f'#{number}' for number in numbers])}."
    return Stop(Blocked(text), VerdictKind.BLOCKED, text, remedy)


def _without_strategy(snapshot: Snapshot) -> Stop | None:
    if snapshot.rules.settings.strategy is Strategy.TIDE:
        return None
    text = f"The strategy `{snapshot.rules.settings.strategy}` is not available yet."
    return Stop(Wait(text), VerdictKind.BLOCKED, text, "Have an operator set `strategy` to `tide`.")


def _without_landing(snapshot: Snapshot) -> Stop | None:
    # REST merges in its place would show heads to the world that were meant to land all at once.
    if snapshot.rules.settings.landing is LandingMode.REST:
        return None
    text = f"Landing by `{snapshot.rules.settings.landing}` is not available yet."
    return Stop(Wait(text), VerdictKind.BLOCKED, text, "Have an operator set `landing` to `rest`.")


def _locked_out(snapshot: Snapshot) -> Stop | None:
    """Say which of the code host's own rules lets nothing of ours into the branch."""
    rules, branch = snapshot.branch_rules, snapshot.pool.branch
    if rules.requires_queue:
        text = f"Only GitHub's own merge queue may merge into {branch}."
        remedy = (
            f"Have an administrator let the account of the queue bypass that rule, or leave {branch} to that queue."
        )
    elif not rules.may_push:
        text = f"GitHub's rules do not let us change {branch}."
        remedy = f"Have an administrator let the account of the queue push to {branch}, or bypass its rules."
    else:
        return None
    return Stop(Wait(text), VerdictKind.BLOCKED, text, remedy)
