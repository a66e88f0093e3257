"""The reads of `embedded` on a private PostgreSQL on loopback, the vault and each twin in a database of its own."""

import tempfile
from pathlib import Path

from sqlalchemy import create_engine

from tests.bench import embedded
from tests.bench.figures import Figure
from tests.services.postgres import PostgresServer


def run(*, quick: bool) -> list[Figure]:
    """Raises PostgresUnavailable where there is none."""
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as home, PostgresServer() as server:
        return embedded.measure(
            "postgresql",
            Path(home),
            lambda _: create_engine(server.url(server.create_database())),
            quick=quick,
            database_url=server.url(server.create_database()),
        )
