"""Whatever is said never to match does not."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tide.config.advice import advise_on_expressions
from tide.config.files import ConfigFile
from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import BranchJob
from tide.golang.regexp import compile_pattern

PIECES = st.sampled_from(
    [*"ab/.^$|()?*+-_", "^/", "/$", "\\.", "[a/]", "[^/]", "{0}", "{1,2}", "(?:", "\\w", "refs/heads/"]
)
PATTERNS = st.lists(PIECES, min_size=1, max_size=6).map("".join)
PATHS = st.lists(st.text("ab.-_", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)
FILE = ConfigFile("jobs.yaml", b"", "")


def is_valid(pattern: str) -> bool:
    try:
        compile_pattern(pattern)
    except ValueError:
        return False
    return True


def warned(job: BranchJob) -> list[str]:
    findings = Findings()
    advise_on_expressions(Sourced(job, FILE), findings)
    return [finding.message for finding in findings.warnings]


@settings(max_examples=300, deadline=None)
@given(pattern=PATTERNS, paths=st.lists(PATHS, min_size=5))
@example("^/a", ["a", "b/a"])
def test_an_expression_said_never_to_match_matches_no_path(pattern: str, paths: list[str]) -> None:
    if is_valid(pattern):
        found = warned(BranchJob(name="unit", run_if_changed=pattern))
        is_said = any(message.startswith(f"{pattern!r} never matches") for message in found)
        assert not (is_said and any(compile_pattern(pattern).matches(path) for path in paths))


@settings(max_examples=300, deadline=None)
@given(branches=PATTERNS, skipped=PATTERNS, names=st.lists(PATHS, min_size=5))
@example("^a$", "a|b", ["a", "ab"])
def test_a_job_said_never_to_run_runs_on_no_branch(branches: str, skipped: str, names: list[str]) -> None:
    if is_valid(branches) and is_valid(skipped):
        found = warned(BranchJob(name="unit", branches=(branches,), skip_branches=(skipped,)))
        is_said = any("the job never runs" in message for message in found)
        matching = [name for name in names if compile_pattern(branches).matches(name)]
        assert not (is_said and any(not compile_pattern(skipped).matches(name) for name in matching))
