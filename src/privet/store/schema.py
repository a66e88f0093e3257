"""Making and upgrading the schema by Alembic, run by the program. Slow to import: only creation and upgrade do.

A migration runs in one transaction, so that a crash leaves the old schema or the new one.
"""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, update

from privet.store import tables as t


def migrate(connection: Connection) -> None:
    """Brings the connection's database to the newest schema, inside the transaction it has begun."""
    config = Config()
    config.set_main_option("script_location", "privet.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.execute(update(t.vault).values(schema=t.SCHEMA))


def is_empty(connection: Connection) -> bool:
    """Whether the database has no table at all."""
    return not inspect(connection).get_table_names()
