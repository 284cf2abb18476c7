"""The tables.

Each is of one of four kinds, and its comment says which:

- a *projection* may be emptied at any time; reading the outside again fills it;
- an *intent* is written before a deed, and completed after it;
- a *record* is only added to (and pruned when it is old);
- a *lock* says who may act; one that is gone is taken anew.

What changes at every sync (when a pull request was last read, when a decision was last seen) stands in narrow rows
with room beside them, so that Postgres updates them in place (heap-only tuples) and nothing else is rewritten.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware datetime in UTC, whatever time zone the server speaks in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - its signature
        """Give what was read in UTC."""
        return value.astimezone(UTC) if value else None


_HALF_FULL = {"fillfactor": "50"}
_EMPTY_LIST = text("'[]'::jsonb")


def _text(name: str, *, primary_key: bool = False) -> Column[str]:
    """Make a text column that is empty where nothing is known."""
    return Column(name, Text, nullable=False, primary_key=primary_key, server_default=None if primary_key else "")


def _name(name: str, *, primary_key: bool = False) -> Column[str]:
    """Make a text column that always has a value."""
    return Column(name, Text, nullable=False, primary_key=primary_key)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Moment, nullable=nullable)


def _list(name: str) -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=_EMPTY_LIST)


def _numbers(name: str) -> Column[object]:
    return Column(name, ARRAY(Integer), nullable=False, server_default=text("'{}'"))


def _texts(name: str) -> Column[object]:
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"))


def _identity() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


pulls = Table(
    "pulls",
    metadata,
    _name("org", primary_key=True),
    _name("repo", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _name("base_branch"),
    _name("head_branch"),
    _name("head_sha"),
    _text("title"),
    _text("body"),
    _text("author"),
    _flag("author_is_bot"),
    _flag("is_open"),
    _flag("is_merged"),
    _flag("is_draft"),
    _name("mergeable"),
    _name("merge_state"),
    _flag("can_be_rebased"),
    _text("review_decision"),
    _list("labels"),
    _text("milestone"),
    _list("contexts"),
    _flag("contexts_known"),
    _time("updated_at"),
    _text("digest"),
    Index(None, "org", "repo", "base_branch", "number", postgresql_where=text("is_open")),
    Index(None, "head_sha", postgresql_where=text("is_open")),
    comment="projection: pull requests with the contexts of their heads, as last read; digest stands for all of it",
)

pull_reads = Table(
    "pull_reads",
    metadata,
    _name("org", primary_key=True),
    _name("repo", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _time("read_at"),
    postgresql_with=_HALF_FULL,
    comment="projection: when each pull request was last read, changed or not",
)

reading_clock = Table(
    "reading_clock",
    metadata,
    _name("name", primary_key=True),
    _time("latest"),
    postgresql_with=_HALF_FULL,
    comment="projection: the latest moment that a reading was given by this server's clock; it never goes back",
)

verdicts = Table(
    "verdicts",
    metadata,
    _name("org", primary_key=True),
    _name("repo", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("verdict", JSONB, nullable=False),
    comment="projection: the last verdict on each pull request",
)

watermarks = Table(
    "watermarks",
    metadata,
    _name("name", primary_key=True),
    _text("query"),
    _time("until"),
    postgresql_with=_HALF_FULL,
    comment="projection: how far each incremental search got",
)

snapshots = Table(
    "snapshots",
    metadata,
    _name("digest", primary_key=True),
    Column("body", LargeBinary, nullable=False),
    _time("used_at"),
    comment="record: what decisions rest on, once per digest; body is compressed JSON without the moment",
)

decisions = Table(
    "decisions",
    metadata,
    _identity(),
    _name("org"),
    _name("repo"),
    _name("branch"),
    Column("snapshot_digest", Text, ForeignKey("snapshots.digest"), nullable=False, index=True),
    _name("digest"),
    Column("body", LargeBinary, nullable=False),
    _name("action"),
    _text("reason"),
    _numbers("targets"),
    _flag("is_dry_run"),
    _time("first_seen"),
    _time("last_seen"),
    _text("outcome"),
    Column("rules_version", Integer, nullable=False, server_default="0"),
    Index(None, "org", "repo", "branch", "id"),
    postgresql_with={"fillfactor": "80"},
    comment="record: what was decided; an equal decision that follows moves last_seen; body is compressed JSON",
)

pools = Table(
    "pools",
    metadata,
    _name("org", primary_key=True),
    _name("repo", primary_key=True),
    _name("branch", primary_key=True),
    Column("decision_id", BigInteger, ForeignKey("decisions.id", ondelete="SET NULL")),
    _text("base_sha"),
    _numbers("passing"),
    _numbers("pending"),
    _numbers("missing"),
    _numbers("batch_pending"),
    _list("blockers"),
    _texts("tenant_ids"),
    _text("error"),
    _time("failed_at", nullable=True),
    _time("dropped_at", nullable=True),
    comment="projection: each pool as its last decision shows it; error: why it cannot be decided since failed_at",
)

statuses = Table(
    "statuses",
    metadata,
    _name("org", primary_key=True),
    _name("repo", primary_key=True),
    _name("sha", primary_key=True),
    Column("written", Integer, nullable=False),
    _time("written_at"),
    postgresql_with=_HALF_FULL,
    comment="record: how many of our statuses each commit has got; GitHub takes no more than 1,000",
)

standings = Table(
    "standings",
    metadata,
    _name("org", primary_key=True),
    _name("repo", primary_key=True),
    _name("branch", primary_key=True),
    _name("kind"),
    _text("reason"),
    _texts("contexts"),
    _time("since", nullable=True),
    comment="record: how far each branch may be trusted; no row means that nothing is known against it",
)

runs = Table(
    "runs",
    metadata,
    _name("name", primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    _name("org"),
    _name("repo"),
    _name("branch"),
    _name("job"),
    _name("context"),
    _name("kind"),
    _name("purpose"),
    _name("state"),
    _text("base_sha"),
    _list("heads"),
    _text("job_digest"),
    _text("run_tree"),
    _text("description"),
    _text("url"),
    _text("tenant_id"),
    _time("started_at", nullable=True),
    _time("completed_at", nullable=True),
    _time("saved_at"),
    _flag("is_forgotten"),
    Index(
        "runs_first_idx",
        "org",
        "repo",
        "branch",
        text("(heads #>> '{0,1}')"),  # a first run has one head: its SHA
        postgresql_where=text("purpose = 'first'"),
    ),
    Index("runs_live_idx", "started_at", postgresql_where=text("state IN ('scheduling', 'triggered', 'pending')")),
    Index(None, "org", "repo"),
    Index(None, "base_sha"),
    comment="projection: runs as last seen; is_forgotten was used by an older version",
)

retests = Table(
    "retests",
    metadata,
    _identity(),
    _name("org"),
    _name("repo"),
    Column("number", Integer, nullable=False),
    _name("head_sha"),
    _name("context"),
    _texts("seen"),
    _time("asked_at"),
    _text("run_name"),
    _time("answered_at", nullable=True),
    Index(
        "retests_open_idx",
        "org",
        "repo",
        "number",
        "head_sha",
        "context",
        unique=True,
        postgresql_where=text("answered_at IS NULL"),
    ),
    Index(None, "org", "repo", "number"),
    comment="record: jobs that somebody asked to be run again; run_name answers it, seen are the runs before it",
)

evidence = Table(
    "evidence",
    metadata,
    _name("run_tree", primary_key=True),
    _name("job_digest", primary_key=True),
    _name("run_name", primary_key=True),
    Column("passed", Boolean, nullable=False),
    _name("context"),
    _name("org"),
    _name("repo"),
    _name("branch"),
    _name("base_sha"),
    _time("observed_at"),
    comment="record: what runs have shown, by the tree and by what the job executes",
)

batches = Table(
    "batches",
    metadata,
    _identity(),
    _name("org"),
    _name("repo"),
    _name("branch"),
    _name("base_sha"),
    _name("members_digest"),
    _list("members"),
    _list("contexts"),
    _name("run_tree"),
    _name("plan_tree"),
    _text("landed_tree"),
    _name("state"),
    _text("reason"),
    _time("created_at", nullable=True),
    _time("ended_at", nullable=True),
    Index(None, "org", "repo", "branch", "base_sha", "members_digest", unique=True),
    comment="record: batches with the trees that were tested, planned and landed",
)

landings = Table(
    "landings",
    metadata,
    _identity(),
    _name("org"),
    _name("repo"),
    _name("branch"),
    Column("number", Integer, nullable=False),
    _name("head_sha"),
    _name("method"),
    _name("base_sha"),
    _name("run_tree"),
    _name("plan_tree"),
    _name("landed_sha"),
    _name("landed_tree"),
    _time("landed_at"),
    Index(None, "org", "repo", "number", "landed_sha", unique=True),
    comment="record: each pull request that landed, with the trees that were tested, planned and landed",
)

intents = Table(
    "intents",
    metadata,
    _identity(),
    _name("kind"),
    _name("org"),
    _name("repo"),
    _name("branch"),
    _name("subject"),
    _text("detail"),
    _time("begun_at"),
    _text("outcome"),
    _time("ended_at", nullable=True),
    Column("token", BigInteger, nullable=False, server_default="0"),
    _time("latest_at", nullable=True),
    Index("intents_open_idx", "org", "repo", "branch", "id", postgresql_where=text("ended_at IS NULL")),
    comment="intent: deeds that change the outside, written down before they are done",
)

history = Table(
    "history",
    metadata,
    _identity(),
    _name("org"),
    _name("repo"),
    _name("branch"),
    _time("time"),
    _name("action"),
    _text("base_sha"),
    _list("targets"),
    _text("error"),
    _text("reason"),
    _texts("tenant_ids"),
    Index(None, "org", "repo", "branch", "time", "id"),
    Index(None, "time", "id"),
    comment="record: what was done to the pools, for people",
)

prowjobs = Table(
    "prowjobs",
    metadata,
    _name("name", primary_key=True),
    Column("object", JSONB, nullable=False),
    _text("org"),
    _text("repo"),
    _text("base_ref"),
    _text("base_sha"),
    _text("type"),
    _text("state"),
    _texts("head_shas"),
    Column("created_at", Moment, nullable=False, server_default=func.now()),
    _time("completed_at", nullable=True),
    CheckConstraint("jsonb_typeof(object) = 'object'", name="object"),
    Index(None, "org", "repo", "base_ref", "base_sha"),
    Index("prowjobs_head_shas_idx", "head_shas", postgresql_using="gin"),
    Index("prowjobs_unfinished_idx", "created_at", postgresql_where=text("completed_at IS NULL")),
    comment="record: the local runner's ProwJobs; the columns beside the object repeat what is searched by",
)

deliveries = Table(
    "deliveries",
    metadata,
    _name("id", primary_key=True),
    _name("event"),
    _time("received_at"),
    comment="record: the webhook deliveries that were taken, so that one that comes twice is taken once",
)

hints = Table(
    "hints",
    metadata,
    _identity(),
    _name("kind"),
    _name("org"),
    _name("repo"),
    _text("branch"),
    Column("number", Integer, nullable=False, server_default="0"),
    _text("sha"),
    _time("received_at"),
    comment="projection: where webhooks say to look, until the leader has looked; a round finds what is lost of it",
)

leases = Table(
    "leases",
    metadata,
    _name("name", primary_key=True),
    _name("holder"),
    Column("token", BigInteger, nullable=False),
    _time("taken_at"),
    _time("expires_at"),
    postgresql_with=_HALF_FULL,
    comment="lock: the replica that acts, until expires_at by this server's clock; token grows with each change",
)
