"""Every statement that Privet sends to PostgreSQL, as the server's own log has it, and what is asked of each.

The scenario calls every method of a unit of work, of the store and of its log; it fails when one is new and not in it.
"""

# ruff: noqa: N802, N815  # visit_… are pglast's names

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pglast import ast, parse_sql
from pglast.visitors import Visitor

from privet.domain.ids import Millis, VaultId, WorkerId
from privet.domain.ports import SubjectRow, TicketRow
from privet.errors import Conflict, PrivetError
from privet.store.copying import load_backup
from privet.store.custody.staging import find_stage
from privet.store.opening import open_store, upgrade_store
from privet.store.unit import Unit
from tests.contract.store.conftest import VAULT
from tests.contract.store.rows import T0, Rows
from tests.services.postgres import PostgresServer

LOGGED = {
    "log_statement": "all",
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "statements",
    "log_min_error_statement": "panic",
}
DISTRIBUTED = {
    "subject": "subject",
    "record": "subject",
    "consent": "subject",
    "lookup": "value",
    "ticket": "id",
    "outbox": "stream",
    "stream": "stream",
}
"""By which column each large table is distributed; the others are small and everywhere, or the log, which is one."""
SWEEPS = {"subject", "lookup", "ticket", "outbox", "stream"}
"""Also asked as a whole, by rotation, retention and the sequencer: never on the way of a read or a write."""
_EXECUTED = re.compile(r"^(?:statement|execute [^:]+): (.*)$", re.DOTALL)


def collect(server: PostgresServer) -> list[str]:
    """The distinct statements of the scenario, in order."""
    url = server.url(server.create_database())
    run(url, server.url(server.create_database()), server.home)
    names = {url.rpartition("/")[2]}
    seen: dict[str, None] = {}
    for file in sorted((server.home / "data" / "statements").glob("*.json")):
        for line in file.read_text().splitlines():
            told = json.loads(line)
            found = _EXECUTED.match(told.get("message", ""))
            if found and str(told.get("application_name", "")).startswith("privet") and names:
                seen[" ".join(found.group(1).split())] = None
    return list(seen)


def run(url: str, fresh: str, home: Path) -> None:
    """Everything that a store does."""
    called: set[str] = set()
    store = open_at(url, create=True)
    rows = Rows(7)
    with store.write() as unit:
        watch(unit, called)
        unit.open_epoch(1, T0)
    people = [rows.row() for _ in range(3)]
    index = rows.index(people[0].subject)
    shared = rows.index(people[1].subject)
    ticket = TicketRow(rows.noise(32), Millis(5), b"x")
    with store.write() as unit:
        watch(unit, called)
        unit.expect(lambda: ([people[0].subject], [index.value]))
        unit.state()
        for row in people:
            unit.insert_subject(row)
        unit.insert_indexes([index], unique=True)
        unit.insert_indexes([shared], unique=False)
        unit.upsert_record(rows.record(people[0].subject))
        unit.append_ledger(rows.ledger(people[0].subject))
        unit.set_catalogue("digest", {("field", "a"): 1})
        unit.set_controls(0, b"c")
        unit.set_import_progress(b"run", b"p")
        unit.set_service_note("k", b"v")
        unit.insert_ticket(ticket)
        unit.append(rows.entries(3))
    record = rows.record(people[0].subject)
    with store.write() as unit:
        watch(unit, called)
        person = people[0].subject
        unit.state()
        assert unit.lock_subject(person)
        unit.find_subjects([index.value])
        unit.find_subjects([index.value, shared.value])
        unit.find_rows([person])
        unit.find_rows([row.subject for row in people])
        for window in ({}, {"since": 1, "until": 900, "limit": 1}, {"limit": 1}):
            unit.records(person, 7, **window)
        unit.records(person)
        unit.find_record(person, 7, record.record)
        unit.ledger(person)
        unit.indexes_of(person)
        unit.subjects_after(None, 2)
        unit.subjects_after(person, 2, epoch=1)
        unit.count_subjects()
        unit.count_subjects(epoch=1)
        unit.epochs()
        unit.numbers()
        unit.import_progress(b"run")
        unit.find_service_note("k")
        unit.find_ticket(ticket.id)
        unit.swap_ticket(ticket, ticket._replace(sealed=b"y"))
        unit.delete_tickets_before(Millis(1))
        assert unit.delete_ticket(ticket.id)
        unit.upsert_record(record)
        unit.upsert_record(record._replace(revision=2))
        unit.delete_record(person, 7, record.record)
        unit.swap_facts(person, 1, b"f")
        unit.swap_fields(person, 1, b"g")
        unit.swap_keys(person, 1, 1, b"k")
        unit.delete_indexes([(index.value, person)])
        unit.append([rows.entry()])
    tag = rows.noise(32)
    with store.write() as unit:
        watch(unit, called)
        unit.append([rows.entry(tag)])
    store.sequence()
    with store.write() as unit:
        watch(unit, called)
        unit.erase_subject(people[1].subject, tag)
        unit.open_epoch(2, T0)
        unit.set_epoch(1, "closing")
        unit.delete_epoch_indexes(1)
        for row in (people[0], people[2]):
            unit.swap_keys(row.subject, 2 if row is people[0] else 1, 2, b"k")
        unit.set_epoch(1, "destroyed")
    with suppress(Conflict), store.write() as unit:
        unit.insert_subject(SubjectRow(*people[1]))
    missing = {name for name in vars(Unit) if not name.startswith("_")} - called
    assert not missing, f"not in the scenario: {missing}"
    read_log(store, rows, tag)
    maintain(store, url, fresh, home, rows)


def read_log(store: Any, rows: Rows, tag: bytes) -> None:
    with store.write() as unit:
        unit.append(rows.entries(300))
    store.sequence()
    log = store.log
    size = log.size()
    entries = list(log.entries(0, size))
    list(log.entries_newest())
    list(log.entries_newest(size - 2, tag=tag))
    log.find_entry(entries[0].id)
    log.find_position(1)
    log.leaf_hashes(0, size)
    log.read_tile(0, 0)
    log.read_part(0, 1, 3)
    log.lag()
    log.origin()
    store.add_checkpoint(size, "o\n1\n\nsigned")
    list(log.checkpoints())


def maintain(store: Any, url: str, fresh: str, home: Path, rows: Rows) -> None:
    store.checkpoint_files()
    store.restart_log("o2")
    backup = home / "backup.db"
    store.backup(str(backup))
    store.close()
    upgrade_store(url)
    stage = find_stage(fresh)
    restored = open_at(fresh, create=True)
    stage.mark(restored, "token")
    load_backup(backup, restored)
    restored.close()
    with suppress(PrivetError):
        open_at(fresh)
    stage.publish(T0)
    again = open_at(fresh)
    # A worker that lost its connection asks whether what it was told is still there.
    with again.write() as unit:
        unit.append([rows.entry()])
    again._pool.drop_idle()
    with again.write() as unit:
        unit.state()
    stage.mark(again, "token")
    again.close()
    stage.discard("token")


def open_at(url: str, *, create: bool = False) -> Any:
    return open_store(
        url,
        create=create,
        vault=VaultId(VAULT),
        worker=WorkerId(os.urandom(16)),
        origin="o",
        clock=lambda: T0,
        randomness=os.urandom,
    )


def watch(unit: Any, called: set[str]) -> None:
    """Notes which methods are called from now on."""
    for name in [name for name in vars(Unit) if not name.startswith("_")]:
        real = getattr(unit, name)

        def noted(*args: Any, _real: Any = real, _name: str = name, **kwargs: Any) -> Any:
            called.add(_name)
            return _real(*args, **kwargs)

        setattr(unit, name, noted)


class _Rules(Visitor):
    """Collects what is not allowed in one statement."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def visit_CreateTrigStmt(self, *_: Any) -> None:
        self.faults.append("a trigger")

    def visit_CreateFunctionStmt(self, *_: Any) -> None:
        self.faults.append("a stored procedure")

    visit_DoStmt = visit_CreateFunctionStmt

    def visit_CreateSeqStmt(self, *_: Any) -> None:
        self.faults.append("a sequence")

    def visit_ListenStmt(self, *_: Any) -> None:
        self.faults.append("LISTEN")

    visit_NotifyStmt = visit_ListenStmt

    def visit_LockStmt(self, *_: Any) -> None:
        self.faults.append("a table lock")

    def visit_LockingClause(self, _: Any, node: ast.LockingClause) -> None:
        if node.waitPolicy and node.waitPolicy.name != "LockWaitBlock":
            self.faults.append(f"{node.waitPolicy.name}")

    def visit_Constraint(self, _: Any, node: Any) -> None:
        if node.deferrable or node.initdeferred:
            self.faults.append("a deferrable constraint")
        if node.contype.name == "CONSTR_FOREIGN":
            self.faults.append("a foreign key")
        if node.contype.name == "CONSTR_IDENTITY":
            self.faults.append("a sequence")

    def visit_ColumnDef(self, _: Any, node: Any) -> None:
        if node.typeName is not None and node.typeName.names[-1].sval.endswith("serial"):
            self.faults.append("a sequence")

    def visit_FuncCall(self, _: Any, node: Any) -> None:
        name = node.funcname[-1].sval
        if "advisory" in name or name in VOLATILE:
            self.faults.append(f"the function {name}")


VOLATILE = {"now", "clock_timestamp", "random", "gen_random_uuid", "nextval", "txid_current", "pg_notify"}


def faults(statement: str) -> Iterator[str]:
    """What of our own rules a statement breaks (docs/scale.md)."""
    rules = _Rules()
    for raw in parse_sql(statement):
        rules(raw)
        yield from rules.faults
        yield from _key_faults(raw.stmt)


def _key_faults(statement: Any) -> Iterator[str]:
    node: Any = statement  # in pglast's types every part may be missing
    if isinstance(statement, ast.CreateStmt):
        table = node.relation.relname
        keys = [
            _sval(element.keys)
            for element in node.tableElts or ()
            if isinstance(element, ast.Constraint) and _kind(element) in ("CONSTR_PRIMARY", "CONSTR_UNIQUE")
        ]
        if table in DISTRIBUTED and keys != [DISTRIBUTED[table]]:
            yield f"{table}: a key that does not begin with {DISTRIBUTED[table]}"
    if isinstance(statement, ast.IndexStmt) and node.unique and node.relation.relname in DISTRIBUTED:
        yield f"{node.relation.relname}: a unique index beside its key"
    if isinstance(statement, ast.SelectStmt | ast.UpdateStmt | ast.DeleteStmt) and not _is_count(node):
        for table, names in _asked(node):
            if table in DISTRIBUTED and table not in SWEEPS and DISTRIBUTED[table] not in names:
                yield f"{table}: asked without {DISTRIBUTED[table]}"


def _kind(constraint: Any) -> str:
    return str(constraint.contype.name)


def _sval(names: Any) -> str:
    return str(names[0].sval)


def _is_count(node: Any) -> bool:
    """A backup counts what it will copy."""
    targets: Any = node.targetList if type(node) is ast.SelectStmt else None
    return (
        targets is not None
        and node.whereClause is None
        and all(isinstance(target.val, ast.FuncCall) and target.val.agg_star for target in targets)
    )


def _asked(node: Any) -> Iterator[tuple[str, set[str]]]:
    """(table, columns its condition compares) for a statement on one table."""
    tables: list[Any] = [node.relation] if hasattr(node, "relation") else list(node.fromClause or ())
    names: set[str] = set()

    class Columns(Visitor):
        def visit_A_Expr(self, _: Any, expression: ast.A_Expr) -> None:
            column: Any = expression.lexpr
            if isinstance(expression.lexpr, ast.ColumnRef):
                names.add(column.fields[-1].sval)

    if node.whereClause is not None:
        Columns()(node.whereClause)
    for table in tables:
        if isinstance(table, ast.RangeVar):
            yield str(table.relname), names
