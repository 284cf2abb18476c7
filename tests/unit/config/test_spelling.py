"""Names that a configuration writes otherwise than GitHub does."""

from collections.abc import Callable

from tide.config.check import report
from tide.config.loaded import LoadedConfig
from tide.config.sources import ConfigPaths
from tide.domain.keys import RepoKey

CONFIG = """\
tide:
  queries:
  - orgs: [Acme]
    excludedRepos: [Acme/attic]
  - repos: [tools/Saw, tools/axe]
  merge_method: {Acme: {rocket: squash}, tools/Saw@main: rebase}
  context_options: {orgs: {tools: {repos: {saw: {optional-contexts: [a]}}}}}
"""
JOBS = "presubmits: {Acme/rocket: [], https://review.example/Saw: []}"
KNOWN = (RepoKey("acme", "rocket"), RepoKey("tools", "saw"), RepoKey("tools", "axe"))


def test_each_name_that_github_spells_otherwise_is_told_once_with_its_spelling(
    loaded: Callable[..., LoadedConfig],
) -> None:
    config = loaded(CONFIG, JOBS, own="merge_queue:\n  ACME/rocket: {paused: true}")
    told = [(problem.line, problem.path, problem.message) for problem in config.misspelled(KNOWN)]
    assert [(line, path) for line, path, _ in told] == [
        (3, "tide.queries[0].orgs[0]"),
        (2, 'merge_queue["ACME/rocket"]'),
        (5, "tide.queries[1].repos[0]"),
    ]
    assert told[0][2].startswith("GitHub spells the organisation 'acme', not 'Acme': Prow, which minds case, finds")
    assert "; likewise in 4 more places, such as " in told[0][2]
    assert told[2][2].startswith("GitHub spells the repository of tools 'saw', not 'Saw'")
    assert told[2][2].endswith("config.yaml:6")


def test_names_as_github_spells_them_are_no_matter(loaded: Callable[..., LoadedConfig]) -> None:
    config = loaded(CONFIG, JOBS)
    assert config.misspelled([RepoKey("Acme", "rocket"), RepoKey("tools", "axe")]) == ()


def test_a_name_in_two_cases_is_warned_of_without_github(write: Callable[..., ConfigPaths]) -> None:
    told = [str(warning) for warning in report(write(CONFIG, JOBS)).warnings if "minds no case" in warning.message]
    assert len(told) == 1
    assert "'saw' is 'Saw' elsewhere: one name to GitHub, which minds no case, and two to Prow" in told[0]
