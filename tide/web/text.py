"""The same answers as plain text, for a terminal: `tide explain`, `pools`, `history`, `decisions`.

Titles and descriptions are written by strangers: control characters, terminal escapes and reversed text are taken out.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from tide.domain.decisions import Requirement
from tide.domain.records import DecisionRecord, HistoryRecord, PoolView, PullRecord
from tide.domain.retests import Retest
from tide.domain.runs import Run, public
from tide.policy.decide import RULES_VERSION
from tide.policy.replay import Replayed
from tide.policy.retesting import HeadJobs
from tide.policy.silence import UNREPORTED
from tide.policy.wording import plural
from tide.web.ages import exactly
from tide.web.run_book import RunBook
from tide.web.verdicts import reason_of, verdict_of

_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS: titles, clipboard
    r"|\x1b[ -/]*[0-~]"
)
_SPACES = re.compile(r"\s+")
# What else does not print, or turns the direction of what follows.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_HEADLINES = {
    "merged": "merged",
    "in_pool": "in the pool",
    "waiting": "waiting",
    "blocked": "blocked",
    "unknown": "not decided yet",
}


def plain(text: str) -> str:
    """Give a text in one printable line."""
    return _UNSEEN.sub("", _SPACES.sub(" ", _ESCAPE_SEQUENCE.sub("", text))).strip()


def explain_text(record: PullRecord, runs: Iterable[Run] = ()) -> str:
    """Tell why a pull request is or is not merging: the verdict, what to do, each requirement, and the tests."""
    pull, verdict = record.pull, verdict_of(record)
    place = f", place {verdict.position} in line" if verdict.position else ""
    parts = [
        f"{pull.key}: {_HEADLINES[verdict.kind]}{place}",
        f"  {plain(pull.title)} (by {plain(pull.author)}, {pull.head_sha[:7]} into {plain(pull.base_branch)})",
        f"  {plain(reason_of(verdict))}",
    ]
    if verdict.unblock:
        parts += ["", "What to do:", *(f"  - {plain(line)}" for line in verdict.unblock)]
    if verdict.requirements:
        parts += ["", "Requirements:", *_requirements(verdict.requirements)]
    if told := [f"  {_run(run)}" for run in runs]:
        parts += ["", "Tests of this head:", *told]
    return "\n".join((*parts, "", f"As read {exactly(record.read_at)}."))


def pools_table(pools: Iterable[PoolView]) -> str:
    """List the pools with what they do and why."""
    rows = [
        (
            str(view.pool),
            view.base_sha[:7],
            str(len(view.passing)),
            str(len(view.pending)),
            str(len(view.missing)),
            str(len(view.outside)),
            _numbers(pull.number for pull in view.batch_pending),
            f"{view.action} {_numbers(pull.number for pull in view.target)}".strip(),
            view.error or view.standing.reason or view.reason,
        )
        for view in pools
    ]
    header = ("POOL", "BASE", "PASSING", "PENDING", "MISSING", "OUTSIDE", "BATCH", "ACTION", "REASON")
    return _table(header, rows) if rows else "No open pull request meets a query of the configuration."


def history_table(records: Iterable[HistoryRecord], tests: RunBook) -> str:
    """List what was done, in the order given, with the logs of what failed."""
    rows = [
        (
            _moment(record.time),
            str(record.pool),
            record.action,
            _numbers(target.number for target in record.targets),
            record.base_sha[:7],
            "; ".join([record.error or record.reason, *_failures(tests.of_record(record))]),
        )
        for record in records
    ]
    return _table(("TIME", "POOL", "ACTION", "PULLS", "BASE", "REASON"), rows) if rows else "Nothing has been done yet."


def decisions_table(records: Iterable[DecisionRecord]) -> str:
    """List decisions, in the order given."""
    rows = [
        (
            str(record.id),
            _moment(record.first_seen),
            _moment(record.last_seen),
            str(record.pool),
            f"{record.action} (dry run)" if record.is_dry_run else record.action,
            _numbers(record.targets),
            record.outcome,
            record.reason,
        )
        for record in records
    ]
    header = ("ID", "FIRST SEEN", "LAST SEEN", "POOL", "ACTION", "PULLS", "OUTCOME", "REASON")
    return _table(header, rows) if rows else "No decision has been recorded yet."


def replay_text(count: int, otherwise: Sequence[Replayed]) -> str:
    """Tell how many decisions were decided again, and in what some come out otherwise."""
    lines = []
    for one in otherwise:
        record = one.record
        rules = f", decided by rules of version {record.rules_version}" if one.has_other_rules else ""
        problem = f": {plain(one.problem)}" if one.problem else ""
        lines.append(f"decision {record.id}, {record.pool}, {_moment(record.first_seen)}{rules}{problem}")
        lines += [f"  {each.path}: {plain(str(each.stored))} -> {plain(str(each.now))}" for each in one.differences]
    made = f"{count} {plural(count, 'decision', 'decisions')} made again by rules of version {RULES_VERSION}"
    lines.append(f"{made}: {len(otherwise)} otherwise" if otherwise else f"{made}: all alike")
    return "\n".join(lines)


def _failures(runs: Iterable[Run]) -> Iterator[str]:
    return (_run(run) for run in runs if run.state.is_failed)


def _run(run: Run) -> str:
    """Tell of a run; a log without an address of its own is on our page, wherever that is."""
    where = f" in a batch of {len(run.heads)}" if len(run.heads) > 1 else ""
    page = "" if public(run.url) else " on tide's page"
    log = f", log: {plain(run.url)}{page}" if run.url else ""
    return f"{plain(run.context)}: {run.state}{where}{log}"


def retest_lines(record: PullRecord, jobs: HeadJobs, new: Collection[str], retests: Iterable[Retest]) -> Iterator[str]:
    """Say what came of asking for a retest, a line for each job.

    Args:
        record: the pull request.
        jobs: how the jobs of its head stand.
        new: what was asked for just now.
        retests: all that was ever asked for on the head.
    """
    head = record.pull.head_sha[:7]
    if not record.pull.is_open:
        yield "it is not open, so nothing is run on it"
        return
    running = {run.context for run in jobs.running}
    lines = [
        *(f"{plain(name)} is asked for again on {head}: {_why_asked(name, jobs)}" for name in sorted(new)),
        *(f"{plain(run.context)} is under way on {head}: {run.state}, attempt {run.attempt}" for run in jobs.running),
        *(
            f"{plain(one.context)} on {head} was asked for {exactly(one.asked_at)}, and has not begun yet: "
            f"{plain(reason_of(verdict_of(record)))}"
            for one in retests
            if not one.run_name and one.context not in running.union(new)
        ),
    ]
    yield from lines or [f"no job of {head} has failed, so there is nothing to run again"]
    for name in jobs.others:
        yield f"{plain(name)} has failed on {head}, and no job reports it: whoever does must run it again"


def _why_asked(name: str, jobs: HeadJobs) -> str:
    return UNREPORTED if name in jobs.silent else "it has failed"


def _requirements(requirements: Sequence[Requirement]) -> Iterator[str]:
    """List requirements; where several queries would do, what each of them asks for stands apart."""
    queries = dict.fromkeys(it.query for it in requirements if it.query is not None)
    has_choice = len(queries) > 1
    yield from (_requirement(it) for it in requirements if it.query is None or not has_choice)
    if not has_choice:
        return
    yield f"  And all that one of {len(queries)} queries asks for:"
    for place, query in enumerate(queries):
        yield "  or" if place else "  either"
        yield from (f"  {_requirement(it)}" for it in requirements if it.query == query)


def _requirement(it: Requirement) -> str:
    detail = f": {plain(it.detail)}" if it.detail else ""
    return f"  [{'x' if it.met else ' '}] {plain(it.name)}{detail}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Align all columns but the last, which may be as long as it likes."""
    lines = [tuple(header), *(tuple(plain(cell) or "-" for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        [cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=False)] + [line[-1]] for line in lines
    )
    return "\n".join("  ".join(line) for line in padded)


def _numbers(numbers: Iterable[int]) -> str:
    return " ".join(f"#{number}" for number in numbers)


def _moment(moment: datetime) -> str:
    return exactly(moment).removesuffix(" UTC") + "Z"
