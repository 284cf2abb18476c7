"""What would help where an approval is missing."""

from tide.domain.pulls import ReviewDecision

_GET_ONE = "Get an approving review."
_SETTLE = "Have those who requested changes approve, or dismiss their reviews."


def review_remedy(decision: str) -> str:
    """Say in a sentence what would help with reviews that come to `decision`."""
    return _SETTLE if decision == ReviewDecision.CHANGES_REQUESTED else _GET_ONE
