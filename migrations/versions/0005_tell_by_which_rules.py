"""Tell by which rules each decision was made.

It is added beside what is there: a process of the older version goes on writing, and what it writes is of version 0.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("rules_version", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("decisions", "rules_version")
