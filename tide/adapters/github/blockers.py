"""Read the issues that block merging."""

from tide.adapters.github import parse
from tide.adapters.github.parse import SearchPage
from tide.domain.errors import Unavailable
from tide.domain.pulls import Blocker
from tide.policy.blockers import parse_title
from tide.ports.code_host import BlockerIssue


def blockers_of(page: SearchPage) -> tuple[BlockerIssue, ...]:
    """Give those of a page.

    Raises:
        Unavailable: One could not be read: one that is missed would let merges through.
        BadAnswer: One is not as described.
    """
    return tuple(_blocker_issue(node) for node in page.nodes if _is_open_issue(node))


def _is_open_issue(node: object) -> bool:
    if node is None:
        raise Unavailable("an issue that may block merging could not be read")
    # A search may still show an issue that has been closed.
    return isinstance(node, dict) and node.get("__typename") == "Issue" and node.get("state") == "OPEN"


def _blocker_issue(node: object) -> BlockerIssue:
    issue = parse.read(parse.IssueNode, node)
    title, branches = parse_title(issue.title)
    return BlockerIssue(issue.repo, Blocker(issue.number, title, issue.url, branches))
