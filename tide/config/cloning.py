"""What configured jobs name for cloning. What a repository says of itself grants nothing: strangers write that."""

from collections.abc import Iterable, Iterator, Mapping

from tide.domain.grants import CloneGrants
from tide.domain.jobs import Presubmit
from tide.domain.keys import RepoKey


def clone_grants(repo: RepoKey, configured: Iterable[Presubmit], listed: frozenset[RepoKey]) -> CloneGrants:
    """Add what the configured jobs of `repo` name to the repositories that are listed for it."""
    repositories, addresses = set(listed), dict[str, RepoKey]()
    for job in configured:
        if uri := job.definition.get("clone_uri"):
            addresses[str(uri)] = repo
        for refs in _extra_refs(job):
            other = RepoKey(str(refs.get("org", "")), str(refs.get("repo", "")))
            if uri := refs.get("clone_uri"):
                addresses[str(uri)] = other
            else:
                repositories.add(other)
    return CloneGrants(frozenset(repositories), addresses)


def _extra_refs(job: Presubmit) -> Iterator[Mapping[str, object]]:
    extra = job.definition.get("extra_refs")
    return (refs for refs in (extra if isinstance(extra, list | tuple) else ()) if isinstance(refs, Mapping))
