"""What we send to PostgreSQL, judged by its parser, by CockroachDB's, and by our own rules (docs/scale.md)."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.store.portable import DISTRIBUTED, LOGGED, collect, faults
from tests.services.parts import miss
from tests.services.postgres import PostgresServer, PostgresUnavailable

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

PARSER = Path(__file__).parents[3] / ".tools" / "bin" / "cockroach-parse"
MAINTENANCE = ("VACUUM", "SET statement_timeout", "SHOW fsync")
"""Not sent to a server that is not PostgreSQL itself: docs/scale.md says what it has instead."""
DRIVER = ("pg_catalog.", "SHOW ", "show ", "DEALLOCATE")
"""SQLAlchemy's and Alembic's looks at the catalogue, for which each of these databases has the tables."""


@pytest.fixture(scope="module")
def statements() -> list[str]:
    """Every statement, as a server's log has it."""
    try:
        server = PostgresServer(LOGGED)
    except PostgresUnavailable as error:
        miss("postgres", str(error))
    with server:
        return collect(server)


def test_the_collection_is_whole(statements: list[str]) -> None:
    """Every prepared statement and every table was seen, so that what is judged is what is sent."""
    from privet.store import postgresql_statements
    from privet.store.wire import Statement

    seen = set(statements)
    prepared = [value for value in vars(postgresql_statements).values() if isinstance(value, Statement)]
    missing = [
        s.text for s in prepared if " ".join(s.text.split()) not in seen and "set_config" not in s.text
    ]
    assert not missing
    assert len(statements) > 90
    for table in DISTRIBUTED:
        assert any(s.startswith(f"CREATE TABLE {table} ") for s in statements), table


def test_each_keeps_our_rules(statements: list[str]) -> None:
    """PostgreSQL's grammar, keys by what a table is distributed by, and none of what distributed ones lack."""
    broken = [
        (fault, statement)
        for statement in statements
        if not any(word in statement for word in DRIVER)
        for fault in faults(statement)
    ]
    assert not broken


@pytest.mark.parametrize(
    "statement, fault",
    [
        ("SELECT * FROM outbox FOR UPDATE SKIP LOCKED", "LockWaitSkip"),
        ("SELECT pg_advisory_xact_lock(1)", "advisory"),
        ("UPDATE subject SET facts_rev = random() WHERE subject = $1", "random"),
        ("CREATE TABLE record (id bytea, subject bytea, PRIMARY KEY (id))", "does not begin with subject"),
        ("CREATE UNIQUE INDEX x ON subject (epoch)", "unique index"),
        ("SELECT * FROM record WHERE collection = $1", "without subject"),
        ("CREATE TABLE t (id serial)", "sequence"),
        ("LISTEN x", "LISTEN"),
    ],
)
def test_the_rules_find_what_breaks_them(statement: str, fault: str) -> None:
    """Each rule refuses an example."""
    assert any(fault in found for found in faults(statement))


def test_cockroachdb_parses_each(statements: list[str]) -> None:
    """By its own parser, all but what is left out on it."""
    if not PARSER.exists() and shutil.which("cockroach-parse") is None:
        miss(
            "cockroach-parse", "CockroachDB's parser is not built: run `make tools` (needs Go 1.26 or later)"
        )
    parser = str(PARSER) if PARSER.exists() else "cockroach-parse"
    sent = [statement for statement in statements if not statement.startswith(MAINTENANCE)]
    done = subprocess.run(
        [parser], input="\0".join(sent), capture_output=True, text=True, timeout=60, check=False
    )
    refused = [(line, sent[int(line.partition(":")[0])]) for line in done.stdout.splitlines()]
    assert not refused, done.stderr
    broken = subprocess.run(
        [parser], input="SELEC 1", capture_output=True, text=True, timeout=60, check=False
    )
    assert broken.returncode == 1
