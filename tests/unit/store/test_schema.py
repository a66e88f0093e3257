"""The migrations and the tables say the same."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects.sqlite import dialect

from privet.domain.ports import Store
from privet.store import sqlite_file
from privet.store import tables as t
from privet.store.log_reader import NEWEST_TAGGED
from privet.store.statements import CLEAR_ENTRIES


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
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
            listed = connection.exec_driver_sql(f"PRAGMA index_list({table.name})")
            assert {name for _, name, *_ in listed if not name.startswith("sqlite_")} == {
                index.name for index in table.indexes
            }
    engine.dispose()


def test_a_persons_entries_are_found_by_the_index(store: Store, path: Path) -> None:
    """Both statements that go by a tag search the index, block by block; neither scans the log."""
    store.close()
    connection = sqlite_file.get_driver().connect(path)
    for statement in (NEWEST_TAGGED, CLEAR_ENTRIES):
        text = str(statement.compile(dialect=dialect()))
        plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", (None,) * text.count("?")).fetchall()
        assert any("entry_tag (<expr>=? AND tag=?" in detail for *_, detail in plan), plan
    connection.close()


def test_every_table_is_strict(store: Store, path: Path) -> None:
    """SQLite holds columns to their types, so that bytes are bytes when they come back."""
    store.close()
    connection = sqlite_file.get_driver().connect(path)
    strict = {name: flag for _, name, _, _, _, flag in connection.execute("PRAGMA table_list")}
    connection.close()
    assert {name: strict[name] for name in t.metadata.tables} == dict.fromkeys(t.metadata.tables, 1)
