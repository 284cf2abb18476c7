"""What a sync may do. An action is a value: it carries the SHAs it was decided for, its reason, and its fallback."""

from dataclasses import dataclass
from typing import Literal

from tide.domain.pulls import MergeMethod


@dataclass(frozen=True, slots=True)
class Target:
    """A pull request that an action is about, pinned to the head it was decided for."""

    number: int
    head_sha: str
    method: MergeMethod = MergeMethod.MERGE

    @property
    def member(self) -> tuple[int, str]:
        """Its number and head, as batches name it."""
        return (self.number, self.head_sha)


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing now."""

    reason: str
    kind: Literal["WAIT"] = "WAIT"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Do nothing until the blocking issues are closed."""

    reason: str
    kind: Literal["BLOCKED"] = "BLOCKED"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Test one pull request alone on the base: start the runs of `contexts`."""

    target: Target
    contexts: tuple[str, ...]
    reason: str
    kind: Literal["TRIGGER"] = "TRIGGER"


@dataclass(frozen=True, slots=True)
class Merge:
    """Merge one pull request that passes alone on the base."""

    target: Target
    reason: str
    kind: Literal["MERGE"] = "MERGE"


@dataclass(frozen=True, slots=True)
class TriggerBatch:
    """Test several pull requests together on the base.

    The candidates are in the order in which they would be merged; those that do not merge cleanly, or leave the tree
    as it is, are left out until `limit` (0: none) is reached. When fewer than two are left, `otherwise` is done.
    """

    candidates: tuple[Target, ...]
    limit: int
    reason: str
    otherwise: Trigger | Merge | Wait
    kind: Literal["TRIGGER_BATCH"] = "TRIGGER_BATCH"


@dataclass(frozen=True, slots=True)
class MergeBatch:
    """Merge the members of a batch that passed, in the order in which they were tested."""

    targets: tuple[Target, ...]
    reason: str
    kind: Literal["MERGE_BATCH"] = "MERGE_BATCH"


@dataclass(frozen=True, slots=True)
class Prove:
    """Test the branch head as it is: start the runs of `contexts` without any pull request."""

    contexts: tuple[str, ...]
    reason: str
    kind: Literal["PROVE"] = "PROVE"


@dataclass(frozen=True, slots=True)
class UpdateBranch:
    """Have the code host merge the base into the branch of a pull request whose head must contain it."""

    target: Target
    reason: str
    kind: Literal["UPDATE_BRANCH"] = "UPDATE_BRANCH"


Action = Wait | Blocked | Trigger | TriggerBatch | Merge | MergeBatch | Prove | UpdateBranch


def targets_of(action: Action) -> tuple[Target, ...]:
    """Give the pull requests that an action is about, in its order."""
    match action:
        case Trigger() | Merge() | UpdateBranch():
            return (action.target,)
        case TriggerBatch():
            return action.candidates
        case MergeBatch():
            return action.targets
        case _:
            return ()
