"""What came of an action. What the other side is entitled to refuse is an outcome, not an error."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Refusal(StrEnum):
    """Why the code host did not merge."""

    BASE_MODIFIED = "base_modified"
    HEAD_MODIFIED = "head_modified"
    UNAUTHORIZED = "unauthorized"
    METHOD_FORBIDDEN = "method_forbidden"
    UNMERGEABLE = "unmergeable"
    UNKNOWN = "unknown"


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
