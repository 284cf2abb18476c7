"""Keep what somebody asked to be run again, and give readings moments by a clock that never goes back.

All of it is added beside what is there: a process of the older version goes on writing. What `runs.is_forgotten` was
for, the table `retests` is now; the column stays until no older process can write to it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RUNS_COMMENT = "projection: runs as last seen; is_forgotten was used by an older version"
_OLD_RUNS_COMMENT = "projection: runs as last seen; is_forgotten is ours: somebody asked for the first runs once more"
_FIRST_HEAD: sa.ColumnClause[str] = sa.literal_column("(heads #>> '{0,1}')")


def upgrade() -> None:
    op.create_table(
        "retests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("seen", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_name", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("retests_pkey")),
        comment="record: jobs that somebody asked to be run again; run_name answers it, seen are the runs before it",
    )
    op.create_index(
        "retests_open_idx",
        "retests",
        ["org", "repo", "number", "head_sha", "context"],
        unique=True,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_index(op.f("retests_org_repo_number_idx"), "retests", ["org", "repo", "number"], unique=False)
    op.create_table(
        "reading_clock",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("latest", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("reading_clock_pkey")),
        comment="projection: the latest moment that a reading was given by this server's clock; it never goes back",
        postgresql_with={"fillfactor": "50"},
    )
    # What was kept by a clock that was fast must not pass for newer than what comes.
    op.execute("INSERT INTO reading_clock SELECT 'pulls', max(read_at) FROM pull_reads HAVING max(read_at) IS NOT NULL")
    _index_first_runs("purpose = 'first'")
    op.create_table_comment("runs", _RUNS_COMMENT, existing_comment=_OLD_RUNS_COMMENT)


def downgrade() -> None:
    op.create_table_comment("runs", _OLD_RUNS_COMMENT, existing_comment=_RUNS_COMMENT)
    _index_first_runs("purpose = 'first' AND NOT is_forgotten")
    op.drop_index(op.f("retests_org_repo_number_idx"), table_name="retests")
    op.drop_index("retests_open_idx", table_name="retests", postgresql_where=sa.text("answered_at IS NULL"))
    op.drop_table("retests")
    op.drop_table("reading_clock")


def _index_first_runs(which: str) -> None:
    op.drop_index("runs_first_idx", table_name="runs")
    op.create_index("runs_first_idx", "runs", ["org", "repo", "branch", _FIRST_HEAD], postgresql_where=sa.text(which))
