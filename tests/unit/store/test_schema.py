"""The migrations and the tables say the same."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from privet.domain.ports import Store
from privet.store import sqlite_file
from privet.store import tables as t


def test_migrations_make_the_tables_that_the_code_uses(store: Store, path: Path) -> None:
    """No table, column or index differs between the history and `store.tables`."""
    store.close()
    engine = create_engine(f"sqlite:///{path}", module=sqlite_file.get_driver())
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), t.metadata) == []
        found = inspect(connection)
        for table in t.metadata.sorted_tables:
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key
            ]
            assert {index["name"] for index in found.get_indexes(table.name)} == {
                index.name for index in table.indexes
            }
    engine.dispose()


def test_every_table_is_strict(store: Store, path: Path) -> None:
    """SQLite holds columns to their types, so that bytes are bytes when they come back."""
    store.close()
    connection = sqlite_file.get_driver().connect(path)
    strict = {name: flag for _, name, _, _, _, flag in connection.execute("PRAGMA table_list")}
    connection.close()
    assert {name: strict[name] for name in t.metadata.tables} == dict.fromkeys(t.metadata.tables, 1)
