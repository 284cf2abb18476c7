"""Templates that give no text, as they ask for what a pull request does not have."""

from datetime import UTC, datetime

from tide.config.problems import Findings, Sourced
from tide.config.prow.tide import TideSection
from tide.domain.keys import PullKey
from tide.domain.pulls import Mergeable, MergeState, Pull, ReviewDecision
from tide.domain.rules import CommitTemplates
from tide.policy.commit_text import commit_text

_FULL = Pull(
    key=PullKey("org", "repo", 1),
    title="Title",
    body="Body",
    author="author",
    base_branch="main",
    head_branch="change",
    head_sha="0" * 40,
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
    mergeable=Mergeable.MERGEABLE,
    merge_state=MergeState.CLEAN,
    review_decision=ReviewDecision.APPROVED,
    labels=("lgtm",),
    milestone="v1",
)
"""It has all that one can have: what fails on it fails on all."""


def advise_on_templates(tide: Sourced[TideSection], findings: Findings) -> None:
    """Warn of templates for commits that fail on every pull request, such as by a field that there is not."""
    for key, template in tide.value.merge_commit_template.items():
        for failure in commit_text(CommitTemplates(template.title, template.body), _FULL).failures:
            part, _, reason = failure.partition(": ")
            message = f"gives no text for any pull request, so that the code host's own is taken: {reason}"
            findings.warn(tide, message, "merge_commit_template", key, part)
