"""Tide queries that ask for the same things of different repositories become one (Prow: deduplicateTideQueries)."""

import json
from collections import defaultdict
from collections.abc import Iterable

from tide.config.defaults import merged_default
from tide.config.prow.config import DefaultEntry
from tide.config.prow.tide import TideQuery
from tide.domain.keys import RepoKey
from tide.domain.rules import Query


def fuse(queries: Iterable[TideQuery], prowjob_defaults: Iterable[DefaultEntry] = ()) -> tuple[Query, ...]:
    """Fuse queries with equal criteria and tenants, in the order of their JSON, with their indices.

    A repository that one of the queries covers stays covered when another one excludes it (in Prow it is lost).
    """
    entries = tuple(prowjob_defaults)
    groups: dict[tuple[str, str], list[TideQuery]] = defaultdict(list)
    for query in queries:
        groups[_criteria_json(query), _tenants_json(query, entries)].append(query)
    fused = sorted(map(_fused, groups.values()), key=_json)
    return tuple(as_query(index, query) for index, query in enumerate(fused))


def _criteria_json(query: TideQuery) -> str:
    criteria = query.model_dump(exclude={"orgs", "repos", "excluded_repos"}, exclude_defaults=True)
    return json.dumps({key: sorted(item) if isinstance(item, tuple) else item for key, item in criteria.items()})


def _tenants_json(query: TideQuery, entries: tuple[DefaultEntry, ...]) -> str:
    targets = (*query.orgs, *query.repos)
    return json.dumps(sorted({str(merged_default(entries, target, "*").get("tenant_id", "")) for target in targets}))


def _fused(queries: list[TideQuery]) -> TideQuery:
    excluded = [repo for query in queries for repo in query.excluded_repos]
    first = queries[0]
    return first.model_copy(
        update={
            "labels": tuple(sorted(first.labels)),
            "missing_labels": tuple(sorted(first.missing_labels)),
            "included_branches": tuple(sorted(first.included_branches)),
            "excluded_branches": tuple(sorted(first.excluded_branches)),
            "orgs": tuple(dict.fromkeys(org for query in queries for org in query.orgs)),
            "repos": tuple(dict.fromkeys(repo for query in queries for repo in query.repos)),
            "excluded_repos": tuple(
                repo for repo in dict.fromkeys(excluded) if not any(_covers(query, repo) for query in queries)
            ),
        }
    )


def _covers(query: TideQuery, repo: str) -> bool:
    return as_query(0, query).covers(RepoKey.parse(repo))


def _json(query: TideQuery) -> str:
    keys = (
        *("author", "labels", "missingLabels", "excludedBranches", "includedBranches", "milestone"),
        *("reviewApprovedRequired", "orgs", "repos", "excludedRepos"),
    )
    written = query.model_dump(by_alias=True, exclude_defaults=True)
    ordered = {key: written[key] for key in keys if key in written}
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))


def as_query(index: int, query: TideQuery) -> Query:
    """Give a query as policy wants it."""
    return Query(
        index=index,
        orgs=query.orgs,
        repos=query.repos,
        excluded_repos=query.excluded_repos,
        labels=query.labels,
        missing_labels=query.missing_labels,
        included_branches=query.included_branches,
        excluded_branches=query.excluded_branches,
        author=query.author,
        milestone=query.milestone,
        review_approved_required=query.review_approved_required,
    )
