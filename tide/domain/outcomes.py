"""What came of an action. What the other side is entitled to refuse is an outcome, not an error."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Refusal(StrEnum):
    """Why the code host did not merge.

    `BASE_MODIFIED` alone may end by waiting a few seconds. `RULES` are those of the branch that this pull request does
    not meet; `QUEUE_REQUIRED` is the rule that only the code host's own queue merges. `UNMERGEABLE` is the pull request
    as it is: a conflict, a draft.
    """

    BASE_MODIFIED = "base_modified"
    HEAD_MODIFIED = "head_modified"
    UNAUTHORIZED = "unauthorized"
    METHOD_FORBIDDEN = "method_forbidden"
    QUEUE_REQUIRED = "queue_required"
    RULES = "rules"
    UNMERGEABLE = "unmergeable"
    UNKNOWN = "unknown"

    @property
    def is_for_all(self) -> bool:
        """Whether the other pull requests of the branch would be refused alike, so that trying them is no use."""
        return self in {Refusal.UNAUTHORIZED, Refusal.QUEUE_REQUIRED}


@dataclass(frozen=True, slots=True)
class Merged:
    """The code host says that it merged; `sha` is the commit that the branch got."""

    sha: str
    kind: Literal["merged"] = "merged"


@dataclass(frozen=True, slots=True)
class NotMerged:
    """The code host refused; `message` is its own text."""

    refusal: Refusal
    message: str
    kind: Literal["not_merged"] = "not_merged"


MergeAnswer = Merged | NotMerged


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one enacted action did.

    `numbers` are the pull requests that it was really done for (merged, or tested), in order. `error` is for people,
    "" when all went well.
    """

    action: str
    numbers: tuple[int, ...] = ()
    run_names: tuple[str, ...] = ()
    error: str = ""
    reason: str = ""
