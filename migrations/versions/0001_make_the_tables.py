"""Make the tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("base_sha", sa.Text(), nullable=False),
        sa.Column("members_digest", sa.Text(), nullable=False),
        sa.Column(
            "members", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column(
            "contexts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("run_tree", sa.Text(), nullable=False),
        sa.Column("plan_tree", sa.Text(), nullable=False),
        sa.Column("landed_tree", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("batches_pkey")),
        comment="record: batches with the trees that were tested, planned and landed",
    )
    op.create_index(
        op.f("batches_org_repo_branch_base_sha_members_digest_idx"),
        "batches",
        ["org", "repo", "branch", "base_sha", "members_digest"],
        unique=True,
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("deliveries_pkey")),
        comment="record: the webhook deliveries that were taken, so that one that comes twice is taken once",
    )
    op.create_table(
        "evidence",
        sa.Column("run_tree", sa.Text(), nullable=False),
        sa.Column("job_digest", sa.Text(), nullable=False),
        sa.Column("run_name", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("base_sha", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_tree", "job_digest", "run_name", name=op.f("evidence_pkey")),
        comment="record: what runs have shown, by the tree and by what the job executes",
    )
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("base_sha", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "targets", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("tenant_ids", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("history_pkey")),
        comment="record: what was done to the pools, for people",
    )
    op.create_index(
        op.f("history_org_repo_branch_time_id_idx"), "history", ["org", "repo", "branch", "time", "id"], unique=False
    )
    op.create_index(op.f("history_time_id_idx"), "history", ["time", "id"], unique=False)
    op.create_table(
        "intents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("intents_pkey")),
        comment="intent: deeds that change the outside, written down before they are done",
    )
    op.create_index(
        "intents_open_idx",
        "intents",
        ["org", "repo", "branch", "id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "landings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("base_sha", sa.Text(), nullable=False),
        sa.Column("run_tree", sa.Text(), nullable=False),
        sa.Column("plan_tree", sa.Text(), nullable=False),
        sa.Column("landed_sha", sa.Text(), nullable=False),
        sa.Column("landed_tree", sa.Text(), nullable=False),
        sa.Column("landed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("landings_pkey")),
        comment="record: each pull request that landed, with the trees that were tested, planned and landed",
    )
    op.create_index(
        op.f("landings_org_repo_number_landed_sha_idx"),
        "landings",
        ["org", "repo", "number", "landed_sha"],
        unique=True,
    )
    op.create_table(
        "prowjobs",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("object", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("org", sa.Text(), server_default="", nullable=False),
        sa.Column("repo", sa.Text(), server_default="", nullable=False),
        sa.Column("base_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("base_sha", sa.Text(), server_default="", nullable=False),
        sa.Column("type", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("head_shas", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("jsonb_typeof(object) = 'object'", name=op.f("prowjobs_object_check")),
        sa.PrimaryKeyConstraint("name", name=op.f("prowjobs_pkey")),
        comment="record: the local runner's ProwJobs; the columns beside the object repeat what is searched by",
    )
    op.create_index("prowjobs_head_shas_idx", "prowjobs", ["head_shas"], unique=False, postgresql_using="gin")
    op.create_index(
        op.f("prowjobs_org_repo_base_ref_base_sha_idx"),
        "prowjobs",
        ["org", "repo", "base_ref", "base_sha"],
        unique=False,
    )
    op.create_index(
        "prowjobs_unfinished_idx",
        "prowjobs",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_table(
        "pull_reads",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org", "repo", "number", name=op.f("pull_reads_pkey")),
        comment="projection: when each pull request was last read, changed or not",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "pulls",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("base_branch", sa.Text(), nullable=False),
        sa.Column("head_branch", sa.Text(), nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.Column("author_is_bot", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_merged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_draft", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("mergeable", sa.Text(), nullable=False),
        sa.Column("merge_state", sa.Text(), nullable=False),
        sa.Column("can_be_rebased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("review_decision", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "labels", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("milestone", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "contexts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("contexts_known", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("org", "repo", "number", name=op.f("pulls_pkey")),
        comment="projection: pull requests with the contexts of their heads, as last read; digest stands for all of it",
    )
    op.create_index(
        op.f("pulls_head_sha_idx"), "pulls", ["head_sha"], unique=False, postgresql_where=sa.text("is_open")
    )
    op.create_index(
        op.f("pulls_org_repo_base_branch_number_idx"),
        "pulls",
        ["org", "repo", "base_branch", "number"],
        unique=False,
        postgresql_where=sa.text("is_open"),
    )
    op.create_table(
        "runs",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("base_sha", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "heads", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("job_digest", sa.Text(), server_default="", nullable=False),
        sa.Column("run_tree", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("tenant_id", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_forgotten", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("name", "attempt", name=op.f("runs_pkey")),
        comment="projection: runs as last seen; is_forgotten is ours: somebody asked for the first runs once more",
    )
    op.create_index(
        "runs_first_idx",
        "runs",
        ["org", "repo", "branch", sa.literal_column("(heads #>> '{0,1}')")],
        unique=False,
        postgresql_where=sa.text("purpose = 'first' AND NOT is_forgotten"),
    )
    op.create_index(
        "runs_live_idx",
        "runs",
        ["started_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('scheduling', 'triggered', 'pending')"),
    )
    op.create_index(op.f("runs_org_repo_idx"), "runs", ["org", "repo"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("snapshots_pkey")),
        comment="record: what decisions rest on, once per digest; body is compressed JSON without the moment",
    )
    op.create_table(
        "standings",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("contexts", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("org", "repo", "branch", name=op.f("standings_pkey")),
        comment="record: how far each branch may be trusted; no row means that nothing is known against it",
    )
    op.create_table(
        "verdicts",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verdict", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("org", "repo", "number", name=op.f("verdicts_pkey")),
        comment="projection: the last verdict on each pull request",
    )
    op.create_table(
        "watermarks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), server_default="", nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("watermarks_pkey")),
        comment="projection: how far each incremental search got",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("snapshot_digest", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("targets", postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["snapshot_digest"], ["snapshots.digest"], name=op.f("decisions_snapshot_digest_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("decisions_pkey")),
        comment="record: what was decided; an equal decision that follows moves last_seen; body is compressed JSON",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        op.f("decisions_org_repo_branch_id_idx"), "decisions", ["org", "repo", "branch", "id"], unique=False
    )
    op.create_index(op.f("decisions_snapshot_digest_idx"), "decisions", ["snapshot_digest"], unique=False)
    op.create_table(
        "pools",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.BigInteger(), nullable=True),
        sa.Column("base_sha", sa.Text(), server_default="", nullable=False),
        sa.Column("passing", postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("pending", postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("missing", postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("batch_pending", postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "blockers", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("tenant_ids", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("pools_decision_id_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("org", "repo", "branch", name=op.f("pools_pkey")),
        comment="projection: each pool as its last decision shows it; error: why it cannot be decided since failed_at",
    )
    # The bodies are compressed already: Postgres need not try once more.
    for table in ("snapshots", "decisions"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN body SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("pools")
    op.drop_index(op.f("decisions_snapshot_digest_idx"), table_name="decisions")
    op.drop_index(op.f("decisions_org_repo_branch_id_idx"), table_name="decisions")
    op.drop_table("decisions")
    op.drop_table("watermarks")
    op.drop_table("verdicts")
    op.drop_table("standings")
    op.drop_table("snapshots")
    op.drop_index(op.f("runs_org_repo_idx"), table_name="runs")
    op.drop_index(
        "runs_live_idx", table_name="runs", postgresql_where=sa.text("state IN ('scheduling', 'triggered', 'pending')")
    )
    op.drop_index(
        "runs_first_idx", table_name="runs", postgresql_where=sa.text("purpose = 'first' AND NOT is_forgotten")
    )
    op.drop_table("runs")
    op.drop_index(
        op.f("pulls_org_repo_base_branch_number_idx"), table_name="pulls", postgresql_where=sa.text("is_open")
    )
    op.drop_index(op.f("pulls_head_sha_idx"), table_name="pulls", postgresql_where=sa.text("is_open"))
    op.drop_table("pulls")
    op.drop_table("pull_reads")
    op.drop_index("prowjobs_unfinished_idx", table_name="prowjobs", postgresql_where=sa.text("completed_at IS NULL"))
    op.drop_index(op.f("prowjobs_org_repo_base_ref_base_sha_idx"), table_name="prowjobs")
    op.drop_index("prowjobs_head_shas_idx", table_name="prowjobs", postgresql_using="gin")
    op.drop_table("prowjobs")
    op.drop_index(op.f("landings_org_repo_number_landed_sha_idx"), table_name="landings")
    op.drop_table("landings")
    op.drop_index("intents_open_idx", table_name="intents", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_table("intents")
    op.drop_index(op.f("history_time_id_idx"), table_name="history")
    op.drop_index(op.f("history_org_repo_branch_time_id_idx"), table_name="history")
    op.drop_table("history")
    op.drop_table("evidence")
    op.drop_table("deliveries")
    op.drop_index(op.f("batches_org_repo_branch_base_sha_members_digest_idx"), table_name="batches")
    op.drop_table("batches")
