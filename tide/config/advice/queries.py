"""Queries that nothing can fulfil, that stand in each other's way, or that let pull requests merge untested."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tide.config.advice.repositories import some_of, tested_repositories
from tide.config.fusion import as_query
from tide.config.loaded import LoadedConfig
from tide.config.problems import Findings, Sourced
from tide.config.prow.tide import TideQuery
from tide.config.validation.queries import is_repo
from tide.domain.errors import ConfigError
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.names import folded, org_of
from tide.policy import labels
from tide.policy.jobs import runs_on_branch


def advise_on_queries(queries: Sequence[Sourced[TideQuery]], config: LoadedConfig, findings: Findings) -> None:
    """Warn of queries that do not do what they seem to."""
    for query in queries:
        _warn_of_labels(query, findings)
        _warn_of_untested_branches(query, config, findings)
        _warn_of_jobless(query, config, findings)
    _warn_of_opposites(queries, findings)


def _warn_of_labels(query: Sourced[TideQuery], findings: Findings) -> None:
    forbidden = labels.folded(query.value.missing_labels)
    for index, entry in enumerate(query.value.labels):
        wanted = labels.alternatives(entry)
        if not any(wanted):
            findings.warn(query, "no label has an empty name, so no pull request can meet this query", "labels", index)
        elif forbidden.issuperset(wanted):
            message = f"{entry!r} is also in missingLabels, so no pull request can meet this query"
            findings.warn(query, message, "labels", index, kind="required and forbidden", other=repr(entry))
    for index, label in enumerate(query.value.missing_labels):
        if "," in label:
            message = f"{label!r} is one label here, as only labels takes alternatives; list each of them"
            findings.warn(query, message, "missingLabels", index, kind="no alternatives", other=repr(label))


def _warn_of_untested_branches(query: Sourced[TideQuery], config: LoadedConfig, findings: Findings) -> None:
    """Warn of branches that pull requests may merge into while no job runs on them, though other branches have jobs."""
    repos = [repo for repo in tested_repositories(config) if as_query(0, query.value).covers(repo)]
    for index, branch in enumerate(query.value.included_branches):
        if repos and not any(runs_on_branch(job, branch) for repo in repos for job in config.presubmits(repo)):
            message = f"no job of {some_of(repos)} runs on branch {branch!r}: what merges there is untested"
            findings.warn(query, message, "includedBranches", index, kind="untested branch", other=repr(branch))


def _warn_of_jobless(query: Sourced[TideQuery], config: LoadedConfig, findings: Findings) -> None:
    """Warn of what a query names and no job is configured for, where nothing else is required there either."""
    tested = {org_of(folded(name)) for name, jobs in config.jobs.items() if jobs}
    repos, orgs = enumerate(query.value.repos), enumerate(query.value.orgs)
    named = [("repos", index, name, RepoKey.parse(name)) for index, name in repos if is_repo(name)]
    named += [("orgs", index, name, RepoKey(name, "*")) for index, name in orgs if name and folded(name) not in tested]
    for key, index, name, repo in named:
        if not config.presubmits(repo) and not config.in_repo_enabled(repo) and (asked := _asked(repo, config)):
            message = f"no job is configured for {name}: what merges there {asked}"
            findings.warn(query, message, key, index, kind=f"no job, {asked}", other=name)


def _asked(repo: RepoKey, config: LoadedConfig) -> str:
    """Say what has to be green where there are no jobs; "" where that is configured, or contradicts itself."""
    try:
        policy = config.context_policy(PoolKey(repo.org, repo.name, "main"), ())
    except ConfigError:
        return ""
    if policy.required:
        return ""
    if policy.skip_unknown:
        return "is tested only where GitHub's own rules ask for it, as skip-unknown-contexts passes over all others"
    return "needs every status and check run that shows up on it to be green, and none where none shows up"


def _warn_of_opposites(queries: Sequence[Sourced[TideQuery]], findings: Findings) -> None:
    """Warn of labels that one query requires and another forbids, where a pull request may be meant by both."""
    forbidding: dict[str, list[Sourced[TideQuery]]] = defaultdict(list)
    for query in queries:
        for label in labels.folded(query.value.missing_labels):
            forbidding[label].append(query)
    for query in queries:
        for index, entry in enumerate(query.value.labels):
            wanted = labels.alternatives(entry)
            for other in forbidding.get(min(wanted), ()):
                if (
                    other is not query
                    and labels.folded(other.value.missing_labels) >= wanted
                    and _overlap(query, other)
                ):
                    message = _opposite(entry, other)
                    findings.warn(query, message, "labels", index, kind="forbidden elsewhere", other=repr(entry))
                    break


def _opposite(entry: str, other: Sourced[TideQuery]) -> str:
    where = f"{other.file.path}, query {other.path[-1]}"
    return f"{entry!r} is required here and forbidden by another query for the same repositories ({where})"


def _overlap(first: Sourced[TideQuery], second: Sourced[TideQuery]) -> bool:
    """Tell whether one pull request could be meant by both queries, labels aside."""
    one, other = first.value, second.value
    return (
        _may_agree(one.author.lower(), other.author.lower())
        and _may_agree(one.milestone.lower(), other.milestone.lower())
        and _share_a_branch(one, other)
        and any(as_query(0, one).covers(repo) and as_query(0, other).covers(repo) for repo in _named((one, other)))
    )


def _may_agree(one: str, other: str) -> bool:
    return not one or not other or one == other


def _share_a_branch(one: TideQuery, other: TideQuery) -> bool:
    if one.included_branches and other.included_branches:
        return not set(one.included_branches).isdisjoint(other.included_branches)
    included = one.included_branches or other.included_branches
    excluded = {*one.excluded_branches, *other.excluded_branches}
    return not included or not excluded.issuperset(included)


def _named(queries: Iterable[TideQuery]) -> Iterator[RepoKey]:
    """List repositories that stand for all that the queries cover; of an organisation one that nobody names."""
    for query in queries:
        yield from (RepoKey.parse(repo) for repo in query.repos)
        yield from (RepoKey(org, "*") for org in query.orgs)
