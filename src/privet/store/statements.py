"""The statements of the store, built once for each backend.

The ones that a read runs (`state`, `row`, `rows`, ...) are text, since Core's own compilation costs more than SQLite
takes to answer; the rest are Core. Values are always bound.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    Delete,
    Integer,
    Select,
    Update,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from privet.store import tables as t
from privet.store.prepared import Prepared, prepare

Backend = Literal["sqlite", "postgresql"]
Insert = sqlite.Insert | postgresql.Insert

SUBJECT_COLUMNS = "subject, epoch, keys, keys_rev, facts, facts_rev, fields, fields_rev"
ENTRY_COLUMNS = "pos, id, leaf, sealed, tag, ref, hash"

_STATE = """
SELECT schema, catalogue_digest, controls, controls_rev,
 (SELECT max(epoch) FROM epoch WHERE state = 'open'),
 (SELECT {concat} FROM epoch WHERE state <> 'destroyed'),
 {last}
FROM vault"""
_LAST = "(SELECT pos FROM entry ORDER BY pos DESC LIMIT 1), (SELECT id FROM entry ORDER BY pos DESC LIMIT 1)"


def swap(column: str) -> Update:
    """Compare-and-swap of one column of a subject's row: `:rev` is what the caller saw, the row then has one more."""
    revision = t.subject.c[f"{column}_rev"]
    return (
        update(t.subject)
        .where(t.subject.c.subject == bindparam("of"), revision == bindparam("rev"))
        .values({column: bindparam("value"), revision.name: revision + 1})
    )


@dataclass(frozen=True, kw_only=True)
class Statements:
    """For one backend. Names say what they do; parameters are listed where they are used."""

    state: str
    row: str
    last: str
    lookup_one: str
    insert_entry: str
    insert_subject: Prepared
    insert_lookup: Prepared
    insert_record: Prepared
    insert_consent: Prepared
    insert_ticket: Prepared
    insert_tile: Insert
    insert_number: Insert
    insert_checkpoint: Insert
    insert_erased: Insert
    put_import: Insert
    put_note: Insert
    lookup_holders: Select[Any]
    update_record: Prepared
    swap_keys: Prepared
    swap_facts: Prepared
    swap_fields: Prepared
    find_epoch: Select[Any]


def _new(insert: Any) -> Any:
    """Inserts unless it is there; `rowcount` then tells which."""
    return insert.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def _put(insert: Any, key: Any, value: Any) -> Any:
    return insert.on_conflict_do_update(index_elements=[key], set_={value.name: insert.excluded[value.name]})


def build(backend: Backend) -> Statements:
    """All statements for a backend; pure, and called once at import."""
    insert: Any = sqlite.insert if backend == "sqlite" else postgresql.insert
    mark = "?" if backend == "sqlite" else "%s"
    concat = "group_concat(epoch)" if backend == "sqlite" else "string_agg(epoch::text, ',')"
    tile = insert(t.tile)
    checkpoint = insert(t.checkpoint)
    epoch = select(t.epoch.c.state).where(t.epoch.c.epoch == bindparam("number"))
    return Statements(
        state=_STATE.format(concat=concat, last=_LAST if backend == "sqlite" else "NULL, NULL"),
        row=f"SELECT {SUBJECT_COLUMNS} FROM subject WHERE subject = {mark}",
        last="SELECT pos, id FROM entry ORDER BY pos DESC LIMIT 1",
        lookup_one=f"SELECT value, subject FROM lookup WHERE value = {mark}",
        insert_entry=f"INSERT INTO entry ({ENTRY_COLUMNS}) VALUES ({', '.join([mark] * 7)})",
        insert_subject=prepare(_new(insert(t.subject)), backend),
        insert_lookup=prepare(insert(t.lookup).on_conflict_do_nothing(), backend),
        insert_record=prepare(_new(insert(t.record)), backend),
        insert_consent=prepare(_new(insert(t.consent)), backend),
        insert_ticket=prepare(_new(insert(t.ticket)), backend),
        insert_tile=tile.on_conflict_do_update(
            index_elements=[t.tile.c.level, t.tile.c.n], set_={"hashes": tile.excluded.hashes}
        ),
        insert_number=insert(t.catalogue_number).on_conflict_do_nothing(),
        insert_checkpoint=checkpoint.on_conflict_do_update(
            index_elements=[t.checkpoint.c.size, t.checkpoint.c.origin],
            set_={"note": checkpoint.excluded.note},
        ),
        insert_erased=insert(t.erased).on_conflict_do_nothing(),
        put_import=_put(insert(t.import_run), t.import_run.c.run, t.import_run.c.progress),
        put_note=_put(insert(t.note), t.note.c.key, t.note.c.value),
        lookup_holders=select(t.lookup.c.value, t.lookup.c.subject).where(
            t.lookup.c.value.in_(bindparam("values", expanding=True))
        ),
        update_record=prepare(
            update(t.record)
            .where(
                t.record.c.subject == bindparam("of"),
                t.record.c.collection == bindparam("in_collection"),
                t.record.c.record == bindparam("named"),
                t.record.c.revision == bindparam("before"),
            )
            .values(
                coarse=bindparam("coarse"), revision=bindparam("before") + 1, fields=bindparam("new_fields")
            ),
            backend,
        ),
        swap_keys=prepare(swap("keys").values(epoch=bindparam("new_epoch")), backend),
        swap_facts=prepare(swap("facts"), backend),
        swap_fields=prepare(swap("fields"), backend),
        # FOR SHARE holds off `set_epoch` until this transaction ends; SQLite has one writer anyway.
        find_epoch=epoch.with_for_update(read=True) if backend == "postgresql" else epoch,
    )


RECORDS = select(t.record).order_by(t.record.c.coarse.desc(), t.record.c.collection, t.record.c.record)
LOCK_SUBJECT = select(t.subject.c.subject).where(t.subject.c.subject == bindparam("of")).with_for_update()
"""On SQLite without FOR UPDATE: a write unit has the pen."""
LEDGER = select(t.consent).where(t.consent.c.subject == bindparam("of")).order_by(t.consent.c.seq)
INDEXES_OF = (
    select(t.lookup.c.value, t.lookup.c.subject, t.lookup.c.field, t.lookup.c.epoch)
    .where(t.lookup.c.subject == bindparam("of"))
    .order_by(t.lookup.c.epoch, t.lookup.c.field, t.lookup.c.value)
    .distinct()
)
SUBJECTS = select(t.subject).order_by(t.subject.c.subject)
COUNT_SUBJECTS = select(func.count()).select_from(t.subject)
EPOCHS = select(t.epoch.c.epoch, t.epoch.c.state, t.epoch.c.opened).order_by(t.epoch.c.epoch)
NUMBERS = select(t.catalogue_number)
FIND_IMPORT = select(t.import_run.c.progress).where(t.import_run.c.run == bindparam("of"))
FIND_NOTE = select(t.note.c.value).where(t.note.c.key == bindparam("of"))
FIND_TICKET = select(t.ticket).where(t.ticket.c.id == bindparam("of"))
SWAP_TICKET = (
    update(t.ticket)
    .where(t.ticket.c.id == bindparam("of"), t.ticket.c.sealed == bindparam("before"))
    .values(until=bindparam("new_until"), sealed=bindparam("value"))
)
DELETE_TICKET = delete(t.ticket).where(t.ticket.c.id == bindparam("of"))
DELETE_TICKETS_BEFORE = delete(t.ticket).where(t.ticket.c.until < bindparam("moment"))
DELETE_LOOKUP = delete(t.lookup).where(
    t.lookup.c.value == bindparam("of_value"), t.lookup.c.subject == bindparam("of")
)
DELETE_EPOCH_LOOKUPS = delete(t.lookup).where(t.lookup.c.epoch == bindparam("number"))
DELETE_RECORD = delete(t.record).where(
    t.record.c.subject == bindparam("of"),
    t.record.c.collection == bindparam("in_collection"),
    t.record.c.record == bindparam("named"),
)
ERASED_TABLES: tuple[Delete, ...] = tuple(
    delete(table).where(table.c.subject == bindparam("of"))
    for table in (t.lookup, t.record, t.consent, t.subject)
)
_NEWEST_BLOCK = select(literal_column("max(pos) >> 12")).select_from(t.entry).scalar_subquery()
_FIRST = select(literal_column("0", Integer).label("n")).cte("block", recursive=True)
BLOCKS = select(
    _FIRST.union_all(select(_FIRST.c.n + literal_column("1")).where(_FIRST.c.n < _NEWEST_BLOCK)).c.n
)
"""Every block of entries there is, for a look-up by tag: `entry_tag` begins with the block (tables)."""
CLEAR_ENTRIES = (
    update(t.entry)
    .where(t.entry_block.in_(BLOCKS), t.entry.c.tag == bindparam("tagged"))
    .values(tag=None, ref=None)
)
CLEAR_OUTBOX = update(t.outbox).where(t.outbox.c.tag == bindparam("tagged")).values(tag=None, ref=None)
LOCK_HEAD = select(t.head.c.size, t.head.c.root, t.head.c.frontier).with_for_update()
NAMES_EPOCH = select(t.subject.c.epoch).where(t.subject.c.epoch == bindparam("number")).limit(1)
SET_EPOCH = (
    update(t.epoch)
    .where(t.epoch.c.epoch == bindparam("number"), t.epoch.c.state.in_(bindparam("before", expanding=True)))
    .values(state=bindparam("new_state"))
)
OPEN_EPOCH = t.epoch.insert()
SET_CONTROLS = (
    update(t.vault)
    .where(t.vault.c.controls_rev == bindparam("rev"))
    .values(controls=bindparam("value"), controls_rev=t.vault.c.controls_rev + 1)
)
SET_CATALOGUE = update(t.vault).values(catalogue_digest=bindparam("value"))
