"""The private PostgreSQL that other tests rely on."""

import psycopg
import pytest

from tests.services.postgres import PostgresServer

pytestmark = pytest.mark.postgres


def _dsn(url: str) -> str:
    return url.replace("+psycopg", "", 1)


def test_a_fresh_database_is_durable_and_empty(postgres_url: str) -> None:
    """fsync is on, the encoding is UTF-8, the clock is UTC, and nothing is in it."""
    with psycopg.connect(_dsn(postgres_url)) as connection:
        for name, value in {"fsync": "on", "server_encoding": "UTF8", "TimeZone": "UTC"}.items():
            row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            assert row == (value,)
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert row == (0,)


def test_a_committed_row_survives_a_crash() -> None:
    """crash() loses nothing that was committed, and start() brings the same cluster back."""
    with PostgresServer() as server:
        url = _dsn(server.url())
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (7)")
        server.crash()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_database_can_be_copied_from_a_template(postgres_server: PostgresServer) -> None:
    """A migrated database serves as the template of others."""
    template = postgres_server.create_database()
    with psycopg.connect(_dsn(postgres_server.url(template))) as connection:
        connection.execute("CREATE TABLE made (n int)")
    copy = postgres_server.create_database(template)
    with psycopg.connect(_dsn(postgres_server.url(copy))) as connection:
        assert connection.execute("SELECT count(*) FROM made").fetchone() == (0,)
    for name in (copy, template):
        postgres_server.drop_database(name)
