"""The search strings sent to GitHub, all of them.

A search only proposes: whether a pull request is in a pool is decided from its own fields (`tide.policy.queries`). So a
criterion that cannot be quoted safely is left out, which makes a search broader but never wrong; a target that cannot
be quoted is left out together with what it would have found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tide.domain.keys import RepoKey
from tide.domain.names import folded, folded_all, org_of
from tide.domain.rules import Query

# GitHub began in 2007; an earlier bound finds nothing more (Prow: github.go floor).
_FLOOR = datetime(2007, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PoolSearch:
    """One search for the pull requests of one query; `org` is the organisation that it is limited to, or ""."""

    query_index: int
    text: str
    org: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The repositories that some query speaks of (Prow: OrgExceptionsAndRepos).

    `orgs` are whole organisations with the repositories that are left out of them; all sorted. Of names that differ in
    nothing but case one stands for all.
    """

    orgs: tuple[tuple[str, tuple[str, ...]], ...]
    repos: tuple[str, ...]

    @classmethod
    def of(cls, queries: Iterable[Query]) -> "Coverage":
        """Unite what the queries cover."""
        listed = tuple(queries)
        spelled = {
            folded(name): name for query in listed for name in (*query.orgs, *query.repos, *query.excluded_repos)
        }
        left_out: dict[str, frozenset[str]] = {}
        repos: set[str] = set()
        for query in listed:
            repos |= folded_all(query.repos)
            for org in folded_all(query.orgs):
                here = frozenset(repo for repo in folded_all(query.excluded_repos) if repo.startswith(f"{org}/"))
                left_out[org] = left_out[org] & here if org in left_out else here
        orgs = ((spelled[org], tuple(sorted(spelled[repo] for repo in left_out[org] - repos))) for org in left_out)
        return cls(tuple(sorted(orgs)), tuple(sorted(spelled[repo] for repo in repos)))


def pool_searches(
    queries: Iterable[Query], *, per_repository: bool = False, until: datetime | None = None
) -> tuple[PoolSearch, ...]:
    """Make the searches for pool candidates (Prow: TideQuery.Query, github.go search).

    Args:
        queries: all Tide queries.
        per_repository: send one search per repository or organisation named, instead of one per query; GitHub
            answers long searches over many repositories badly.
        until: the present; without it the `updated:` token is left out.
    """
    return tuple(
        PoolSearch(query.index, " ".join((*_criteria(query), *target, *_updated(None, until))), org)
        for query in queries
        for org, target in _targets(query, per_repository=per_repository)
    )


def by_org(queries: Iterable[Query]) -> dict[str, tuple[Query, ...]]:
    """Split queries by organisation, for tokens that speak to one organisation each (Prow: TideQuery.OrgQueries).

    Args:
        queries: all Tide queries.

    Returns:
        For each organisation, sorted, the queries narrowed to it, in their order. Together they cover what `queries`
        cover; searches made of them find the same, but what breaks one organisation keeps the others.
    """
    listed = tuple(queries)
    named = [org for query in listed for org in (*query.orgs, *map(org_of, query.repos))]
    orgs = sorted({folded(org): org for org in reversed(named)}.values())
    narrowed = {org: tuple(_narrowed(query, folded(org)) for query in listed) for org in orgs}
    return {org: tuple(query for query in mine if query.orgs or query.repos) for org, mine in narrowed.items()}


def _narrowed(query: Query, org: str) -> Query:
    return replace(
        query,
        orgs=tuple(one for one in query.orgs if folded(one) == org),
        repos=tuple(repo for repo in query.repos if folded(org_of(repo)) == org),
        excluded_repos=tuple(repo for repo in query.excluded_repos if folded(org_of(repo)) == org),
    )


def covers(queries: Iterable[Query], repo: RepoKey) -> bool:
    """Tell whether any query speaks of a repository."""
    return any(query.covers(repo) for query in queries)


def coverage(queries: Iterable[Query]) -> str:
    """Name everything that the queries cover, as search tokens; equal coverage gives equal text."""
    return " ".join(_coverage_tokens(queries))


def changes_search(queries: Iterable[Query], *, since: datetime | None, until: datetime) -> str:
    """Make the search for the pull requests of the covered repositories (Prow: status.go openPRsQuery).

    The oldest update comes first, so that a long backlog is walked over several searches. Changes since a moment
    include those that were closed: nobody else tells that a pull request is gone which nothing asks to merge.

    Args:
        queries: all Tide queries.
        since: leave out what was last updated before; None for all open ones.
        until: the present.

    Returns:
        The search string, "" when the queries cover nothing that can be searched for.
    """
    scope = _coverage_tokens(queries)
    if not scope:
        return ""
    state = () if since else ("state:open",)
    return " ".join(("is:pr", *state, "sort:updated-asc", "archived:false", *scope, *_updated(since, until)))


def blocker_search(label: str, queries: Iterable[Query]) -> str:
    """Make the search for issues that block merging (Prow: blockers.go blockerQuery); "" when there is none to make."""
    quoted, scope = _quoted(label), _coverage_tokens(queries)
    if not label or quoted is None or not scope:
        return ""
    return " ".join(sorted(["is:issue", "state:open", f"label:{quoted}", *scope]))


def _criteria(query: Query) -> tuple[str, ...]:
    tokens: list[str | None] = ["is:pr", "state:open", "archived:false"]
    if query.author:
        tokens.append(_token("author", query.author))
    tokens += [_token("-base", branch) for branch in query.excluded_branches]
    tokens += [_token("base", branch) for branch in query.included_branches]
    tokens += [_token("label", *entry.split(",")) for entry in query.labels]
    tokens += [_token("-label", label) for label in query.missing_labels]
    if query.milestone:
        tokens.append(_token("milestone", query.milestone))
    if query.review_approved_required:
        tokens.append("review:approved")
    return _present(tokens)


def _targets(query: Query, *, per_repository: bool) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Give (organisation or "", target tokens) for each search of a query; none without a usable target."""
    parts: list[tuple[str, tuple[str, ...]]] = []
    for org in query.orgs:
        token = _token("org", org)
        mine = [repo for repo in query.excluded_repos if folded(org_of(repo)) == folded(org)]
        left_out = [_repo_token("-repo", repo) for repo in mine]
        if token:
            parts.append((org, (token, *_present(left_out))))
    for repo in query.repos:
        token = _repo_token("repo", repo)
        if token:
            parts.append((org_of(repo), (token,)))
    if per_repository or not parts:
        return parts
    return [("", tuple(token for _, tokens in parts for token in tokens))]


def _coverage_tokens(queries: Iterable[Query]) -> tuple[str, ...]:
    scope = Coverage.of(queries)
    tokens: list[str | None] = []
    for org, left_out in scope.orgs:
        token = _token("org", org)
        if token:
            tokens += [token, *(_repo_token("-repo", repo) for repo in left_out)]
    tokens += [_repo_token("repo", repo) for repo in scope.repos]
    return _present(tokens)


def _repo_token(qualifier: str, repo: str) -> str | None:
    """Name a repository; None where the text is not of the form org/repo (Prow: splitOrgRepoString)."""
    return _token(qualifier, repo) if repo.count("/") == 1 else None


def _token(qualifier: str, *values: str) -> str | None:
    """Write `qualifier:"a","b"`; None where a value cannot be quoted."""
    quoted = _present([_quoted(value) for value in values])
    return f"{qualifier}:{','.join(quoted)}" if len(quoted) == len(values) else None


def _quoted(value: str) -> str | None:
    """Put a value into quotes that it cannot leave; None where it could, as GitHub has no escape for them."""
    return f'"{value}"' if value.isprintable() and not {'"', "\\"} & set(value) else None


def _updated(since: datetime | None, until: datetime | None) -> tuple[str, ...]:
    if until is None:
        return ()
    start = _FLOOR if since is None else max(since, _FLOOR)
    return (f"updated:{_bound(start)}..{_bound(until)}",)


def _bound(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _present(tokens: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(token for token in tokens if token)
