"""A store as full as it gets: thousands of open pull requests, and years of history."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.builders import BASE, NOW, make_context, make_pull, make_rules, make_snapshot, sha
from tide.adapters.postgres.store import PostgresStore
from tide.domain.actions import Wait
from tide.domain.decisions import Decision, Place, Requirement, Verdict, VerdictKind
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Pull

CONTEXTS = ("unit", "integration", "lint", "build", "docs")
_BODY = "What this changes, and why it is the right moment to change it.\n" * 20

# A record is of one to three pull requests; ten of a hundred are of tests.
_HISTORY = text("""
    INSERT INTO history (org, repo, branch, time, action, base_sha, targets, error, reason, tenant_ids)
    SELECT 'acme', 'part-' || n % :pools, 'main', :until - (:count - n) * interval '7 seconds',
        (ARRAY['MERGE', 'TRIGGER', 'MERGE_BATCH', 'TRIGGER_BATCH'])[1 + n % 4], md5(n::text) || 'deadbeef',
        (SELECT jsonb_agg(jsonb_build_object('number', n + m, 'author', 'alice-' || m,
            'sha', md5(n::text) || '01234567', 'title', 'Change <' || n || '> & others',
            'head_branch', 'change-' || n)) FROM generate_series(1, 1 + n % 3) m),
        '', 'All of it passes on this base.', ARRAY['']
    FROM generate_series(1, :count) n
""")
_DECISIONS = text("""
    INSERT INTO decisions (org, repo, branch, snapshot_digest, digest, body, action, reason, targets, is_dry_run,
        first_seen, last_seen, outcome)
    SELECT org, repo, branch, snapshot_digest, md5(n::text), body, action, 'Reason number ' || n, '{1,2,3}', false,
        first_seen, last_seen, ''
    FROM (SELECT * FROM decisions ORDER BY id LIMIT 1) one, generate_series(1, :count) n
""")


async def fill(engine: AsyncEngine, *, pulls: int, pools: int, records: int = 0, decisions: int = 0) -> None:
    """Keep so many open pull requests in so many pools with a decision about each, and so much of the past."""
    store = PostgresStore(engine)
    for number in range(pools):
        key = PoolKey("acme", f"part-{number}", "main")
        its_pulls = [_pull(key, one) for one in range(1, pulls // pools + 1)]
        await store.save_pulls(its_pulls, NOW)
        snapshot = replace(make_snapshot(rules=make_rules()), pool=key)
        await store.record_decision(snapshot, _decision(key, its_pulls))
    await fill_history(engine, records, pools)
    async with engine.begin() as connection:
        await connection.execute(_DECISIONS, {"count": decisions})
        await connection.execute(text("ANALYZE"))


async def fill_history(engine: AsyncEngine, records: int, pools: int) -> None:
    """Keep so many records of what was done to so many pools."""
    async with engine.begin() as connection:
        await connection.execute(_HISTORY, {"count": records, "pools": pools, "until": NOW})


def _pull(pool: PoolKey, number: int) -> Pull:
    contexts = [make_context(name, base=BASE) for name in CONTEXTS]
    return make_pull(
        number,
        contexts,
        key=PullKey(pool.org, pool.repo, number),
        body=_BODY,
        head_sha=sha(f"{pool}{number}"),
        labels=("lgtm", "approved", "kind/feature", "size/M"),
        updated_at=NOW - timedelta(minutes=number),
    )


def _decision(pool: PoolKey, pulls: list[Pull]) -> Decision:
    lanes: list[list[int]] = [[], [], []]
    verdicts = []
    for pull in pulls:
        place = (Place.PASSING, Place.PENDING, Place.MISSING, Place.OUTSIDE)[pull.number % 4]
        if pull.number % 4 < len(lanes):
            lanes[pull.number % 4].append(pull.number)
        verdicts.append(_verdict(pull, place))
    return Decision(
        pool,
        BASE,
        Wait("Nothing can be done."),
        (),
        tuple(lanes[0]),
        tuple(lanes[1]),
        tuple(lanes[2]),
        (),
        tuple(verdicts),
    )


def _verdict(pull: Pull, place: Place) -> Verdict:
    names = ("The label lgtm", "The label approved", "No label hold", *CONTEXTS, "Mergeable")
    requirements = tuple(Requirement(name, met=name != "unit", detail=f"{name} is as it should be.") for name in names)
    summary = "Not mergeable. Job unit has not succeeded on the present base."
    unblock = ("Look at the job unit.", "Say /retest.")
    return Verdict(pull.key, pull.head_sha, VerdictKind.BLOCKED, place, summary, requirements, unblock)
