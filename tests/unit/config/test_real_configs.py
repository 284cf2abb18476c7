"""Public configurations of Prow installations load, and so does the example."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.builders import BASE, NOW, sha
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.config.check import report
from tide.config.loaded import NO_QUERY
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.domain.in_repo import InRepoFile
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.runs import Candidate, Head, Purpose
from tide.golang.regexp import compile_pattern

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data" / "configs"
TREES = sorted(path for path in SHARED.iterdir() if (path / "config.yaml").exists()) if SHARED.exists() else []


def paths_of(tree: Path) -> ConfigPaths:
    jobs = tree / "jobs"
    return ConfigPaths(tree / "config.yaml", jobs if jobs.exists() else None)


def documents(tree: Path) -> Iterator[dict[str, Any]]:
    """Read a tree with nothing but a YAML parser."""
    for file in (tree / "config.yaml", *tree.glob("jobs/**/*.y*ml")):
        yield yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader) or {}


def counted_by_hand(tree: Path) -> Counter[str]:
    counts: Counter[str] = Counter(presubmits=0, postsubmits=0, periodics=0, queries=0)
    for document in documents(tree):
        for kind in ("presubmits", "postsubmits"):
            counts[kind] += sum(map(len, (document.get(kind) or {}).values()))
        counts["periodics"] += len(document.get("periodics") or [])
        counts["queries"] += len((document.get("tide") or {}).get("queries") or [])
    return counts


@pytest.mark.skipif(not TREES, reason="no public configurations beside the project")
@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_a_public_configuration_loads_with_everything_that_is_in_it(tree: Path) -> None:
    found = report(paths_of(tree), strict=True)
    told = json.loads(found.as_json())
    assert [error.message for error in found.errors] == ([] if told["queries"] else [NO_QUERY])
    assert {kind: told[kind] for kind in counted_by_hand(tree)} == counted_by_hand(tree)


@pytest.mark.skipif(not TREES, reason="no public configurations beside the project")
@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_every_repository_has_the_presubmits_that_are_written_down_for_it(tree: Path) -> None:
    written: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for document in documents(tree):
        for repo, jobs in (document.get("presubmits") or {}).items():
            written[repo].update(str(job["name"]) for job in jobs)
    config = load(read_sources(paths_of(tree)), Parser())
    assert {repo: Counter(job.name for job in jobs) for repo, jobs in config.jobs.items()} == written


def expressions(tree: Path) -> Iterator[str]:
    """Give every regular expression of the jobs in a tree, lists of branches as they are and joined."""
    for document in documents(tree):
        for kind in ("presubmits", "postsubmits"):
            for job in (job for jobs in (document.get(kind) or {}).values() for job in jobs):
                yield from (job[key] for key in ("run_if_changed", "skip_if_only_changed", "trigger") if job.get(key))
                for key in ("branches", "skip_branches"):
                    yield from job.get(key) or ()
                    yield "|".join(job.get(key) or ())


SUBJECTS = (
    *("main", "master", "main-2", "release-1.11", "release-0.53", "knative-v1.18", "dependabot/go_modules/x", ""),
    *("OWNERS", "docs/OWNERS", "README.md", "a/b.md", "go.mod", "vendor/x/y.go", "hack/unit.sh", "Makefile", "a.MD"),
    *("images/build/go-1.23/Dockerfile", "config/x.yaml", "docs/img/a.png", ".github/workflows/x.yaml", "a/Makefile\n"),
    *(
        "/test all",
        "/test unit",
        "please\n/test build-tests",
        "please\n/test unit-tests_serving_main, now",
        "/test",
        "/retest",
        "/test-all x",
    ),
)


def as_python_reads_it(pattern: str) -> re.Pattern[str]:
    """Compile for Python's own engine: flags at the start of a group, and `$`, mean other things there."""
    scoped = re.sub(r"\((\(\?[a-z]+)\)(.*?\)?\$\|\\s\.\*\))\)", r"(\1:\2))", pattern)
    return re.compile(re.sub(r"(?<!\\)\$", r"(?!\\n\\Z)$", scoped), re.ASCII)


@pytest.mark.skipif(not TREES, reason="no public configurations beside the project")
@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_every_expression_means_what_another_engine_takes_it_for(tree: Path) -> None:
    for pattern in dict.fromkeys(expressions(tree)):
        ours, theirs = compile_pattern(pattern), as_python_reads_it(pattern)
        found = {subject for subject in SUBJECTS if ours.matches(subject)}
        assert found == {subject for subject in SUBJECTS if theirs.search(subject)}, pattern


IN_REPO = sorted(SHARED.glob("*/in-repo.prow.yaml"))


@pytest.mark.skipif(not IN_REPO, reason="no public configurations beside the project")
@pytest.mark.parametrize("file", IN_REPO, ids=lambda file: file.parent.name)
def test_the_jobs_that_a_public_repository_holds_itself_follow_the_configured_ones(file: Path) -> None:
    repo = RepoKey(*file.parent.name.split("+"))
    config = load(read_sources(paths_of(file.parent)), Parser())
    own = [job["name"] for job in yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)["presubmits"]]
    jobs = config.presubmits_with(repo, [InRepoFile(".prow.yaml", file.read_bytes())])
    assert [job.name for job in jobs] == [*(job.name for job in config.presubmits(repo)), *own]
    assert config.in_repo_enabled(repo)


def open_where_kubernetes_is(schema: Any) -> Any:
    """Take out the types of quantities and the like, which may be numbers or text."""
    if isinstance(schema, list):
        return [open_where_kubernetes_is(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return (
        {} if schema.get("x-kubernetes-int-or-string") else {k: open_where_kubernetes_is(v) for k, v in schema.items()}
    )


@pytest.fixture(scope="module")
def crd() -> jsonschema.Draft4Validator:
    definition = yaml.load((SHARED.parent / "prowjob-crd.yaml").read_text(), yaml.CSafeLoader)
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return jsonschema.Draft4Validator(open_where_kubernetes_is(schema))


@pytest.mark.skipif(not TREES, reason="no public configurations beside the project")
@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_every_presubmit_makes_a_prowjob_that_the_cluster_takes(tree: Path, crd: jsonschema.Draft4Validator) -> None:
    config = load(read_sources(paths_of(tree)), Parser())
    for repo, jobs in config.jobs.items():
        pool = PoolKey(repo.split("/")[-2], repo.split("/")[-1], "main")
        for job in jobs:
            built = build(Candidate(pool, BASE, (Head(1, sha(1)),)), job, Purpose.RETEST, 1, NOW, ProwSettings())
            crd.validate(json.loads(json.dumps(built)))


def test_the_example_is_good_and_warns_of_the_context_that_comes_from_elsewhere_alone() -> None:
    example = ROOT / "config"
    found = report(
        ConfigPaths(example / "config.yaml", example / "jobs.yaml", example / "merge-queue.yaml"), strict=True
    )
    assert found.as_text().endswith("4 presubmits, 0 postsubmits, 0 periodics, 2 queries: 0 errors, 1 warning")
    assert ["deploy/preview" in warning.message for warning in found.warnings] == [True]
