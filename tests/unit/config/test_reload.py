from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tide.config.files import Fingerprint
from tide.config.reload import ConfigSource
from tide.config.sources import ConfigPaths
from tide.domain.errors import ConfigError
from tide.domain.keys import RepoKey

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
Write = Callable[..., ConfigPaths]
SOME = "tide: {queries: [{orgs: [Acme]}]"


def test_the_first_configuration_must_be_good(write: Write) -> None:
    with pytest.raises(ConfigError):
        ConfigSource(write("tide: {max_goroutines: -1}"))


def test_nothing_new_changes_nothing(write: Write) -> None:
    source = ConfigSource(write("tide: {sync_period: 1m}"))
    before = source.current
    assert source.refresh(NOW) is False
    assert source.current is before


def test_a_changed_file_is_taken_over(write: Write) -> None:
    source = ConfigSource(write("tide: {sync_period: 1m}"))
    write("tide: {sync_period: 2m}")
    assert source.refresh(NOW) is True
    assert source.sync_period == timedelta(minutes=2)
    assert source.problems == ()


def test_warnings_of_our_own_file_are_logged_with_each_configuration_that_is_taken_over(write: Write) -> None:
    with capture_logs() as logs:
        source = ConfigSource(write(f"{SOME}, pr_status_base_url: b}}", own="merge_queue: {'*': {strategy: gate}}"))
        source.refresh(NOW)
        paths = write(f"{SOME}}}", own="\nmerge_queue: {acme: {landing: push}}")
        source.refresh(NOW)
    assert [(entry["log_level"], entry["problem"].split(": ")[:2]) for entry in logs] == [
        ("warning", [f"{paths.merge_queue}:1", 'merge_queue["*"].strategy']),
        ("warning", [f"{paths.merge_queue}:2", "merge_queue.acme.landing"]),
    ]


def test_a_new_job_file_is_taken_over(write: Write) -> None:
    source = ConfigSource(write("", {"a.yaml": ""}))
    write("", {"b.yaml": "periodics: [{name: a, interval: 1h, spec: {containers: [{}]}}]"})
    assert source.refresh(NOW) is True
    assert source.current.counts.periodics == 1


def test_a_broken_file_leaves_the_old_configuration_and_says_why_and_since_when(write: Write) -> None:
    source = ConfigSource(write("tide: {sync_period: 1m}"))
    before = source.current
    write("tide: {sync_period: soon}")
    assert source.refresh(NOW) is False
    assert source.current is before
    assert [(problem.path, problem.line) for problem in source.problems] == [("tide.sync_period", 1)]
    write("tide: [")
    assert source.refresh(LATER) is False
    assert source.broken_since == NOW
    assert "is not YAML" in source.problems[0].message


def test_a_prowignore_that_cannot_be_read_is_a_problem_until_it_is_mended(write: Write) -> None:
    paths = write("tide: {sync_period: 1m}", {"a.yaml": "", ".prowignore": "b*"})
    source = ConfigSource(paths)
    write("tide: {sync_period: 2m}", {"a.yaml": "", ".prowignore": "b*\n!\n"})
    assert source.refresh(NOW) is False
    assert [problem.file for problem in source.problems] == [str(paths.config.parent / "jobs/.prowignore")]
    assert "is not what a .gitignore may hold" in source.problems[0].message
    write("tide: {sync_period: 2m}", {"a.yaml": "", ".prowignore": "c*"})
    assert source.refresh(LATER) is True


class Stumbling(ConfigPaths):
    """Fails in a way that nobody has foreseen while there is a file `stone` beside the configuration."""

    def fingerprint(self) -> Fingerprint:
        if (self.config.parent / "stone").exists():
            raise LookupError("stumbled\nover a stone")
        return super().fingerprint()


def test_what_nobody_has_foreseen_leaves_the_old_configuration_and_is_told(write: Write) -> None:
    paths = write("tide: {sync_period: 1m}")
    source = ConfigSource(Stumbling(paths.config, paths.job_config))
    (paths.config.parent / "stone").touch()
    with capture_logs() as logs:
        assert [source.refresh(now) for now in (NOW, LATER)] == [False, False]
    assert (source.sync_period, source.broken_since) == (timedelta(minutes=1), NOW)
    told = "cannot be loaded, by an error of tide's own that its log shows: LookupError: stumbled over a stone"
    assert list(map(str, source.problems)) == [f"{paths.config}: {told}"]
    assert [(entry["log_level"], type(entry["exc_info"])) for entry in logs] == [("error", LookupError)]
    (paths.config.parent / "stone").unlink()
    source.refresh(LATER)
    assert source.problems == ()
    assert source.broken_since is None


def test_a_changed_configuration_is_taken_whole_or_not_at_all(write: Write) -> None:
    source = ConfigSource(write("tide: {sync_period: 1m}"))
    write("tide: {sync_period: 2m}", "presubmits: {acme/rocket: [{name: a b}]}")
    assert source.refresh(NOW) is False
    assert source.sync_period == timedelta(minutes=1)


def test_config_maps_may_arrive_one_after_the_other(write: Write) -> None:
    source = ConfigSource(write("plank: {job_queue_capacities: {}}", ""))
    job = "presubmits: {acme/rocket: [{name: a, job_queue_name: slow, spec: {containers: [{}]}}]}"
    write("plank: {job_queue_capacities: {}}", job)
    assert source.refresh(NOW) is False
    assert source.problems
    write("plank: {job_queue_capacities: {slow: 1}}", job)
    assert source.refresh(LATER) is True
    assert source.problems == ()
    assert source.broken_since is None


def test_going_back_to_what_is_in_force_ends_the_trouble(write: Write) -> None:
    source = ConfigSource(write("tide: {sync_period: 1m}"))
    write("tide: {sync_period: soon}")
    source.refresh(NOW)
    write("tide: {sync_period: 1m}")
    assert source.refresh(LATER) is False
    assert source.problems == ()
    assert source.broken_since is None


def test_a_file_that_vanishes_is_trouble_and_its_return_the_end_of_it(write: Write, tmp_path: Path) -> None:
    source = ConfigSource(write("tide: {sync_period: 1m}"))
    (tmp_path / "config.yaml").rename(tmp_path / "away.yaml")
    assert source.refresh(NOW) is False
    assert "cannot be read" in source.problems[0].message
    (tmp_path / "away.yaml").rename(tmp_path / "config.yaml")
    source.refresh(LATER)
    assert source.problems == ()


def test_a_broken_configuration_is_not_parsed_again_until_it_changes(write: Write) -> None:
    source = ConfigSource(write("tide: {sync_period: 1m}"))
    write("tide: {sync_period: soon}")
    source.refresh(NOW)
    first = source.problems
    assert source.refresh(LATER) is False
    assert source.problems is first


def test_a_swapped_config_map_is_noticed(tmp_path: Path) -> None:
    for version, period in (("..1", "1m"), ("..2", "2m")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "config.yaml").write_text(f"tide: {{sync_period: {period}}}")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    source = ConfigSource(ConfigPaths(tmp_path / "config.yaml"))
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert source.refresh(NOW) is True
    assert source.sync_period == timedelta(minutes=2)


def test_files_that_did_not_change_are_not_parsed_again(write: Write) -> None:
    job = "presubmits: {acme/rocket: [{name: NAME, spec: {containers: [{}]}}]}"
    source = ConfigSource(write("", {"a.yaml": job.replace("NAME", "a"), "b.yaml": job.replace("NAME", "b")}))
    before = {job.name: job.definition["spec"] for jobs in source.current.jobs.values() for job in jobs}
    prow = source.current.prow
    write("", {"b.yaml": job.replace("NAME", "c")})
    assert source.refresh(NOW) is True
    assert source.current.prow is prow
    assert {job.name for jobs in source.current.jobs.values() for job in jobs} == {"a", "c"}
    assert set(before) == {"a", "b"}


ROCKET = RepoKey("acme", "rocket")
JOB = "presubmits: {acme/rocket: [{name: NAME, labels: {a: '1'}, spec: {containers: [{}]}}]}"


def test_jobs_of_files_that_did_not_change_are_not_made_again(write: Write) -> None:
    source = ConfigSource(write("", {"a.yaml": JOB.replace("NAME", "a"), "b.yaml": JOB.replace("NAME", "b")}))
    stays, _ = source.current.presubmits(ROCKET)
    write("tide: {max_goroutines: 3}", {"b.yaml": JOB.replace("NAME", "c")})
    source.refresh(NOW)
    first, second = source.current.presubmits(ROCKET)
    assert first is stays
    assert second.name == "c"


@pytest.mark.parametrize(
    "config",
    ["presets: [{labels: {a: '1'}, env: [{name: A, value: b}]}]", "decorate_all_jobs: true", "pod_namespace: pods"],
)
def test_jobs_are_made_again_when_what_is_filled_into_them_changed(write: Write, config: str) -> None:
    job = JOB.replace("{containers: [{}]}", "{containers: [{args: [x]}]}")
    source = ConfigSource(write("", job))
    [before] = source.current.presubmits(ROCKET)
    write(config, job)
    source.refresh(NOW)
    [after] = source.current.presubmits(ROCKET)
    assert after.definition != before.definition


def test_what_is_wrong_with_a_job_is_told_at_every_load(write: Write) -> None:
    job = JOB.replace("spec", "agent: mainframe, spec")
    source = ConfigSource(write("", job))
    for minutes in (2, 3):
        write(f"tide: {{sync_period: {minutes}m}}", job)
        assert source.refresh(NOW) is True
        assert ["agent 'mainframe' is unknown" in warning.message for warning in source.current.warnings] == [True]
    broken = {"jobs.yaml": job, "b.yaml": JOB.replace("NAME", "a b")}
    for minutes in (4, 5):
        write(f"tide: {{sync_period: {minutes}m}}", broken)
        assert source.refresh(NOW) is False
        assert ["job 'a b': its name must be" in problem.message for problem in source.problems] == [True]


@pytest.mark.parametrize("emptied", ["", "tide: {}", "tide: {queries: []}"])
def test_a_configuration_that_loses_its_queries_leaves_the_old_one_and_is_told(write: Write, emptied: str) -> None:
    source = ConfigSource(write(f"{SOME}}}"))
    before = source.current
    write(emptied)
    assert source.refresh(NOW) is False
    assert (source.current, source.broken_since) == (before, NOW)
    [problem] = source.problems
    assert "no query: nothing will ever merge; so the old configuration stays" in str(problem)
    write(f"{SOME}, sync_period: 2m}}")
    assert source.refresh(LATER) is True
    assert (source.problems, source.cautions) == ((), ())


def test_a_start_without_queries_says_that_nothing_will_merge(write: Write) -> None:
    with capture_logs() as logs:
        source = ConfigSource(write("tide: {}"))
    assert [entry["event"] for entry in logs] == ["no query: nothing will ever merge"]
    assert list(source.cautions) == ["The configuration has no query: nothing will ever merge."]
    write(f"{SOME}}}")
    assert source.refresh(NOW) is True
    assert list(source.cautions) == []


def test_names_that_github_spells_otherwise_are_logged_once_and_stay_told(write: Write) -> None:
    paths = write(f"{SOME}}}")
    source = ConfigSource(paths)
    known = frozenset({RepoKey("acme", "rocket")})
    with capture_logs() as logs:
        source.compare_names(frozenset())
        source.compare_names(known)
        source.compare_names(known)
        source.compare_names(known | {RepoKey("acme", "saw")})
    [caution] = source.cautions
    assert caution.startswith(f"{paths.config}:1: tide.queries[0].orgs[0]: GitHub spells the organisation 'acme', not")
    assert [entry["problem"] for entry in logs] == [caution]
    write("tide: {queries: [{orgs: [acme]}]}")
    source.refresh(NOW)
    source.compare_names(known)
    assert source.cautions == ()


def test_where_no_pull_request_is_left_names_are_still_told_until_they_are_mended(write: Write) -> None:
    source = ConfigSource(write(f"{SOME}}}"))
    known = frozenset({RepoKey("acme", "rocket")})
    with capture_logs() as logs:
        for pools in (known, frozenset[RepoKey](), known):
            source.compare_names(pools)
            assert len(source.cautions) == 1
    assert len(logs) == 1
    write("tide: {queries: [{orgs: [acme]}]}")
    source.refresh(NOW)
    source.compare_names(frozenset())
    assert source.cautions == ()


@pytest.mark.parametrize("nothing", ["\n", "---\n", "null"])
@pytest.mark.parametrize("file", ["jobs", "own"])
def test_a_file_that_was_emptied_leaves_the_old_configuration_until_that_is_meant(
    write: Write, file: str, nothing: str
) -> None:
    texts = {"jobs": "presubmits: {acme/rocket: [{name: unit, spec: {containers: [{}]}}]}", "own": "merge_queue: {}"}
    source = ConfigSource(write(f"{SOME}}}", **texts))
    paths = write(f"{SOME}}}", **texts | {file: nothing})
    assert source.refresh(NOW) is False
    [problem] = source.problems
    emptied = paths.merge_queue if file == "own" else f"{paths.job_config}/jobs.yaml"
    assert problem.file == str(emptied)
    assert problem.message.startswith("was emptied; so the old configuration stays, until there is something in it")
    assert source.current.presubmits(RepoKey("acme", "rocket")) != ()
    write(f"{SOME}}}", **texts | {file: "{}"})
    assert source.refresh(LATER) is True


def test_job_files_that_became_a_manifest_leave_the_old_configuration(write: Write) -> None:
    jobs = "presubmits: {acme/rocket: [{name: unit, spec: {containers: [{}]}}]}"
    source = ConfigSource(write(f"{SOME}}}", jobs=jobs))
    write(f"{SOME}}}", jobs=f"apiVersion: v1\nkind: ConfigMap\ndata:\n  jobs.yaml: |\n    {jobs}\n")
    assert source.refresh(NOW) is False
    [problem] = source.problems
    assert problem.message.startswith("is a manifest of Kubernetes now")
    assert source.current.presubmits(RepoKey("acme", "rocket")) != ()
