from dataclasses import replace
from typing import Any

from tests.builders import BASE, NOW, POOL, make_job, sha
from tide.adapters.kubernetes.cache import Cache
from tide.adapters.kubernetes.prowjob_api import EventKind
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.runs import Candidate, Head, Purpose

OTHER = replace(POOL, repo="lander")
ADDED, MODIFIED, DELETED = EventKind.ADDED, EventKind.MODIFIED, EventKind.DELETED


def prowjob(number: int, state: str = "triggered", *, version: str = "1", uid: str = "", pool: PoolKey = POOL) -> Any:
    candidate = Candidate(pool, BASE, (Head(number, sha(number)),))
    made = build(candidate, make_job(), Purpose.RETEST, 1, NOW, ProwSettings())
    made["metadata"] |= {"uid": uid or f"uid-{number}", "resourceVersion": version}
    made["status"]["state"] = state
    return made


class Watched:
    """A cache that covers one repository, and what it told."""

    def __init__(self, *listed: Any) -> None:
        self.told: list[PoolKey] = []
        self.covered = {POOL.repository}
        self.cache = Cache(lambda repo: repo in self.covered, self.told.append)
        self.list(*listed)
        self.told.clear()

    def list(self, *prowjobs: Any) -> None:
        listing = self.cache.begin_listing()
        self.cache.take_page(listing, prowjobs)
        self.cache.settle(listing)

    @property
    def states(self) -> dict[int, str]:
        return {run.heads[0][0]: run.state.value for run in self.cache.of(POOL)}


def test_a_list_is_taken_whole_or_not_at_all() -> None:
    watched = Watched(prowjob(1))
    listing = watched.cache.begin_listing()
    watched.cache.take_page(listing, [prowjob(2)])
    assert set(watched.states) == {1}
    watched.cache.settle(listing)
    assert set(watched.states) == {2}


def test_a_new_list_tells_the_pools_that_differ_and_no_others() -> None:
    watched = Watched(prowjob(1), prowjob(2, pool=replace(POOL, branch="release")))
    watched.list(prowjob(1, "success"), prowjob(2, pool=replace(POOL, branch="release")))
    assert watched.told == [POOL]


def test_what_a_new_list_lacks_is_gone() -> None:
    watched = Watched(prowjob(1), prowjob(2))
    watched.list(prowjob(2))
    assert (watched.states, watched.told) == ({2: "triggered"}, [POOL])
    assert watched.cache.find(prowjob(1)["metadata"]["name"]) is None


def test_events_add_change_and_delete() -> None:
    watched = Watched()
    watched.cache.apply(ADDED, prowjob(1))
    watched.cache.apply(MODIFIED, prowjob(1, "pending"))
    watched.cache.apply(MODIFIED, prowjob(1, "pending", version="9"))
    assert (watched.states, len(watched.told)) == ({1: "pending"}, 2)
    watched.cache.apply(DELETED, prowjob(1, "pending"))
    assert (watched.states, len(watched.told)) == ({}, 3)


def test_a_namesake_in_another_pool_changes_both() -> None:
    release = replace(POOL, branch="release")
    watched, namesake = Watched(prowjob(1)), prowjob(1, uid="new", version="2", pool=release)
    namesake["metadata"]["name"] = prowjob(1)["metadata"]["name"]
    before = [watched.cache.version(pool) for pool in (POOL, release)]
    watched.cache.apply(ADDED, namesake)
    assert watched.states == {}
    assert len(watched.cache.of(release)) == 1
    assert watched.told == [POOL, release]
    assert all(watched.cache.version(pool) != was for pool, was in zip((POOL, release), before, strict=True))


def test_what_was_made_is_seen_before_any_event_tells_of_it() -> None:
    watched = Watched()
    watched.cache.observe(prowjob(1))
    assert watched.states == {1: "triggered"}
    assert watched.told == [POOL]


def test_events_that_were_on_their_way_do_not_hide_what_was_read_since() -> None:
    watched = Watched()
    watched.cache.observe(prowjob(1, "success", version="7"))
    watched.cache.apply(ADDED, prowjob(1, "triggered", version="5"))
    watched.cache.apply(MODIFIED, prowjob(1, "pending", version="6"))
    assert watched.states == {1: "success"}
    watched.cache.apply(MODIFIED, prowjob(1, "success", version="7"))
    watched.cache.apply(MODIFIED, prowjob(1, "error", version="3"))
    assert watched.states == {1: "error"}, "versions are not ordered; once level, what comes is newer"


def test_the_end_of_a_namesake_is_not_the_end_of_what_was_made() -> None:
    watched = Watched()
    watched.cache.observe(prowjob(1, uid="new", version="7"))
    watched.cache.apply(MODIFIED, prowjob(1, "failure", uid="old", version="4"))
    watched.cache.apply(DELETED, prowjob(1, "failure", uid="old", version="5"))
    assert watched.states == {1: "triggered"}
    watched.cache.apply(DELETED, prowjob(1, "triggered", uid="new", version="8"))
    assert watched.states == {}


def test_an_answer_that_comes_after_the_event_does_not_hide_it() -> None:
    watched = Watched()
    watched.cache.apply(ADDED, prowjob(1, "pending", version="6"))
    watched.cache.observe(prowjob(1, "triggered", version="5"))
    assert watched.states == {1: "pending"}


def test_what_was_made_while_a_list_came_in_stays_and_goes_with_the_next_list_that_lacks_it() -> None:
    watched = Watched()
    listing = watched.cache.begin_listing()
    watched.cache.observe(prowjob(1))
    watched.cache.settle(listing)
    assert set(watched.states) == {1}
    watched.list()
    assert set(watched.states) == set()


def test_what_was_made_while_a_list_came_in_that_has_it_already_goes_on_by_the_watch() -> None:
    watched = Watched()
    listing = watched.cache.begin_listing()
    watched.cache.observe(prowjob(1, version="1"))
    watched.cache.take_page(listing, [prowjob(1, "pending", version="2")])
    watched.cache.settle(listing)
    assert watched.states == {1: "pending"}
    watched.cache.apply(MODIFIED, prowjob(1, "success", version="3"))
    assert watched.states == {1: "success"}


def test_runs_of_repositories_that_are_not_covered_are_dropped_until_they_are_asked_for() -> None:
    watched = Watched(prowjob(1), prowjob(2, pool=OTHER))
    assert not watched.cache.of(OTHER)
    assert watched.cache.ask_for(RepoKey("acme", "unheard"))
    assert not watched.cache.lacks_any
    assert not watched.cache.ask_for(OTHER.repository)
    assert watched.cache.lacks_any
    watched.list(prowjob(2, pool=OTHER))
    assert len(watched.cache.of(OTHER)) == 1
    assert watched.cache.ask_for(OTHER.repository)
    assert not watched.cache.lacks_any


def test_a_repository_that_is_covered_too_late_is_known_to_be_incomplete() -> None:
    watched = Watched()
    watched.cache.apply(ADDED, prowjob(1, pool=OTHER))
    watched.covered.add(OTHER.repository)
    watched.cache.apply(ADDED, prowjob(2, pool=OTHER))
    assert not watched.cache.ask_for(OTHER.repository)


def test_objects_that_make_no_sense_are_passed_over() -> None:
    nameless, periodic, unversioned = prowjob(1), prowjob(2), prowjob(3)
    nameless["metadata"] = None
    periodic["spec"]["type"] = "periodic"
    del unversioned["metadata"]["resourceVersion"]
    watched = Watched(nameless, periodic, unversioned, {}, prowjob(4))
    assert set(watched.states) == {4}
    watched.cache.apply(MODIFIED, {"metadata": [], "spec": 7})
    assert set(watched.states) == {4}
