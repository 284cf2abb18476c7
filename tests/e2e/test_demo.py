"""`tide demo` as a stranger sees it: a process that shows a page, merges what is good, and ends by itself."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.programs import BROWSER, TIDE, Program, open_directory, processes_that_name, started
from tide.app.demo import Demo, Result
from tide.sandbox.scenarios.story import Fate
from tide.sandbox.scenarios.writing import demo_story

pytestmark = pytest.mark.timeout(400)

PULLS, SEED = 24, 1
PATIENCE = 180.0
_ADDRESS = re.compile(r"the page is at (http://127\.0\.0\.1:\d+/)")

_ASKED = re.compile(r"^ask it by: tide explain --data-dir (\S+) ORG/REPO#N; ", re.MULTILINE)


@dataclass(frozen=True)
class Show:
    """A demonstration that has come to its end; `page` and `pools` are as they were in the middle of it."""

    code: int
    program: Program
    place: Path
    page: str
    pools: list[dict[str, Any]]

    @property
    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.program.stdout.read_text())
        return result

    def pulls(self, outcome: str) -> dict[str, dict[str, Any]]:
        return {one["pull"]: one for one in self.result["pulls"] if one["outcome"] == outcome}


def demo(place: Path, *flags: str) -> Any:
    command = [*TIDE, "demo", f"--pulls={PULLS}", f"--seed={SEED}", "--port=0", "--format=json", *flags]
    return started(command, place, "demo", {"TMPDIR": str(place)})


def address(program: Program) -> str:
    found = _ADDRESS.fullmatch(program.first_line(program.stderr))
    assert found, program.told
    return found[1]


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    with open_directory("demo") as place, demo(place) as program:
        url = address(program)
        pools = program.wait_for(once_it_tests(url), "batch under test on the page")
        page = BROWSER.get(url, headers={"Accept": "text/html"}).text
        yield Show(program.ended(patience=PATIENCE), program, place, page, pools)


def once_it_tests(url: str) -> Callable[[], list[dict[str, Any]] | None]:
    def find() -> list[dict[str, Any]] | None:
        answer = BROWSER.get(url)
        pools: list[dict[str, Any]] = answer.json() if answer.is_success else []  # nothing is known at the start
        return pools if any(pool["Action"] == "TRIGGER_BATCH" for pool in pools) else None

    return find


def test_it_ends_by_itself_with_everything_good_merged_and_nothing_red(show: Show) -> None:
    assert show.code == 0, show.program.told
    assert (show.result["red"], show.result["left_behind"]) == (0, [])


def test_every_pull_request_has_the_outcome_that_it_deserves(show: Show) -> None:
    fates = [event.fate for event in demo_story(PULLS, SEED).opened]
    assert len(show.result["pulls"]) == PULLS
    # Of the two that conflict in meaning exactly one merges.
    assert len(show.pulls("merged")) == fates.count(Fate.MERGED) + 1
    assert len(show.pulls("rejected")) == fates.count(Fate.REJECTED) + 1
    assert len(show.pulls("waiting")) == fates.count(Fate.WAITING)


def test_whoever_did_not_merge_is_told_why(show: Show) -> None:
    reasons = sorted(one["reason"] for kind in ("rejected", "waiting") for one in show.pulls(kind).values())
    assert reasons == [
        "Not mergeable. Job unit has not succeeded.",
        "Not mergeable. Job unit has not succeeded.",
        "Not mergeable. Job unit has not succeeded.",
        "Not mergeable. Needs approved, lgtm labels.",
        "Not mergeable. PR has a merge conflict.",
        "Not mergeable. Should not have do-not-merge/hold label.",
    ]


def test_most_merge_in_batches(show: Show) -> None:
    merged = show.pulls("merged").values()
    batched = [one for one in merged if one["batch"]]
    assert len(batched) > len(merged) / 2, show.program.told
    assert all(int(one["pull"].partition("#")[2]) in one["batch"] for one in batched)
    assert all(one["seconds"] > 0 for one in merged)


def test_the_page_shows_it_live(show: Show) -> None:
    assert {(pool["Org"], pool["Repo"], pool["Branch"]) for pool in show.pools} <= {
        ("acme", "rocket", "main"),
        ("acme", "rocket", "release-1.0"),
        ("acme", "engine", "main"),
    }
    assert "<!doctype html>" in show.page.lower()
    assert "acme/rocket" in show.page


def test_it_leaves_nothing_behind(show: Show) -> None:
    assert sorted(path.name for path in show.place.iterdir()) == ["demo.err", "demo.out"]
    assert processes_that_name(str(show.place)) == []


def test_a_second_one_is_told_that_the_port_is_taken_and_a_signal_ends_the_first() -> None:
    with open_directory("demo") as place, demo(place) as first:
        port = httpx.URL(address(first)).port
        with open_directory("demo") as other, demo(other, f"--port={port}") as second:
            assert second.ended(patience=60) == 1
            assert second.stderr.read_text().splitlines() == [
                f"tide: error: cannot listen on 127.0.0.1, port {port} (--port): Address already in use"
            ]
            assert processes_that_name(str(other)) == []
        assert first.end() == 1, first.told
        assert json.loads(first.stdout.read_text())["red"] == 0
        assert "Traceback" not in first.stderr.read_text()
        assert sorted(path.name for path in place.iterdir()) == ["demo.err", "demo.out"]
        assert processes_that_name(str(place)) == []


def test_one_that_stays_up_says_how_to_ask_it() -> None:
    with open_directory("demo") as place, demo(place, "--keep-running") as program:
        address(program)
        (data_dir,) = program.wait_for(lambda: _ASKED.findall(program.stderr.read_text()), "how to ask it")
        command = [*TIDE, "pools", "--format=json", f"--data-dir={data_dir}"]
        with started(command, place, "pools", {}) as pools:
            assert pools.ended(patience=60) == 0, pools.told
            assert "items" in json.loads(pools.stdout.read_text())


async def test_one_that_stays_up_shows_what_came_of_the_story_when_it_has_ended() -> None:
    told, shown, stop = list[str](), asyncio.Queue[Result](), asyncio.Event()
    demo = Demo(demo_story(7, SEED, seconds=0, spread=0), told.append, shown.put_nowait)
    playing = asyncio.create_task(demo.run(0, 4, stop, keep_running=True))
    result = await asyncio.wait_for(shown.get(), PATIENCE)
    assert result.is_good
    assert told[-1] == "nothing can change without a human any more; serving on until Ctrl-C"
    assert (await asyncio.to_thread(BROWSER.get, told[0].rpartition(" ")[2])).is_success
    stop.set()
    assert await playing == result
    assert shown.empty()
