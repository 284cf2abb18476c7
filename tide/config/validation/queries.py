"""Rules for Tide queries (Prow: TideQuery.Validate)."""

from collections.abc import Iterator

from tide.config.problems import Findings, Sourced
from tide.config.prow.tide import TideQuery, TideSection


def check_queries(tide: Sourced[TideSection], findings: Findings) -> None:
    """Note everything that is wrong with the queries of one file; they are told by their place in it."""
    for index, query in enumerate(tide.value.queries):
        for key, message in _faults(query):
            place = ("queries", index, key) if key else ("queries", index)
            findings.error(tide, f"tide query {index} is invalid: {message}", *place)


def _faults(query: TideQuery) -> Iterator[tuple[str, str]]:
    yield from _org_faults(query)
    yield from _repo_faults(query)
    if not query.orgs and not query.repos:
        yield "", "it names neither orgs nor repos; name at least one"
    yield from _excluded_repo_faults(query)
    yield from _label_faults(query)
    yield from _branch_faults(query)


def _org_faults(query: TideQuery) -> Iterator[tuple[str, str]]:
    for org in query.orgs:
        if "/" in org:
            yield "orgs", f"org {org!r} must not hold a slash; repositories belong under repos"
        if not org:
            yield "orgs", "an org is empty"
    yield from _duplicates("orgs", "org", query.orgs)


def _repo_faults(query: TideQuery) -> Iterator[tuple[str, str]]:
    for repo in query.repos:
        if not _is_repo(repo):
            yield "repos", f"repo {repo!r} is not of the form org/repo"
        elif repo.split("/")[0] in query.orgs:
            yield "repos", f"repo {repo!r} is there already, with all of org {repo.split('/')[0]!r}"
    yield from _duplicates("repos", "repo", query.repos)


def _excluded_repo_faults(query: TideQuery) -> Iterator[tuple[str, str]]:
    for repo in query.excluded_repos:
        if not _is_repo(repo):
            yield "excludedRepos", f"excluded repo {repo!r} is not of the form org/repo"
        elif repo.split("/")[0] not in query.orgs:
            yield "excludedRepos", f"excluded repo {repo!r} is of no org that is listed in orgs"
    yield from _duplicates("excludedRepos", "excluded repo", query.excluded_repos)


def _label_faults(query: TideQuery) -> Iterator[tuple[str, str]]:
    for label in dict.fromkeys(query.labels):
        if label in query.missing_labels:
            yield "missingLabels", f"label {label!r} is both required and forbidden"
    yield from _duplicates("labels", "label", query.labels)
    yield from _duplicates("missingLabels", "missing label", query.missing_labels)


def _branch_faults(query: TideQuery) -> Iterator[tuple[str, str]]:
    if query.included_branches and query.excluded_branches:
        yield "excludedBranches", "includedBranches and excludedBranches exclude each other; keep one"
    yield from _duplicates("includedBranches", "included branch", query.included_branches)
    yield from _duplicates("excludedBranches", "excluded branch", query.excluded_branches)


def _is_repo(text: str) -> bool:
    parts = text.split("/")
    return len(parts) == len(("org", "repo")) and all(parts)


def _duplicates(key: str, kind: str, items: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for item in dict.fromkeys(items):
        if items.count(item) > 1:
            yield key, f"{kind} {item!r} is listed more than once"
