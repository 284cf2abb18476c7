"""Let one replica lead: leases, the hints that wait for the leader, and the tokens of intents.

All of it is added beside what is there, with defaults: a process of the older version goes on writing to it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("leases_pkey")),
        comment="lock: the replica that acts, until expires_at by this server's clock; token grows with each change",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "hints",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sha", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("hints_pkey")),
        comment="projection: where webhooks say to look, until the leader has looked; a round finds what is lost of it",
    )
    op.add_column("intents", sa.Column("token", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("intents", sa.Column("latest_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("runs_base_sha_idx"), "runs", ["base_sha"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("runs_base_sha_idx"), table_name="runs")
    op.drop_column("intents", "latest_at")
    op.drop_column("intents", "token")
    op.drop_table("hints")
    op.drop_table("leases")
