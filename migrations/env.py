"""How alembic runs the revisions: on the connection that the program gives, or for developers on TIDE_DATABASE_URL."""

import os
from typing import Literal

from alembic import context
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import Connection

from tide.adapters.postgres.engine import normalise_url
from tide.adapters.postgres.schema import Moment, metadata


def render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our own type as the one that it stands for: a revision must not change when the code does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Moment) else False


def run(connection: Connection) -> None:
    """Run the revisions that the command asks for, in the transaction that the connection may already be in."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        render_item=render,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(normalise_url(os.environ["TIDE_DATABASE_URL"]), poolclass=NullPool)
    with engine.begin() as own:
        run(own)
