"""`tide sandbox` and `tide run` as separate processes, and everything that people and programs ask of the daemon.

The tests share one town and are in the order of its life: the last ones stop the daemon and read what it has left.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.town import Daemon, Town, town
from tests.programs import open_directory, processes_that_name

pytestmark = pytest.mark.timeout(400)

CONFIG = """\
prowjob_namespace: prow
in_repo_config:
  enabled: {"*": true}
tide:
  sync_period: 1s
  merge_method: {acme/engine: squash}
  queries:
    - repos: [acme/rocket, acme/engine]
      labels: [lgtm, approved]
      missingLabels: [do-not-merge/hold, needs-rebase]
"""
JOBS = """\
presubmits:
  acme/rocket:
    - name: rocket-unit
      always_run: true
      decorate: true
      clone_uri: ssh://git@github.com/acme/rocket
      spec: {containers: [{image: none, command: [make], args: [test]}]}
    - name: rocket-parts
      run_if_changed: ^parts/
      spec: {containers: [{image: none, command: [hack/check-parts.sh]}]}
    - name: rocket-slow
      optional: true
      always_run: false
      spec: {containers: [{image: none, command: [make], args: [slow]}]}
"""
MORE_JOBS = """\
presubmits:
  acme/engine:
    - name: engine-unit
      always_run: true
      clone_uri: https://github.com/acme/engine.git
      spec: {containers: [{image: none, command: [make], args: [test]}]}
"""
PULLS, SEED = 14, 54


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with open_directory("town") as directory:
        yield directory


@pytest.fixture(scope="module")
def config(place: Path) -> Path:
    jobs = place / "jobs" / "acme"
    jobs.mkdir(parents=True)
    (jobs / "rocket.yaml").write_text(JOBS)
    (jobs / "engine.yaml").write_text(MORE_JOBS)
    path = place / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def here(place: Path, config: Path) -> Iterator[Town]:
    flags = (f"--config-path={config}", f"--job-config-path={place / 'jobs'}")
    with town(place, flags, pulls=PULLS, seed=SEED) as running:
        yield running


def pools_in(daemon: Daemon) -> list[dict[str, Any]]:
    """Give the pools that Deck would see; none while the start still waits for the database."""
    answer = daemon.get("/")
    found: list[dict[str, Any]] = answer.json() if answer.is_success else []
    return found


def test_deck_sees_its_pools_while_it_works(here: Town) -> None:
    (pool, *_) = here.daemon.program.wait_for(lambda: pools_in(here.daemon), "pool")
    assert (pool["Org"], pool["Branch"], pool["Repo"] in {"rocket", "engine"}) == ("acme", "main", True)
    (pull, *_) = pool["SuccessPRs"] or pool["PendingPRs"] or pool["MissingPRs"] or pool["Target"]
    assert pull["NameWithOwner"] == f"acme/{pool['Repo']}"
    assert len(pull["HeadRefOID"]) == 40


@pytest.fixture(scope="module")
def settled(here: Town) -> Town:
    here.wait_until_merged(patience=120)
    return here


def test_everything_good_is_merged_and_no_branch_was_red(settled: Town) -> None:
    truth = settled.truth()
    assert truth["red"] == []
    assert len(truth["pulls"]) == PULLS
    assert "merged" not in settled.pulls("waiting").values()
    assert "merged" not in settled.pulls("rejected").values()


def test_it_lives_and_is_ready_on_both_ports(settled: Town) -> None:
    daemon = settled.daemon
    for port, path in (
        (daemon.port, "/healthz"),
        (daemon.port, "/readyz"),
        (daemon.health_port, "/healthz"),
        (daemon.health_port, "/healthz/ready"),
    ):
        answer = daemon.get(path, port=port)
        assert (answer.status_code, answer.text) == (200, "ok"), path
    assert daemon.get("/", port=daemon.health_port).status_code == 404
    assert daemon.get("/", port=daemon.metrics_port).status_code == 404


def test_it_counts_under_tides_names_on_both_ports(settled: Town) -> None:
    daemon = settled.daemon
    for port in (daemon.port, daemon.metrics_port):
        text = daemon.get("/metrics", port=port).text
        assert re.search(r'^tidesyncheartbeat\{controller="sync"\} [1-9]', text, re.MULTILINE)
        assert re.search(r'^tidequeryresults\{.*result="success"\} [1-9]', text, re.MULTILINE)
    assert daemon.metric("tide_github_calls_total") > 0
    assert daemon.metric("tidepoolerrors") == 0


def test_the_front_page_speaks_to_browsers_and_to_deck(settled: Town) -> None:
    page = settled.daemon.get("/", accept="text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["vary"].lower().startswith("accept")
    assert "acme/rocket" in page.text
    told = settled.daemon.get("/", accept="application/json")
    assert told.headers["content-type"].startswith("application/json")
    assert settled.daemon.get("/").json() == told.json()


def test_the_history_is_that_of_tide_and_a_page(settled: Town) -> None:
    records = settled.daemon.get("/history").json()
    merged = [
        target["number"]
        for record in records["acme/rocket:main"]
        for target in record["target"]
        if record["action"] in {"MERGE", "MERGE_BATCH"} and not record.get("err")
    ]
    assert merged
    assert {f"acme/rocket#{number}" for number in merged} == {
        name
        for fate in ("merged", "either")
        for name, state in settled.pulls(fate).items()
        if state == "merged" and name.startswith("acme/rocket#")
    }
    assert "MERGE" in settled.daemon.page("/history")


def test_every_page_answers(settled: Town) -> None:
    name = next(iter(settled.pulls("merged")))
    path = name.replace("#", "/")
    for page in ("/", "/history", "/decisions", "/pool/acme/rocket/main", f"/pull/{path}", "/?q=acme"):
        answer = settled.daemon.get(page, accept="text/html")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), page
    assert settled.daemon.get("/pull/acme/rocket/999", accept="text/html").status_code == 404
    assert settled.daemon.get("/nowhere", accept="text/html").status_code == 404
    assert settled.daemon.get("/hook").status_code == 404


def test_explain_tells_the_same_beside_the_daemon_and_by_the_api(settled: Town) -> None:
    name, state = next(iter(settled.pulls("merged").items()))
    told = settled.tide("explain", name, "--format=json")
    assert (told.returncode, told.stderr, state) == (0, "", "merged")
    verdict = json.loads(told.stdout)
    assert (verdict["pull"], verdict["verdict"]) == (name, "merged")
    api = settled.daemon.get(f"/api/v1/pulls/{name.replace('#', '/')}").json()
    assert {key: api[key] for key in ("verdict", "summary")} == {key: verdict[key] for key in ("verdict", "summary")}
    text = settled.tide("explain", name)
    assert text.stdout.startswith(f"{name}: merged\n")


def test_explain_says_why_one_does_not_merge(settled: Town) -> None:
    name, *others = settled.pulls("rejected")
    told = json.loads(settled.tide("explain", name, "--format=json").stdout)
    by_api = [settled.daemon.get(f"/api/v1/pulls/{other.replace('#', '/')}").json() for other in others]
    for verdict in (told, *by_api):
        assert verdict["verdict"] == "blocked", verdict
        assert [one["name"] for one in verdict["requirements"] if not one["met"]]
        assert verdict["unblock"]


@pytest.mark.parametrize("command", ["pools", "history", "decisions"])
def test_lists_are_the_apis_beside_the_daemon(settled: Town, command: str) -> None:
    told = settled.tide(command, "--format=json")
    assert (told.returncode, told.stderr) == (0, "")
    listed = json.loads(told.stdout)
    assert listed.keys() == settled.daemon.get(f"/api/v1/{command}").json().keys()
    assert {one["org"] for one in listed["items"]} == {"acme"}


def test_lists_are_tables_for_people(settled: Town) -> None:
    told = settled.tide("history", "acme/rocket:main", "--limit=3")
    assert (told.returncode, told.stderr) == (0, "")
    assert len(told.stdout.splitlines()) == 4
    assert "acme/engine" not in told.stdout


def test_the_database_can_be_looked_after_beside_the_daemon(settled: Town) -> None:
    for command in ("check", "upgrade"):
        told = settled.tide("db", command)
        assert (told.returncode, told.stderr) == (0, ""), command


def test_retest_makes_a_failed_head_run_again(settled: Town) -> None:
    name, sha, before = next(
        (name, pull["head"]["sha"], count)
        for name in settled.pulls("rejected")
        for pull in [settled.github.get(f"/repos/{name.replace('#', '/pulls/')}")]
        if (count := len(statuses(settled, name, pull["head"]["sha"])))
    )
    told = settled.tide("retest", name)
    assert (told.returncode, told.stderr) == (0, "")
    assert re.fullmatch(rf"({name}: \S+ is asked for again on {sha[:7]}: it has failed\n)+", told.stdout)

    def has_failed_again() -> bool:
        states = statuses(settled, name, sha)
        return len(states) >= before + 2 and states[0] == "failure"

    settled.daemon.program.wait_for(has_failed_again, "second failure of the head")
    assert "merged" not in settled.pulls("rejected").values()


def statuses(here: Town, name: str, sha: str) -> list[str]:
    """Give the states that jobs have posted on a head, newest first."""
    posted = here.github.get(f"/repos/{name.partition('#')[0]}/commits/{sha}/statuses?per_page=100")
    return [one["state"] for one in posted if one["context"] != "tide"]


def test_a_broken_configuration_changes_nothing_and_is_shown_until_it_is_mended(settled: Town, config: Path) -> None:
    daemon = settled.daemon
    good = "The configuration on disk has errors"
    assert good not in daemon.page()
    config.write_text(CONFIG.replace("sync_period: 1s", "sync_period: often"))
    daemon.wait_for_page("tide.sync_period")
    assert good in daemon.page()
    assert daemon.metric("tide_config_reload_failures_total") == 1
    assert daemon.get("/readyz").status_code == 200
    rounds = daemon.metric("tidesyncheartbeat")
    daemon.program.wait_for(lambda: daemon.metric("tidesyncheartbeat") > rounds, "round with the old configuration")
    config.write_text("")
    daemon.wait_for_page("no query: nothing will ever merge; so the old configuration stays")
    # GitHub's names know no case: it goes on, and says how they are spelled there.
    config.write_text(CONFIG.replace("approved]", "approved, shipit]").replace("acme/", "Acme/"))
    daemon.program.wait_for(lambda: good not in daemon.page(), "mended configuration")
    daemon.wait_for_page("GitHub spells the organisation")
    held = next(iter(settled.pulls("waiting") or settled.pulls("rejected")))
    page = f"/pull/{held.replace('#', '/')}"
    daemon.program.wait_for(lambda: "shipit" in daemon.page(page), "new label among what is needed")


def test_a_signal_stops_it_in_time_though_github_hangs_and_nothing_of_it_stays(settled: Town) -> None:
    daemon = settled.daemon
    with settled.github.faulty(kind="timeout", path="^/(graphql|repos)"):
        daemon.program.wait_for(lambda: is_hanging(settled), "request that hangs")
        assert daemon.program.end() == 0, daemon.program.told
    assert processes_that_name(str(daemon.data)) == []
    with pytest.raises(httpx.ConnectError):
        daemon.get("/healthz")


def is_hanging(here: Town) -> bool:
    (fault,) = here.github.get("/_sandbox/faults")["items"]
    return bool(fault["struck"])


def test_its_log_has_prows_keys_and_no_secret(settled: Town) -> None:
    text = settled.daemon.program.stderr.read_text()
    log = [json.loads(line) for line in text.splitlines()]
    assert all({"component", "severity", "msg", "time"} <= line.keys() for line in log)
    errors = {line["msg"] for line in log if line["severity"] == "error"}
    # On a busy machine an answer may be so late that it counts as an outage.
    assert errors - {"an outage has begun"} == {"the changed configuration cannot be used; the old one stays"}
    assert Path(settled.github.places["token_file"]).read_text().strip() not in text


def test_what_it_knew_can_be_read_afterwards(settled: Town) -> None:
    name = next(iter(settled.pulls("merged")))
    told = settled.tide("explain", name)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"{name}: merged\n")
    assert settled.tide("db", "check").stdout == "the schema is up to date\n"
    assert processes_that_name(str(settled.daemon.data)) == []
