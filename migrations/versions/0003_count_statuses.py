"""Count the statuses that each commit has got: GitHub takes no more than 1,000 of a context."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "statuses",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("sha", sa.Text(), nullable=False),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org", "repo", "sha", name=op.f("statuses_pkey")),
        comment="record: how many of our statuses each commit has got; GitHub takes no more than 1,000",
        postgresql_with={"fillfactor": "50"},
    )


def downgrade() -> None:
    op.drop_table("statuses")
