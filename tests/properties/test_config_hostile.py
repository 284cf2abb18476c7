"""Whatever is written into the files, loading gives a configuration or problems of one line each."""

import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tide.config.files import ConfigFile
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.prow.branch_protection import BranchProtection
from tide.config.prow.config import ProwConfig
from tide.config.prow.jobs import JobFile, PeriodicJob, PresubmitJob
from tide.config.prow.tide import ContextOptions, TideQuery, TideSection
from tide.config.sources import Sources
from tide.domain.errors import ConfigError, Problem
from tide.domain.keys import PoolKey

POD_KEYS = ("spec", "containers", "env", "volumes", "volumeMounts", "name", "value", "command", "timeout", "config")
POOL = PoolKey("acme", "rocket", "main")
SCALARS = st.one_of(
    st.sampled_from(["", "a", "*", "acme", "acme/rocket", "main", "(", "1m", "merge", "true", "kubernetes", "{{"]),
    st.text(max_size=5),
    st.booleans(),
    st.integers(-2, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none(),
)


@cache
def keys() -> st.SearchStrategy[str]:
    models = (
        *(BranchProtection, ProwConfig, JobFile, PeriodicJob, PresubmitJob, ContextOptions, TideQuery, TideSection),
    )
    known = {field.alias or name for model in models for name, field in model.model_fields.items()}
    return st.sampled_from(sorted({*known, *POD_KEYS, "*", "acme", "acme/rocket", "orgs", "repos", "branches"}))


def trees() -> st.SearchStrategy[object]:
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys(), inner, max_size=4),
        max_leaves=25,
    )


JOBS = st.dictionaries(keys(), trees(), max_size=6).map(lambda fields: {"name": "unit", **fields})
TABLES = st.dictionaries(st.sampled_from(["acme/rocket", "acme", ""]), st.lists(JOBS, max_size=3), max_size=2)
JOB_FILES = st.fixed_dictionaries(
    {},
    optional={"presubmits": TABLES, "postsubmits": TABLES, "periodics": st.lists(JOBS, max_size=2), "presets": trees()},
)
CONFIGS = st.fixed_dictionaries(
    {}, optional={"tide": st.dictionaries(keys(), trees(), max_size=5), "branch-protection": trees(), "plank": trees()}
)
OWN = st.fixed_dictionaries({}, optional={"merge_queue": st.dictionaries(st.text(max_size=5), trees(), max_size=2)})


def file(name: str, text: bytes) -> ConfigFile:
    return ConfigFile(name, text, f"digest of {name}")


def told(sources: Sources) -> tuple[Problem, ...]:
    """Load, ask everything about a pool, and give what is told to be wrong."""
    try:
        config = load(sources, Parser())
        config.presubmits(POOL.repository)
        config.rules(POOL)
    except ConfigError as error:
        return error.problems
    return ()


def check(sources: Sources) -> None:
    for problem in told(sources):
        assert problem.message.strip()
        assert "\n" not in str(problem)
        assert problem.line >= 0
        assert problem.file in {"config.yaml", "jobs.yaml", "own.yaml"}


@settings(max_examples=250, deadline=None)
@given(config=CONFIGS | trees(), jobs=JOB_FILES | trees(), own=OWN | trees())
def test_any_tree_gives_a_configuration_or_problems(config: object, jobs: object, own: object) -> None:
    check(
        Sources(
            file("config.yaml", json.dumps(config).encode()),
            (file("jobs.yaml", json.dumps(jobs).encode()),),
            file("own.yaml", json.dumps(own).encode()),
        )
    )


@settings(max_examples=250, deadline=None)
@given(text=st.binary(max_size=60) | st.text("{}[]:&*!|>-?,'\"#%@` \n\tab<0", max_size=60).map(str.encode))
def test_any_text_gives_a_configuration_or_problems(text: bytes) -> None:
    check(Sources(file("config.yaml", text), (file("jobs.yaml", text),), file("own.yaml", text)))


MANY_DIGITS = "7" * 5000


@pytest.mark.parametrize(
    ("config", "jobs", "own", "place"),
    [
        (f"tide:\n  max_goroutines: {MANY_DIGITS}", "", "", ("config.yaml", 2, "tide.max_goroutines")),
        (f"tide:\n  max_goroutines: !!int {MANY_DIGITS}", "", "", ("config.yaml", 2, "")),
        (f"tide:\n  sync_period: {MANY_DIGITS}h", "", "", ("config.yaml", 2, "tide.sync_period")),
        (f"tide:\n  sync_period: {'7' * 1_000_001}h", "", "", ("config.yaml", 2, "tide.sync_period")),
        ("tide:\n  blocker_label: !!binary é", "", "", ("config.yaml", 2, "")),
        ("", f"periodics:\n- name: a\n  cron: '{MANY_DIGITS} * * * *'", "", ("jobs.yaml", 3, "periodics[0].cron")),
        ("", f"periodics:\n- name: a\n  cron: '*/{MANY_DIGITS} * * * *'", "", ("jobs.yaml", 3, "periodics[0].cron")),
        ("", "", f"merge_queue:\n  '*':\n    max_runs: {MANY_DIGITS}", ("own.yaml", 3, 'merge_queue["*"].max_runs')),
        ("", "", f"merge_queue:\n  '*':\n    freshness: {MANY_DIGITS}", ("own.yaml", 3, 'merge_queue["*"].freshness')),
    ],
)
def test_a_value_that_is_too_large_or_unreadable_is_one_problem(
    config: str, jobs: str, own: str, place: tuple[str, int, str]
) -> None:
    job_rest = "\n  spec: {containers: [{}]}" if jobs else ""
    found = told(
        Sources(
            file("config.yaml", config.encode()),
            (file("jobs.yaml", f"{jobs}{job_rest}".encode()),),
            file("own.yaml", own.encode()),
        )
    )
    assert [(problem.file, problem.line, problem.path) for problem in found] == [place]
    assert len(found[0].message) < 1100
