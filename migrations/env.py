"""How alembic runs the revisions: on the connection that the program gives, or for developers on TIDE_DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import Connection

from tide.adapters.postgres.engine import normalise_url
from tide.adapters.postgres.schema import metadata


def run(connection: Connection) -> None:
    """Run the revisions that the command asks for, in the transaction that the connection may already be in."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
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
