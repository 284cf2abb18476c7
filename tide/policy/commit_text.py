"""The title and the message of the commit that a merge makes (Prow: github.go prepareMergeDetails)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from tide.domain.pulls import Pull
from tide.domain.rules import CommitTemplates
from tide.golang.template import Record, Template, TemplateFailed, TemplateSyntaxError, parse, render
from tide.golang.template.values import Value

_PREFIX = "refs/heads/"


@dataclass(frozen=True, slots=True)
class CommitText:
    """What to send with a merge; None leaves that part to the code host.

    `failures` says for each template that gave no text why, on one line.
    """

    title: str | None = None
    message: str | None = None
    failures: tuple[str, ...] = ()


HOSTS_TEXT = CommitText()
"""Says nothing of its own."""


def commit_text(templates: CommitTemplates, pull: Pull) -> CommitText:
    """Render the templates that are configured for a pull request.

    Args:
        templates: those of its repository; "" where there is none.
        pull: what they are filled with, under Prow's names (Prow: CodeReviewCommon, and PullRequest as `.GitHub`).
    """
    data = _data(pull) if templates.title or templates.body else None
    if data is None:
        return HOSTS_TEXT
    title, message = (_rendered(text, data) for text in (templates.title, templates.body))
    failed = {"title": title, "body": message}
    return CommitText(
        title=title if isinstance(title, str) else None,
        message=message if isinstance(message, str) else None,
        failures=tuple(f"{name}: {it.reason}" for name, it in failed.items() if isinstance(it, TemplateFailed)),
    )


def _rendered(text: str, data: Record) -> str | TemplateFailed | None:
    """Give the text; None where it is empty, which GitHub would not take as one."""
    if not text:
        return None
    try:
        return render(_parsed(text), data) or None
    except TemplateSyntaxError as error:
        return TemplateFailed(f"line {error.line}: {error}")


@lru_cache(maxsize=256)
def _parsed(text: str) -> Template:
    return parse(text)


def _data(pull: Pull) -> Record:
    repository = str(pull.key.repository)
    return Record(
        "tide.CodeReviewCommon",
        {
            "NameWithOwner": repository,
            "Number": pull.number,
            "Org": pull.key.org,
            "Repo": pull.key.repo,
            "BaseRefPrefix": _PREFIX,
            "BaseRefName": pull.base_branch,
            "HeadRefName": pull.head_branch,
            "HeadRefOID": pull.head_sha,
            "Title": pull.title,
            "Body": pull.body,
            "AuthorLogin": pull.author,
            "UpdatedAtTime": pull.updated_at,
            "Mergeable": str(pull.mergeable),
            "GitHub": Record("*tide.PullRequest", _github(pull, repository)),
            "Gerrit": None,
        },
    )


def _github(pull: Pull, repository: str) -> Mapping[str, Value]:
    """Give the fields of Prow's GraphQL query, but for the commits, which are not at hand when a merge is made."""
    owner = Record("struct", {"Login": pull.key.org})
    labels = tuple(Record("struct", {"Name": label}) for label in pull.labels)
    return {
        "Number": pull.number,
        "Author": Record("struct", {"Login": pull.author}),
        "BaseRef": Record("struct", {"Name": pull.base_branch, "Prefix": _PREFIX}),
        "HeadRefName": pull.head_branch,
        "HeadRefOID": pull.head_sha,
        "Mergeable": str(pull.mergeable),
        "MergeStateStatus": str(pull.merge_state),
        "CanBeRebased": pull.can_be_rebased,
        "Repository": Record("struct", {"Name": pull.key.repo, "NameWithOwner": repository, "Owner": owner}),
        "ReviewDecision": str(pull.review_decision),
        "Labels": Record("tide.Labels", {"Nodes": labels}),
        "Milestone": Record("*tide.Milestone", {"Title": pull.milestone}) if pull.milestone else None,
        "Body": pull.body,
        "Title": pull.title,
        "UpdatedAt": pull.updated_at,
    }
