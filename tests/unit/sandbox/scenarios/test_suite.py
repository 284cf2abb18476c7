import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sandbox.scenarios.shell import run_on, run_script, write_tree
from tide.sandbox.scenarios.suite import SCRIPT, failures, flakes, is_part

UNIT = frozenset({"unit"})
AWKS = {"mawk": ["mawk"], "gawk": ["gawk"], "busybox": ["busybox", "awk"], "original-awk": ["original-awk"]}

verbs = st.sampled_from(("provides", "needs", "breaks", "flakes", "#", "provides:"))
names = st.sampled_from(
    ("core", "api", "unit", "lint", "", "1e2", "100", "núm", "a\\nb", "core\r", "a b", "\u00a0core")
)
blanks = st.sampled_from((" ", "\t", "  ", " \t "))
lines = st.builds(
    lambda lead, verb, blank, name, end: f"{lead}{verb}{blank}{name}{end}",
    st.sampled_from(("", " ", "\t")),
    verbs.filter(lambda verb: verb != "flakes"),
    blanks,
    names,
    st.sampled_from(("", " ", " and more", "\x0b", "\u2028provides api")),
)
texts = st.builds(lambda parts, end: "\n".join(parts) + end, st.lists(lines, max_size=4), st.sampled_from(("", "\n")))
paths = st.sampled_from(
    (
        "parts/a.part",
        "parts/b c.part",
        "parts/x=1.part",
        "parts/-v.part",
        "parts/[z]*.part",
        "parts/ü$(false).part",
        "parts/new\nline.part",
        "parts/.hidden.part",
        "parts/README",
        "parts/deeper/c.part",
        "docs/d.part",
    )
)


@settings(max_examples=40, deadline=None)
@given(files=st.dictionaries(paths, texts, max_size=5), job=st.sampled_from(("unit", "lint", "100", "a\\nb", "1e2")))
def test_the_script_and_the_judge_agree(files: Mapping[str, str], job: str) -> None:
    assert run_on(files, job).is_passing is (not failures(files, frozenset({job})))


def test_a_tree_without_parts_passes() -> None:
    assert run_on({}).is_passing
    assert failures({}, UNIT) == ()


def test_a_directory_and_a_link_that_are_called_like_parts_are_none(tmp_path: Path) -> None:
    write_tree(tmp_path, {"parts/folder.part/inner.part": "breaks unit\n", "docs/broken": "breaks unit\n"})
    (tmp_path / "parts/link.part").symlink_to("../docs/broken")
    assert run_script(tmp_path).is_passing
    assert not is_part("parts/folder.part/inner.part")


def test_each_failure_is_told_with_the_file_that_asks_for_it() -> None:
    files = {"parts/one.part": "needs fuel\nbreaks unit\n", "parts/two.part": "breaks lint\nprovides oil\n"}
    assert failures(files, UNIT) == ("parts/one.part needs fuel, which nobody provides", "parts/one.part breaks unit")
    finished = run_on(files)
    assert "parts/one.part: needs fuel, which nobody provides" in finished.output
    assert "parts/one.part: breaks unit" in finished.output
    assert "two.part" not in finished.output


@pytest.mark.parametrize("name", ["a job", "unit; exit 1", "$(exit 3)", "`false`", "'", '"', "-v", "%s"])
def test_a_job_may_be_called_anything(name: str) -> None:
    assert run_on({"parts/a.part": "breaks unit\n"}, name).is_passing
    if " " not in name:
        assert not run_on({"parts/a.part": f"breaks {name}\n"}, name).is_passing


def test_the_id_of_the_run_alone_decides_about_a_flake() -> None:
    files = {"parts/a.part": "flakes unit 50\n"}
    runs = {str(number): run_on(files, PROW_JOB_ID=str(number)).is_passing for number in range(16)}
    assert set(runs.values()) == {True, False}
    others = {"parts/z.part": "flakes unit 50\nprovides x\n"}
    assert runs == {name: run_on(others, PROW_JOB_ID=name, BUILD_ID="7").is_passing for name in runs}


@pytest.mark.parametrize(("percent", "passes"), [("0", True), ("100", False), ("", True), ("none", True)])
def test_a_flake_of_all_or_nothing_is_certain(percent: str, passes: bool) -> None:  # noqa: FBT001 - a table's column
    files = {"parts/a.part": f"flakes unit {percent}\n"}
    assert {run_on(files, PROW_JOB_ID=str(number)).is_passing for number in range(8)} == {passes}


def test_a_flake_of_another_job_counts_for_nothing() -> None:
    assert run_on({"parts/a.part": "flakes lint 100\n"}).is_passing


def test_the_judge_does_not_know_of_flakes() -> None:
    assert failures({"parts/a.part": "flakes unit 100\n"}, UNIT) == ()


@pytest.mark.parametrize(
    "line", ["flakes unit 100", "flakes unit 0", " flakes\tlint 100", "flakes unit", "flakes unit x"]
)
def test_flakes_are_told_as_the_script_tells_them(line: str) -> None:
    files = {"parts/a.part": f"provides a\n{line}\n"}
    assert bool(flakes(files, "unit", 50)) is not run_on(files).is_passing


def test_the_lower_the_roll_the_more_flakes() -> None:
    files = {"parts/a.part": "flakes unit 30\n", "parts/b.part": "flakes unit 60\n", "docs/c.part": "flakes unit 99\n"}
    assert [len(flakes(files, "unit", roll)) for roll in (29, 30, 59, 60)] == [2, 1, 1, 0]


def test_what_has_landed_flakes_no_more(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    landed = _commit(tmp_path, {"parts/a b.part": "flakes unit 100\n"})
    assert not run_script(tmp_path).is_passing
    assert run_script(tmp_path, PULL_BASE_SHA=landed).is_passing
    write_tree(tmp_path, {"parts/new.part": "flakes unit 100\n"})
    finished = run_script(tmp_path, PULL_BASE_SHA=landed)
    assert not finished.is_passing
    assert "new.part" in finished.output
    assert "a b.part" not in finished.output


@pytest.mark.parametrize("awk", AWKS)
def test_every_awk_says_the_same(awk: str, tmp_path: Path) -> None:
    program = shutil.which(AWKS[awk][0])
    if program is None:
        pytest.skip(f"{awk} is not on this machine")
    programs = tmp_path / "programs"
    programs.mkdir()
    shim = programs / "awk"
    shim.write_text(f'#!/bin/sh\nexec {" ".join([program, *AWKS[awk][1:]])} "$@"\n')
    shim.chmod(0o755)
    cases = {
        "parts/ok.part": ("provides núm\nneeds núm\n", True),
        "parts/breaks.part": ("breaks unit\r\nbreaks unit", False),
        "parts/number.part": ("breaks 1e2\n", True),
        "parts/bytes.part": ("\udcff\udcfe\nneeds \udcff\n", False),
        "parts/flaky.part": ("flakes unit 100\n", False),
    }
    for number, (path, (text, passes)) in enumerate(cases.items()):
        place = tmp_path / str(number)
        write_tree(place, {path: text})
        assert run_script(place, programs=programs).is_passing is passes, path


def test_the_script_is_one_that_a_plain_shell_takes() -> None:
    checked = subprocess.run(["sh", "-n"], input=SCRIPT.encode(), capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, b"")


def _git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com")
    done = subprocess.run(["git", *identity, *arguments], cwd=directory, capture_output=True, check=True)
    return done.stdout.decode().strip()


def _commit(directory: Path, files: Mapping[str, str]) -> str:
    write_tree(directory, files)
    _git(directory, "add", "-A")
    _git(directory, "commit", "-q", "-m", "Land")
    return _git(directory, "rev-parse", "HEAD")
