"""Rules for Tide queries, in the order in which Prow looks at them (Prow: TideQuery.Validate)."""

from collections.abc import Iterator, Sequence

from tide.config.places import Path
from tide.config.problems import Findings, Sourced
from tide.config.prow.tide import TideQuery, TideSection


def check_queries(tide: Sourced[TideSection], findings: Findings) -> None:
    """Note everything that is wrong with the queries of one file; they are told by their place in it."""
    for index, query in enumerate(tide.value.queries):
        for steps, message in _faults(query):
            findings.error(tide, f"tide query {index} is invalid: {message}", "queries", index, *steps)


def _faults(query: TideQuery) -> Iterator[tuple[Path, str]]:
    yield from _org_faults(query)
    yield from _repo_faults(query)
    if not query.orgs and not query.repos:
        yield (), "it names neither orgs nor repos; name at least one"
    yield from _excluded_repo_faults(query)
    yield from _label_faults(query)
    yield from _branch_faults(query)


def _org_faults(query: TideQuery) -> Iterator[tuple[Path, str]]:
    for index, org in enumerate(query.orgs):
        if "/" in org:
            yield ("orgs", index), f"org {org!r} must not hold a slash; repositories belong under repos"
        if not org:
            yield ("orgs", index), "an org is empty; name it or take it out"
    yield from _duplicates("orgs", "org", query.orgs)


def _repo_faults(query: TideQuery) -> Iterator[tuple[Path, str]]:
    for index, repo in enumerate(query.repos):
        if not is_repo(repo):
            yield ("repos", index), f"repo {repo!r} is not of the form org/repo"
        elif (org := repo.split("/")[0]) in query.orgs:
            yield ("repos", index), f"repo {repo!r} is there already, with all of org {org!r}; keep one of the two"
    yield from _duplicates("repos", "repo", query.repos)


def _excluded_repo_faults(query: TideQuery) -> Iterator[tuple[Path, str]]:
    for index, repo in enumerate(query.excluded_repos):
        if not is_repo(repo):
            yield ("excludedRepos", index), f"excluded repo {repo!r} is not of the form org/repo"
        elif repo.split("/")[0] not in query.orgs:
            message = f"excluded repo {repo!r} is of no org that is listed in orgs; take it out, or list its org"
            yield ("excludedRepos", index), message
    yield from _duplicates("excludedRepos", "excluded repo", query.excluded_repos)


def _label_faults(query: TideQuery) -> Iterator[tuple[Path, str]]:
    for index, label in enumerate(query.missing_labels):
        if label in query.labels and label not in query.missing_labels[:index]:
            message = f"label {label!r} is both required and forbidden; take it out of labels or of missingLabels"
            yield ("missingLabels", index), message
    yield from _duplicates("labels", "label", query.labels)
    yield from _duplicates("missingLabels", "missing label", query.missing_labels)


def _branch_faults(query: TideQuery) -> Iterator[tuple[Path, str]]:
    if query.included_branches and query.excluded_branches:
        yield ("excludedBranches",), "includedBranches and excludedBranches exclude each other; keep one"
    yield from _duplicates("includedBranches", "included branch", query.included_branches)
    yield from _duplicates("excludedBranches", "excluded branch", query.excluded_branches)


def is_repo(text: str) -> bool:
    """Tell whether a text is of the form org/repo."""
    parts = text.split("/")
    return len(parts) == len(("org", "repo")) and all(parts)


def _duplicates(key: str, kind: str, items: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Give the second of each item that is there more than once."""
    for index, item in enumerate(items):
        if items[:index].count(item) == 1:
            yield (key, index), f"{kind} {item!r} is listed more than once; keep it once"
