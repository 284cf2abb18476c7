"""What is wrong is told in one clear line; the exit code is 2 for flags and arguments, 1 for all else."""

import socket
from pathlib import Path

import pytest

from tests.app_keys import pem, rsa_key
from tests.integration.cli.conftest import CONFIG, Tide
from tests.programs import Sandbox


def test_what_is_right_runs(run_once: Tide) -> None:
    told = run_once()
    assert (told.code, told.out) == (0, "")
    assert "error" not in told.err


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tide:\n  queries: [\n", "config.yaml:3: "),
        ("tide: {merge_method: {acme/rocket: glue}}\n", "config.yaml:1: tide.merge_method"),
        (CONFIG + "      branches: ['(']\n", 'config.yaml:10: presubmits["acme/rocket"][0].branches'),
        ("tide: {sync_period: often}\n", "config.yaml:1: tide.sync_period"),
        ("\x00\x01\x02", "config.yaml"),
        ("[]\n", "config.yaml"),
    ],
)
def test_a_bad_configuration_is_told_with_file_and_line(tide: Tide, config: Path, text: str, line: str) -> None:
    config.write_text(text)
    told = tide("run", f"--config-path={config}", "--prowjob-backend=local", "--github-token-path=/nowhere")
    assert told.code == 1
    assert len(told.errors) == 1, told.err
    assert line in told.errors[0]


def test_every_problem_of_a_configuration_has_a_line(tide: Tide, config: Path) -> None:
    config.write_text("tide: {sync_period: often, batch_size_limit: {acme: many}}\n")
    told = tide("run", f"--config-path={config}", "--github-token-path=/nowhere")
    assert len(told.errors) == 2, told.err


def test_a_bad_field_of_our_own_is_told(tide: Tide, config: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text('merge_queue: {"*": {max_batches: 3}}\n')
    told = tide("run", f"--config-path={config}", f"--merge-queue-config-path={own}", "--github-token-path=/nowhere")
    assert told.code == 1
    assert len(told.errors) == 1
    assert "own.yaml:1" in told.errors[0]
    assert "max_batches" in told.errors[0]


@pytest.mark.parametrize("path", ["missing.yaml", "."])
def test_a_configuration_that_cannot_be_read_is_named(tide: Tide, tmp_path: Path, path: str) -> None:
    told = tide("run", f"--config-path={tmp_path / path}", "--github-token-path=/nowhere")
    assert told.code == 1
    assert len(told.errors) == 1
    assert str(tmp_path / path) in told.errors[0]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://tide@127.0.0.1:9/tide", "refused"),
        ("postgresql://tide@host.invalid/tide", "host.invalid"),
        ("mysql://tide@127.0.0.1/tide", "only postgresql:// is supported"),
        ("no address", "cannot be read"),
        ("postgresql://tide@127.0.0.1:port/tide", "cannot be read"),
    ],
)
def test_a_database_out_of_reach_is_told(run_once: Tide, url: str, said: str) -> None:
    told = run_once(f"--database-url={url}")
    assert told.code == 1
    assert len(told.errors) == 1, told.err
    assert said in told.errors[0]


def test_a_database_that_refuses_us_is_told_without_the_password(run_once: Tide, database_url: str) -> None:
    url = database_url.replace("postgres@", "stranger:open-sesame@").replace("postgresql+psycopg", "postgresql")
    told = run_once(f"--database-url={url}")
    assert told.code == 1
    assert len(told.errors) == 1, told.err
    assert "stranger" in told.errors[0]
    assert "open-sesame" not in told.err


def test_a_missing_password_file_is_named(run_once: Tide, tmp_path: Path) -> None:
    told = run_once(f"--database-password-file={tmp_path / 'password'}")
    said = f"tide: error: no database password can be read from {tmp_path / 'password'}: No such file or directory"
    assert (told.code, told.errors) == (1, [said])


@pytest.mark.parametrize("text", [None, "", "two words"])
def test_a_token_file_without_a_token_is_named(run_once: Tide, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text)
    told = run_once(f"--github-token-path={path}")
    assert told.code == 1
    assert len(told.errors) == 1
    assert str(path) in told.errors[0]
    assert "two words" not in told.err


def by_app(github: Sandbox, key: Path) -> list[str]:
    """The flags by which a daemon finds the simulated GitHub as an App."""
    others = [flag for flag in github.flags if not flag.startswith("--github-token-path=")]
    return [*others, "--prowjob-backend=local", "--github-app-id=7", f"--github-app-private-key-path={key}"]


@pytest.mark.parametrize("text", [None, "", "open-sesame", pem(rsa_key(), b"open-sesame")])
def test_a_file_without_an_app_s_key_is_named(
    tide: Tide, config: Path, github: Sandbox, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "app.pem"
    if text is not None:
        path.write_text(text)
    told = tide("run", f"--config-path={config}", *by_app(github, path))
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert told.errors[0].startswith(f"tide: error: no private key of a GitHub App can be read from {path}: ")
    assert "open-sesame" not in told.err


def test_an_app_s_key_that_github_refuses_is_told(tide: Tide, config: Path, github: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_text(pem(rsa_key()))
    told = tide("run", f"--config-path={config}", *by_app(github, path))
    why = "A JSON web token could not be decoded: the key or the id is not the App's"
    refusal = f"GitHub refuses the key in {path} of the GitHub App 7: {why}"
    assert (told.code, told.errors) == (1, [f"tide: error: {refusal}"])
    assert "PRIVATE KEY" not in told.err


def test_a_token_that_github_refuses_is_told(run_once: Tide, github: Sandbox) -> None:
    with github.faulty(kind="status", status=401, body={"message": "Bad credentials"}):
        told = run_once()
    assert told.code == 1
    assert len(told.errors) == 1, told.err
    assert github.places["token_file"] in told.errors[0]


def test_a_github_out_of_reach_is_told(tide: Tide, config: Path, github: Sandbox, database_url: str) -> None:
    flag = "--github-endpoint=http://127.0.0.1:9"
    others = [one for one in github.flags if not one.startswith("--github-endpoint=")]
    where = (f"--config-path={config}", f"--database-url={database_url}")
    told = tide("run", "--run-once", "--prowjob-backend=local", *where, *others, flag)
    assert told.code == 1
    assert len(told.errors) == 1, told.err
    assert flag.partition("=")[2] in told.errors[0]


def test_a_graphql_api_out_of_reach_is_told(run_once: Tide) -> None:
    told = run_once("--github-graphql-endpoint=http://127.0.0.1:9/graphql")
    assert told.code == 1
    assert len(told.errors) == 1, told.err
    assert "127.0.0.1:9" in told.errors[0]


def test_a_search_that_github_refuses_is_told_once(run_once: Tide, config: Path) -> None:
    config.write_text(CONFIG.replace("acme/rocket", "acme/missing"))
    told = run_once()
    assert told.code == 1
    assert len(told.errors) == 1, told.err
    assert "do not exist" in told.errors[0]


@pytest.mark.parametrize("flag", ["--port", "--metrics-port", "--health-port"])
def test_a_port_in_use_is_named(run_once: Tide, flag: str) -> None:
    ports = ("--bind=127.0.0.1", "--port=0", "--metrics-port=0", "--health-port=0", "--run-once=false")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        told = run_once(*ports, f"{flag}={number}")
    assert told.code == 1
    assert told.errors == [f"tide: error: cannot listen on 127.0.0.1, port {number} ({flag}): Address already in use"]


def test_a_data_directory_that_cannot_be_made_is_named(run_once: Tide, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = run_once(f"--data-dir={tmp_path / 'file' / 'data'}")
    assert told.code == 1
    assert len(told.errors) == 1, told.err
    assert str(tmp_path / "file") in told.errors[0]


@pytest.mark.parametrize(
    ("version", "said"), [(None, "git program is not on PATH"), ("git version 2.25.1", "this is git 2.25.1")]
)
def test_a_missing_or_old_git_is_told(
    run_once: Tide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, said: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    if version:
        (programs / "git").write_text(f"#!/bin/sh\necho {version}\n")
        (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    told = run_once()
    assert told.code == 1
    assert len(told.errors) == 1, told.err
    assert said in told.errors[0]


@pytest.mark.parametrize("command", ["explain", "retest"])
def test_an_unknown_pull_request_is_told(tide: Tide, database_url: str, command: str) -> None:
    told = tide(command, "acme/rocket#1", f"--database-url={database_url}")
    assert (told.code, told.out) == (1, "")
    assert told.errors == [
        "tide: error: acme/rocket#1 is not known: it is in no covered repository, or it has not been read yet"
    ]


@pytest.mark.parametrize("command", ["unfreeze", "history", "decisions"])
def test_an_unknown_pool_is_told(tide: Tide, database_url: str, command: str) -> None:
    told = tide(command, "acme/rocket:nope", f"--database-url={database_url}")
    assert (told.code, told.out) == (1, "")
    assert told.errors == [
        "tide: error: the pool acme/rocket:nope is not known: it is not covered, or it has not been read yet"
    ]


@pytest.mark.parametrize(
    "command",
    [("explain", "acme/rocket#1"), ("pools",), ("history",), ("decisions",), ("db", "current"), ("db", "check")],
)
def test_without_a_database_none_is_made(tide: Tide, tmp_path: Path, command: tuple[str, ...]) -> None:
    told = tide(*command, f"--data-dir={tmp_path / 'data'}")
    assert (told.code, told.out) == (1, "")
    assert len(told.errors) == 1
    assert "there is no database" in told.errors[0]
    assert not (tmp_path / "data").exists()


def test_a_configuration_without_repositories_has_no_story(tide: Tide, config: Path) -> None:
    config.write_text("tide: {queries: [{orgs: [acme], labels: [lgtm]}]}\n")
    told = tide("sandbox", "--scenario", "config", f"--config-path={config}")
    assert told.code == 1
    assert len(told.errors) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "acme/rocket#9999999999"),
        ("explain", "ac\udcffme/rocket#7"),
        ("retest", "https://github.com/acme/rocket/pull/9999999999"),
        ("unfreeze", "acme/rocket:ma\udcffin"),
        ("history", "acme/roc\x07ket:main"),
        ("history", "--author=\udcff"),
        ("history", "--pull=2147483648"),
        ("decisions", "acme/rocket:\udcff"),
    ],
)
def test_what_names_nothing_is_refused_before_a_database_is_asked(tide: Tide, arguments: tuple[str, ...]) -> None:
    told = tide(*arguments)
    assert told.code == 2
    assert "Invalid value" in told.err
