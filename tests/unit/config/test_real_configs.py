"""Public configurations of Prow installations load, and so does the example."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.builders import BASE, NOW, sha
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.config.check import report
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.domain.keys import PoolKey
from tide.domain.runs import Candidate, Head, Purpose

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data" / "configs"
TREES = sorted(path for path in SHARED.iterdir() if (path / "config.yaml").exists()) if SHARED.exists() else []


def paths_of(tree: Path) -> ConfigPaths:
    jobs = tree / "jobs"
    return ConfigPaths(tree / "config.yaml", jobs if jobs.exists() else None)


def counted_by_hand(tree: Path) -> Counter[str]:
    """Count with nothing but a YAML parser."""
    counts: Counter[str] = Counter(presubmits=0, postsubmits=0, periodics=0, queries=0)
    for file in (tree / "config.yaml", *tree.glob("jobs/**/*.y*ml")):
        document: dict[str, Any] = yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader) or {}
        for kind in ("presubmits", "postsubmits"):
            counts[kind] += sum(map(len, (document.get(kind) or {}).values()))
        counts["periodics"] += len(document.get("periodics") or [])
        counts["queries"] += len((document.get("tide") or {}).get("queries") or [])
    return counts


@pytest.mark.skipif(not TREES, reason="no public configurations beside the project")
@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_a_public_configuration_loads_with_everything_that_is_in_it(tree: Path) -> None:
    found = report(paths_of(tree), strict=True)
    assert found.errors == ()
    told = json.loads(found.as_json())
    assert {kind: told[kind] for kind in counted_by_hand(tree)} == counted_by_hand(tree)


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
