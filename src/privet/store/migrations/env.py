"""Runs migrations on the connection that `store.schema` hands over, inside its transaction. Never offline."""

from alembic import context

from privet.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
