import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.builders import sha
from tests.integration.local_runner.lab import POOL, Lab, job
from tide.domain.pulls import ContextState
from tide.domain.runs import Purpose, RunKind, RunState

PROWS = [
    "JOB_NAME",
    "JOB_TYPE",
    "JOB_SPEC",
    "BUILD_ID",
    "PROW_JOB_ID",
    "REPO_OWNER",
    "REPO_NAME",
    "PULL_BASE_REF",
    "PULL_BASE_SHA",
    "PULL_REFS",
    "PULL_NUMBER",
    "PULL_PULL_SHA",
    "PULL_HEAD_REF",
]


def variables(log: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in log.splitlines() if "=" in line)


async def test_a_job_that_exits_with_zero_succeeds(lab: Lab) -> None:
    run = await lab.run("echo hello; cat pull7.txt README", lab.head(7))
    assert (run.state, run.description) == (RunState.SUCCESS, "Job succeeded.")
    assert lab.log(run.name) == "hello\nnew\nrocket\n"
    assert run.url == f"http://tide.example/runs/{run.name}/log"


async def test_a_job_can_open_what_it_writes_to(lab: Lab) -> None:
    run = await lab.run("echo one > /dev/stderr && echo two | tee /dev/stderr >/dev/null", lab.head(7))
    assert (run.state, lab.log(run.name)) == (RunState.SUCCESS, "one\ntwo\n")


async def test_a_job_that_exits_otherwise_fails(lab: Lab) -> None:
    run = await lab.run("echo broken >&2; exit 3", lab.head(7))
    assert (run.state, run.description) == (RunState.FAILURE, "Job failed.")
    assert lab.log(run.name) == "broken\n"


async def test_a_presubmit_gets_prows_environment(lab: Lab) -> None:
    head = lab.head(7)
    run = await lab.run("env", head)
    found = variables(lab.log(run.name))
    assert {name: found[name] for name in PROWS if name not in {"JOB_SPEC", "BUILD_ID"}} == {
        "JOB_NAME": "unit",
        "JOB_TYPE": "presubmit",
        "PROW_JOB_ID": run.name,
        "REPO_OWNER": "acme",
        "REPO_NAME": "rocket",
        "PULL_BASE_REF": "main",
        "PULL_BASE_SHA": lab.base,
        "PULL_REFS": f"main:{lab.base},7:{head.sha}",
        "PULL_NUMBER": "7",
        "PULL_PULL_SHA": head.sha,
        "PULL_HEAD_REF": "change-7",
    }
    assert found["BUILD_ID"].isdigit()
    spec = json.loads(found["JOB_SPEC"])
    assert (spec["type"], spec["job"], spec["prowjobid"]) == ("presubmit", "unit", run.name)
    assert spec["refs"]["pulls"][0]["sha"] == head.sha


async def test_a_batch_tests_all_heads_merged_in_order(lab: Lab) -> None:
    seven, nine = lab.head(7), lab.head(9)
    run = await lab.run("env; ls; git log --format=%P -1", seven, nine)
    assert (run.kind, run.state) == (RunKind.BATCH, RunState.SUCCESS)
    log = lab.log(run.name)
    assert {"README", "pull7.txt", "pull9.txt"} <= set(log.splitlines())
    assert log.splitlines()[-1].endswith(nine.sha)
    assert variables(log)["PULL_REFS"] == f"main:{lab.base},7:{seven.sha},9:{nine.sha}"
    assert "PULL_NUMBER" not in variables(log)


async def test_a_branch_is_tested_as_it_is(lab: Lab) -> None:
    run = await lab.run("git rev-parse HEAD; git symbolic-ref --short HEAD")
    assert (run.kind, run.state) == (RunKind.POSTSUBMIT, RunState.SUCCESS)
    assert lab.log(run.name) == f"{lab.base}\nmain\n"


async def test_nothing_of_ours_reaches_a_job(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "TIDE_DATABASE_URL",
        "GIT_CONFIG_PARAMETERS",
        "GIT_ASKPASS",
        "KUBECONFIG",
        "GITHUB_TOKEN",
        "PGPASSWORD",
    ):
        monkeypatch.setenv(name, "secret" if name != "GIT_CONFIG_PARAMETERS" else "'a.secret=1'")
    run = await lab.run("env", lab.head(7))
    log = lab.log(run.name)
    assert "secret" not in log
    ours = {"PATH", "LANG", "HOME", "USER", "LOGNAME", "TMPDIR", "ARTIFACTS", "GOPATH", "PWD", "OLDPWD", "SHLVL", "_"}
    assert set(variables(log)) - ours <= {*PROWS, "CI", "BUILD_NUMBER", "PULL_TITLE"}


async def test_the_containers_own_variables_are_set_and_expanded(lab: Lab) -> None:
    env: list[dict[str, Any]] = [
        {"name": "GREETING", "value": "hi"},
        {"name": "WHOLE", "value": "$(GREETING) there $$(GREETING) $(UNKNOWN)"},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
        {"name": "JOB_NAME", "value": "mine"},
        {"name": "bad name", "value": "x"},
    ]
    async with lab.runner() as runner:
        (run,) = await runner.start(lab.candidate(), [job("env; echo $(WHOLE)", env=env)], Purpose.PROOF, {})
        await lab.ended(runner, run.name)
    found = variables(lab.log(run.name))
    assert found["WHOLE"] == "hi there $(GREETING) $(UNKNOWN)"
    assert found["JOB_NAME"] == "unit"
    assert "SECRET" not in found


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"containers": [{"image": "alpine", "args": ["x"]}]}, "has no command"),
        ({"containers": []}, "has no container"),
        (None, "has no container"),
        ({"containers": [{"command": ["/no/such/program"]}]}, "/no/such/program"),
    ],
)
async def test_what_cannot_run_here_is_an_error_that_says_why(
    lab: Lab, spec: dict[str, object] | None, complaint: str
) -> None:
    unusable = replace(job(""), definition={"spec": spec})
    async with lab.runner() as runner:
        (run,) = await runner.start(lab.candidate(lab.head(7)), [unusable], Purpose.RETEST, {})
        run = await lab.ended(runner, run.name)
    assert run.state is RunState.ERROR
    assert complaint in run.description
    assert complaint in lab.log(run.name)
    assert lab.statuses.posts[-1][1].state is ContextState.ERROR


async def test_a_job_that_takes_too_long_fails_and_leaves_no_process(lab: Lab) -> None:
    script = f"trap '' TERM; sleep 600 & echo $! > {lab.shared}/child; wait; sleep 600"
    timeouts = {"timeout": "300ms", "grace_period": "100ms"}
    run = await lab.run(script, lab.head(7), decoration_config=timeouts)
    assert (run.state, run.description) == (RunState.FAILURE, "Job failed: it did not end in time.")
    assert not _is_alive(int((lab.shared / "child").read_text()))


async def test_what_a_job_leaves_running_is_killed(lab: Lab) -> None:
    script = f"sleep 600 & echo $! > {lab.shared}/same; setsid sh -c 'echo $$$$ > {lab.shared}/own; exec sleep 600' &"
    script += f" while ! test -s {lab.shared}/own; do sleep 0.01; done"
    run = await lab.run(script, lab.head(7))
    assert run.state is RunState.SUCCESS
    assert not _is_alive(int((lab.shared / "same").read_text()))
    assert not _is_alive(int((lab.shared / "own").read_text()))


async def test_a_log_is_bounded(lab: Lab) -> None:
    run = await lab.run("yes | head -c 3000000", lab.head(7), runner=lab.runner(log_limit=1000))
    assert run.state is RunState.SUCCESS
    assert lab.log(run.name) == "y\n" * 500 + "\n[the rest of the log was dropped]\n"


async def test_heads_that_do_not_merge_are_an_error(lab: Lab) -> None:
    run = await lab.run("true", lab.head(7, same="seven"), lab.head(9, same="nine"))
    assert (run.state, run.description) == (RunState.ERROR, "Job could not be cloned: #9 does not merge.")


async def test_a_head_that_is_gone_is_an_error(lab: Lab) -> None:
    run = await lab.run("true", replace(lab.head(7), sha="b" * 40))
    assert run.state is RunState.ERROR
    assert run.description.startswith("Job could not be cloned:")


async def test_a_tree_other_than_the_expected_is_never_tested(lab: Lab) -> None:
    head = lab.head(7)
    expected = lab.origin.tree(head.sha)
    async with lab.runner() as runner:
        (good,) = await runner.start(lab.candidate(head, run_tree=expected), [job("true")], Purpose.RETEST, {})
        assert (await lab.ended(runner, good.name)).state is RunState.SUCCESS
        wrong = lab.candidate(lab.head(8), run_tree=sha("tree"))
        (bad,) = await runner.start(wrong, [job("true")], Purpose.RETEST, {})
        bad = await lab.ended(runner, bad.name)
    assert bad.state is RunState.ERROR
    assert f"instead of {sha('tree')}" in bad.description


async def test_a_job_starts_where_its_extra_refs_say(lab: Lab) -> None:
    tools = {"org": "acme", "repo": "tools", "base_ref": "main", "clone_uri": lab.origin.url, "workdir": True}
    run = await lab.run("pwd; ls -d $GOPATH/src/*/*", lab.head(7), extra_refs=[tools], path_alias="example.org/rocket")
    lines = lab.log(run.name).splitlines()
    assert lines[0].endswith("/src/github.com/acme/tools")
    assert any(line.endswith("/src/example.org/rocket") for line in lines)


@pytest.mark.parametrize("alias", ["../../outside", "/etc/x", ".", "a/../.."])
async def test_no_path_leads_out_of_the_work_tree(lab: Lab, alias: str) -> None:
    run = await lab.run("true", lab.head(7), path_alias=alias)
    assert run.state is RunState.ERROR
    assert "no path to clone to" in run.description


async def test_nothing_is_cloned_where_that_is_not_wanted(lab: Lab) -> None:
    run = await lab.run("ls", lab.head(7), decoration_config={"skip_cloning": True})
    assert lab.log(run.name) == "artifacts\ntmp\n"


async def test_work_trees_do_not_stay(lab: Lab) -> None:
    await lab.run("true", lab.head(7))
    assert not list((lab.root / "jobs" / "work").iterdir())


async def test_old_runs_and_logs_are_forgotten(lab: Lab) -> None:
    run = await lab.run("true", lab.head(7))
    runner = lab.runner()
    log = lab.root / "jobs" / "logs" / f"{run.name}.log"
    os.utime(log, (0, 0))
    lab.clock.time = lab.clock.time.replace(year=2027)
    assert await runner.prune(lab.clock.time - lab.clock.time.replace(year=2026, month=6)) == 1
    assert not log.exists()
    assert await runner.runs(POOL, lab.base, []) == ()


def _is_alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
