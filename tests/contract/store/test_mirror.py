import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import NOW, POOL, make_context, make_pull, sha
from tests.stores import Backend
from tide.domain.keys import HeadKey, PullKey, RepoKey
from tide.domain.pulls import (
    Context,
    ContextSource,
    ContextState,
    Mergeable,
    MergeState,
    Pull,
    ReviewDecision,
)
from tide.ports.store import Store
from tide.ports.store.mirror import Mirror
from tide.ports.views import Views

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def mirror(store: Store) -> Mirror:
    return store


def elsewhere(pull: Pull, org: str, repo: str) -> Pull:
    return replace(pull, key=PullKey(org, repo, pull.number))


async def test_a_pull_comes_back_as_it_was_saved(mirror: Mirror) -> None:
    pull = make_pull(
        7,
        [
            Context("ci/unit", ContextState.FAILURE, "broke", ContextSource.CHECK_RUN, "https://ci.example/7"),
            make_context("ci/e2e", ContextState.EXPECTED),
        ],
        title='Quote "this" and \\that\\ é 🚀',
        body="one\ntwo\t",
        author_is_bot=True,
        is_draft=True,
        mergeable=Mergeable.CONFLICTING,
        merge_state=MergeState.DIRTY,
        can_be_rebased=False,
        review_decision=ReviewDecision.CHANGES_REQUESTED,
        labels=("approved", "lgtm"),
        milestone="v1",
        updated_at=datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=UTC),
        contexts_known=False,
    )
    await mirror.save_pulls([pull], NOW)
    assert await mirror.open_pulls() == (pull,)
    assert await mirror.pool_pulls(POOL) == (pull,)


async def test_open_pulls_are_sorted_by_key_and_chosen_by_repository(mirror: Mirror) -> None:
    pulls = [
        make_pull(10),
        make_pull(9),
        elsewhere(make_pull(1), "acme", "Zeppelin"),
        elsewhere(make_pull(2), "Acme", "rocket"),
    ]
    await mirror.save_pulls(pulls, NOW)
    assert [str(pull.key) for pull in await mirror.open_pulls()] == [
        "Acme/rocket#2",
        "acme/Zeppelin#1",
        "acme/rocket#9",
        "acme/rocket#10",
    ]
    assert [pull.number for pull in await mirror.open_pulls([RepoKey("acme", "rocket")])] == [9, 10]
    assert await mirror.open_pulls([]) == ()


async def test_pool_pulls_are_those_of_the_branch(mirror: Mirror) -> None:
    await mirror.save_pulls([make_pull(2), make_pull(1), make_pull(3, base_branch="release/v1")], NOW)
    assert [pull.number for pull in await mirror.pool_pulls(POOL)] == [1, 2]
    assert [pull.number for pull in await mirror.pool_pulls(replace(POOL, branch="release/v1"))] == [3]


async def test_open_pulls_are_found_by_their_keys(mirror: Mirror) -> None:
    await mirror.save_pulls([make_pull(10), make_pull(9), make_pull(8, is_open=False), make_pull(7)], NOW)
    asked = [make_pull(number).key for number in (10, 9, 8, 404)]
    assert [pull.number for pull in await mirror.pulls_named(asked)] == [9, 10]
    assert await mirror.pulls_named([]) == ()


async def test_open_pulls_are_found_by_the_head_that_they_share(mirror: Mirror) -> None:
    shared = sha("shared")
    pulls = [
        make_pull(1, head_sha=shared),
        make_pull(2, head_sha=shared, base_branch="release/v1"),
        make_pull(3, head_sha=shared, is_open=False),
        make_pull(4),
        elsewhere(make_pull(5, head_sha=shared), "acme", "orbit"),
    ]
    await mirror.save_pulls(pulls, NOW)
    assert [pull.number for pull in await mirror.pulls_of_head(HeadKey("acme", "rocket", shared))] == [1, 2]
    assert await mirror.pulls_of_head(HeadKey("acme", "rocket", sha("unknown"))) == ()


async def test_closed_pulls_are_kept_but_not_open(mirror: Mirror, views: Views) -> None:
    await mirror.save_pulls([make_pull(1)], NOW)
    merged = make_pull(1, is_open=False, is_merged=True)
    await mirror.save_pulls([merged], LATER)
    assert await mirror.open_pulls() == ()
    record = await views.pull(merged.key)
    assert record is not None
    assert record.pull == merged


async def test_a_newer_reading_replaces_an_older_one(mirror: Mirror) -> None:
    await mirror.save_pulls([make_pull(1)], NOW)
    newer = make_pull(1, [make_context("ci/unit")], head_sha="f" * 40)
    await mirror.save_pulls([newer], LATER)
    assert await mirror.open_pulls() == (newer,)


async def test_an_older_reading_is_refused(mirror: Mirror) -> None:
    newer = make_pull(1, [make_context("ci/unit", ContextState.SUCCESS)])
    await mirror.save_pulls([newer], LATER)
    await mirror.save_pulls([make_pull(1, [make_context("ci/unit", ContextState.PENDING)])], NOW)
    assert await mirror.open_pulls() == (newer,)


async def test_an_older_reading_is_refused_also_after_one_that_changed_nothing(mirror: Mirror) -> None:
    passed, pending = (
        make_pull(1, [make_context("ci/unit", state)]) for state in (ContextState.SUCCESS, ContextState.PENDING)
    )
    await mirror.save_pulls([passed], NOW)
    await mirror.save_pulls([passed], LATER)
    await mirror.save_pulls([pending], NOW + timedelta(seconds=30))
    assert await mirror.open_pulls() == (passed,)


async def test_what_the_code_host_calls_older_is_refused_whenever_it_was_read(mirror: Mirror) -> None:
    fresh = make_pull(1, labels=("hold", "lgtm"), updated_at=NOW)
    await mirror.save_pulls([fresh], NOW)
    await mirror.save_pulls([make_pull(1, updated_at=NOW - timedelta(minutes=5))], LATER)
    assert await mirror.open_pulls() == (fresh,)


async def test_one_sequence_may_name_a_pull_twice(mirror: Mirror) -> None:
    fresh = make_pull(1, title="new", updated_at=NOW)
    await mirror.save_pulls([fresh, make_pull(1, title="old", updated_at=NOW - timedelta(hours=2))], NOW)
    assert await mirror.open_pulls() == (fresh,)


async def test_dropped_pulls_are_not_open_until_they_are_read_again(mirror: Mirror) -> None:
    pull = make_pull(1)
    await mirror.save_pulls([pull, make_pull(2)], NOW)
    await mirror.drop_pulls([pull.key], LATER)
    assert [kept.number for kept in await mirror.open_pulls()] == [2]
    await mirror.save_pulls([pull], NOW + timedelta(seconds=1))
    assert [kept.number for kept in await mirror.open_pulls()] == [2]
    await mirror.save_pulls([pull], LATER + timedelta(seconds=1))
    assert [kept.number for kept in await mirror.open_pulls()] == [1, 2]


async def test_a_pull_read_after_the_moment_of_its_dropping_stays(mirror: Mirror) -> None:
    await mirror.save_pulls([make_pull(1)], LATER)
    await mirror.drop_pulls([make_pull(1).key], NOW)
    assert [pull.number for pull in await mirror.open_pulls()] == [1]


async def test_nothing_to_save_or_drop_is_fine(mirror: Mirror) -> None:
    await mirror.save_pulls([], NOW)
    await mirror.drop_pulls([], NOW)
    await mirror.drop_pulls([make_pull(404).key], NOW)
    assert await mirror.open_pulls() == ()


async def test_many_pulls_are_saved_at_once(mirror: Mirror) -> None:
    await mirror.save_pulls([make_pull(number) for number in range(1, 1202)], NOW)
    assert len(await mirror.open_pulls()) == 1201


@pytest.mark.parametrize(
    "nasty", ["nul \x00 inside", "half \ud83d a pair", "\udc00", "\x00", "\\u0000 spelt out", "\x7f\x1b[31m"]
)
async def test_hostile_text_is_stored(mirror: Mirror, nasty: str) -> None:
    pull = make_pull(
        1,
        [Context(nasty, ContextState.SUCCESS, nasty, target_url=nasty)],
        title=nasty,
        body=nasty,
        author=nasty,
        head_branch=nasty,
        labels=(nasty,),
        milestone=nasty,
    )
    await mirror.save_pulls([pull, make_pull(2)], NOW)
    await mirror.save_pulls([pull, make_pull(2)], LATER)
    (kept, other) = await mirror.open_pulls()
    clean = nasty.replace("\x00", "\ufffd").replace("\ud83d", "\ufffd").replace("\udc00", "\ufffd")
    assert (kept.title, kept.body, kept.labels, kept.contexts[0].name) == (clean, clean, (clean,), clean)
    assert other == make_pull(2)


async def test_a_watermark_is_kept_under_its_name(mirror: Mirror) -> None:
    assert await mirror.watermark("coverage") is None
    await mirror.set_watermark("coverage", "is:pr org:acme", NOW)
    await mirror.set_watermark("other", "is:pr", LATER)
    assert await mirror.watermark("coverage") == ("is:pr org:acme", NOW)
    await mirror.set_watermark("coverage", "is:pr org:acme", LATER)
    assert await mirror.watermark("coverage") == ("is:pr org:acme", LATER)


async def test_readings_have_moments_that_never_go_back_whoever_asks(store: Store, backend: Backend) -> None:
    first = await store.reading_begins()
    together = await asyncio.gather(*(store.reading_begins() for _ in range(5)))
    assert len({first, *together}) == 6
    ahead = max(together) + timedelta(minutes=10)
    await backend.set_latest_reading(ahead)  # as a server did whose clock was fast
    assert ahead < await store.reading_begins() < await store.reading_begins()
