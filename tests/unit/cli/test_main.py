import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.command_line import Tide
from tide import __version__
from tide.cli import COMMANDS
from tide.cli.run_flags import IGNORED_FLAGS

HEAVY = ("alembic", "apscheduler", "gql", "httpx", "psycopg", "pydantic", "sqlalchemy", "starlette", "uvicorn", "yaml")
LIST_IMPORTS = f"""
import sys
from tide.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert ended.code == 0, ended.code
print(*sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
CONFIG = "tide: {queries: [{repos: [acme/rocket], labels: [lgtm]}]}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", LIST_IMPORTS, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []
    assert done.stdout


def test_the_module_is_the_command_as_well() -> None:
    done = subprocess.run([sys.executable, "-m", "tide", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"tide, version {__version__}\n"


def test_help_names_every_command_on_standard_output(tide: Tide) -> None:
    ran = tide("--help")
    assert (ran.code, ran.err) == (0, "")
    assert all(name in ran.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, tide: Tide) -> None:
    ran = tide(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: tide {name} ")
    assert tide(name, "-h").out == ran.out


@pytest.mark.parametrize("arguments", [[name, "--nonsense"] for name in COMMANDS] + [["--nonsense"]])
def test_a_flag_nobody_knows_exits_2(arguments: list[str], tide: Tide) -> None:
    ran = tide(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "No such option '--nonsense'" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("arguments", [["nonsense"], ["db", "nonsense"]])
def test_a_command_nobody_knows_exits_2(arguments: list[str], tide: Tide) -> None:
    ran = tide(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "No such command 'nonsense'" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "--config-path=x", "--dry-run=perhaps"],
        ["run", "--config-path=x", "--port=seventy"],
        ["run", "--config-path=x", "--port=65536"],
        ["run", "--config-path=x", "--provider=gerrit"],
        ["run", "--config-path=x", "--github-app-id=My App", "--github-app-private-key-path=x"],
        ["pools", "--database-password-file=x"],
        ["db", "current", "--database-password-file=x"],
        ["run", "--config-path=x", "--github-token-path=x", "--provider=gerrit"],
        ["run", "--config-path=x", "--github-client.request-timeout=90"],
        ["explain", "acme/rocket"],
        ["explain"],
        ["history", "acme"],
        ["demo", "--pulls=6"],
        ["demo", "--trace=/nowhere.csv"],
        ["sandbox", "--scenario=other"],
        ["sandbox", "--scenario=config"],
        ["sandbox", "--scenario=demo", "--config-path=x"],
        ["sandbox", "--scenario=empty", "--job-config-path=x"],
        ["sandbox", "--pulls=6"],
        ["demo", "--strategy=gate"],
        ["check-config"],
    ],
)
def test_bad_arguments_exit_2_without_a_traceback(arguments: list[str], tide: Tide) -> None:
    ran = tide(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Error: " in ran.err
    assert "Traceback" not in ran.err


def test_an_error_of_ours_is_one_line_and_exit_1(tide: Tide, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("pr\n")
    ran = tide("demo", "--trace", str(trace))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"tide: error: {trace}:1: the columns must be ")
    assert ran.err.count("\n") == 1


def test_every_problem_of_a_configuration_is_a_line_of_its_own(tide: Tide, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("tide:\n  merge_method: {acme: fast, other: faster}\n")
    ran = tide("sandbox", "--scenario=config", f"--config-path={path}", f"--data-dir={tmp_path / 'data'}")
    assert ran.code == 1
    lines = ran.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"tide: error: {path}:2: tide.merge_method") for line in lines)


def test_a_sandbox_in_a_used_directory_is_refused_in_one_line(tide: Tide, tmp_path: Path) -> None:
    (tmp_path / "github").mkdir()
    ran = tide("sandbox", f"--data-dir={tmp_path}", "--scenario=empty")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"tide: error: {tmp_path / 'github'} exists already")
    assert len(ran.err.splitlines()) == 1


def test_a_sandbox_in_a_directory_that_cannot_be_made_is_refused_in_one_line(tide: Tide) -> None:
    ran = tide("sandbox", "--data-dir=/proc/x")
    said = "tide: error: the data directory /proc/x cannot be used: No such file or directory\n"
    assert (ran.code, ran.out, ran.err) == (1, "", said)


@pytest.mark.parametrize("command", ["sandbox", "demo"])
def test_a_port_in_use_is_one_line(command: str, tide: Tide, used_port: int) -> None:
    ran = tide(command, f"--port={used_port}")
    said = f"tide: error: cannot listen on 127.0.0.1, port {used_port} (--port): Address already in use\n"
    assert (ran.code, ran.out, ran.err) == (1, "", said)


def test_a_trace_without_merges_is_refused_in_one_line(tide: Tide, tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("merged_ts,pr,method,head_commit_ts,n_files,file_ids\n")
    ran = tide("demo", "--trace", str(path))
    assert (ran.code, ran.err) == (1, f"tide: error: {path}: has no merges: a story needs one at least\n")


def test_prow_s_own_arguments_fit_and_those_without_meaning_are_told(tide: Tide, tmp_path: Path) -> None:
    given = [f"-{name}=1" for name in IGNORED_FLAGS]
    ran = tide("run", *given, "-dry-run=F", f"-config-path={tmp_path / 'none.yaml'}", "-prowjob-backend=local",
               "-i-trust-contributors", "-github-token-path=x", f"-data-dir={tmp_path / 'data'}")  # fmt: skip
    assert ran.code == 1
    warnings = [line for line in ran.err.splitlines() if line.startswith("tide: warning: ")]
    assert [line.split()[2] for line in warnings] == [f"--{name}" for name in IGNORED_FLAGS]
    assert f"tide: error: {tmp_path / 'none.yaml'}: cannot be read: No such file or directory\n" in ran.err
    assert "Traceback" not in ran.err


TOKEN, APP, KEY = "--github-token-path=x", "--github-app-id=1", "--github-app-private-key-path=x"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "who we are at GitHub is missing: give --github-token-path, or --github-app-id with "),
        ((TOKEN, APP, KEY), "--github-token-path and --github-app-id exclude each other"),
        ((TOKEN, APP), "--github-token-path and --github-app-id exclude each other"),
        ((TOKEN, KEY), "--github-token-path and --github-app-id exclude each other"),
        ((APP,), "--github-app-id and --github-app-private-key-path need each other"),
        ((KEY,), "--github-app-id and --github-app-private-key-path need each other"),
    ],
)
def test_either_a_token_or_an_app_with_its_key_says_who_we_are(given: tuple[str, ...], said: str, tide: Tide) -> None:
    ran = tide("run", "--config-path=x", "--prowjob-backend=local", *given)
    assert (ran.code, ran.out) == (2, "")
    assert next(line for line in ran.err.splitlines() if line.startswith("Error: ")).startswith(f"Error: {said}")


@pytest.mark.parametrize(
    "ports", [("--port", "--metrics-port"), ("--port", "--health-port"), ("--metrics-port", "--health-port")]
)
def test_one_port_for_two_is_refused_by_their_names(ports: tuple[str, str], tide: Tide) -> None:
    ran = tide("run", "--config-path=x", "--prowjob-backend=local", TOKEN, *(f"{flag}=7000" for flag in ports))
    assert (ran.code, ran.out) == (2, "")
    assert f"Error: {' and '.join(ports)} need different ports: both are 7000\n" in ran.err


def test_a_password_for_no_database_is_refused(tide: Tide) -> None:
    ran = tide("run", "--config-path=x", "--prowjob-backend=local", TOKEN, "--database-password-file=x")
    assert (ran.code, ran.out) == (2, "")
    assert "Error: --database-password-file needs --database-url\n" in ran.err


@pytest.mark.parametrize("app_id", ["7", "Iv1.8a61f9b3a7aba766", "Iv23liAbCdEfGhIjKlMn"])
def test_an_app_is_named_by_its_number_or_its_client_id(app_id: str, tide: Tide) -> None:
    ran = tide("run", "--config-path=/nowhere", "--prowjob-backend=local", f"--github-app-id={app_id}", KEY)
    assert ran.code == 1


@pytest.mark.parametrize("given", [(TOKEN,), (APP, KEY), (TOKEN, "--port=0", "--metrics-port=0")])
def test_a_token_or_an_app_with_its_key_is_enough(given: tuple[str, ...], tide: Tide) -> None:
    ran = tide("run", "--config-path=/nowhere", "--prowjob-backend=local", *given)
    assert (ran.code, ran.err) == (1, "tide: error: /nowhere: cannot be read: No such file or directory\n")


def test_an_app_and_its_key_are_told_of_in_the_help(tide: Tide) -> None:
    told = tide("run", "--help").out
    assert all(flag in told for flag in ("--github-app-id TEXT", "--github-app-private-key-path PATH"))


def test_check_config_gives_its_report_as_json_on_standard_output(tide: Tide, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"{CONFIG}presubmits: {{acme/rocket: [{{name: unit, spec: {{containers: [{{}}]}}}}]}}\n")
    ran = tide("check-config", f"--config-path={path}", "--format=json")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == {
        "presubmits": 1, "postsubmits": 0, "periodics": 0, "queries": 1, "errors": [], "warnings": []
    }  # fmt: skip


def test_check_config_exits_1_where_there_are_errors(tide: Tide, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("tide: {queries: [{labels: [lgtm]}]}\n")
    ran = tide("check-config", f"--config-path={path}", "--format=json")
    assert ran.code == 1
    (error,) = json.loads(ran.out)["errors"]
    assert (error["file"], error["line"]) == (str(path), 1)
    assert tide("check-config", f"--config-path={path}").code == 1
    path.write_text("")
    ran = tide("check-config", f"--config-path={path}")
    assert (ran.code, ran.out.splitlines()[0]) == (1, f"error: {path}: tide.queries: no query: nothing will ever merge")


def test_commands_that_read_say_that_there_is_nothing_to_read(tide: Tide, tmp_path: Path) -> None:
    for arguments in (["pools"], ["history"], ["decisions"], ["explain", "acme/rocket#1"], ["retest", "acme/rocket#1"]):
        ran = tide(*arguments, f"--data-dir={tmp_path}")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(f"tide: error: there is no database in {tmp_path / 'postgres'}: run `tide run` first")
        assert ran.err.count("\n") == 1


def test_a_database_that_cannot_be_reached_is_one_line(tide: Tide, free_port: int) -> None:
    ran = tide("pools", f"--database-url=postgresql://tide@127.0.0.1:{free_port}/tide")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("tide: error: ")
    assert ran.err.count("\n") == 1
