from dataclasses import replace
from datetime import timedelta

from tests.builders import FAILURE, NOW, PENDING, SUCCESS, make_context, make_pull, sha
from tide.domain.keys import HeadKey, PullKey
from tide.domain.pulls import Context, ContextSource, Pull
from tide.ports.store import Store

HEAD = HeadKey("acme", "rocket", sha(1))
POOLED = make_context("tide", SUCCESS, "In merge pool.")
LATER = NOW + timedelta(minutes=1)


async def pulls(store: Store) -> dict[PullKey, Pull]:
    return {pull.key: pull for pull in await store.open_pulls()}


async def test_statuses_are_counted_for_each_commit(store: Store) -> None:
    other = replace(HEAD, sha=sha(2))
    assert await store.statuses_written(HEAD) == 0
    for _ in range(3):
        await store.status_written(HEAD, POOLED, NOW)
    await store.status_written(other, POOLED, NOW)
    assert [await store.statuses_written(head) for head in (HEAD, other, replace(HEAD, repo="orbit"))] == [3, 1, 0]


async def test_what_was_written_is_shown_on_the_pulls_with_that_head(store: Store) -> None:
    before = [make_context("tide", PENDING, "Not mergeable."), make_context("unit", FAILURE)]
    one, other = make_pull(1, before), make_pull(2, head_sha=sha(1), base_branch="release")
    namesake = replace(make_pull(1, before), key=PullKey("acme", "orbit", 1))
    unrelated = make_pull(3)
    await store.save_pulls([one, other, namesake, unrelated], NOW)
    await store.status_written(HEAD, POOLED, LATER)
    assert await pulls(store) == {
        one.key: replace(one, contexts=(before[1], POOLED)),
        other.key: replace(other, contexts=(POOLED,)),
        namesake.key: namesake,
        unrelated.key: unrelated,
    }


async def test_a_check_run_of_the_same_name_stays(store: Store) -> None:
    foreign = Context("tide", FAILURE, "theirs", ContextSource.CHECK_RUN)
    await store.save_pulls([make_pull(1, [foreign])], NOW)
    await store.status_written(HEAD, POOLED, LATER)
    assert (await pulls(store))[make_pull(1).key].contexts == (foreign, POOLED)


async def test_what_is_read_afterwards_counts_also_when_the_reading_began_before(store: Store) -> None:
    pull = make_pull(1, [make_context("unit")])
    await store.save_pulls([pull], NOW)
    await store.status_written(HEAD, POOLED, LATER)
    await store.save_pulls([pull], NOW + timedelta(seconds=30))
    assert (await pulls(store))[pull.key] == pull


async def test_a_status_with_characters_that_postgres_refuses_is_shown_all_the_same(store: Store) -> None:
    await store.save_pulls([make_pull(1)], NOW)
    await store.status_written(HEAD, make_context("tide", PENDING, "a\x00b"), LATER)
    assert (await pulls(store))[make_pull(1).key].contexts == (make_context("tide", PENDING, "a\ufffdb"),)
