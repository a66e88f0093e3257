"""How many statements the way of a read takes."""

from privet.domain.ports import Store
from tests.contract.store.rows import Rows
from tests.contract.store.statements import counted


def one_read(store: Store, rows: Rows, subject: bytes) -> list[str]:
    with counted(store) as seen, store.write() as unit:
        unit.state()
        found = unit.find_subjects([subject])
        unit.find_rows([subject for held in found.values() for subject in held] or [rows.subject()])
        unit.append([rows.entry()])
    return seen


def test_a_read_is_four_statements(store: Store, rows: Rows) -> None:
    """State, look-up, row and entry; no more, once the stream is known."""
    one_read(store, rows, rows.noise(32))
    seen = one_read(store, rows, rows.noise(32))
    assert len(seen) == 4
    assert seen[-1].startswith("INSERT INTO ")


def test_present_and_absent_people_cost_the_same_statements(store: Store, rows: Rows) -> None:
    """Same statements for somebody and for nobody."""
    row = rows.row()
    index = rows.index(row.subject)
    with store.write() as unit:
        unit.insert_subject(row)
        unit.insert_indexes([index], unique=True)
    one_read(store, rows, rows.noise(32))
    assert one_read(store, rows, index.value) == one_read(store, rows, rows.noise(32))


def test_a_batch_is_as_many_statements_as_one_read(store: Store, rows: Rows) -> None:
    """A hundred rows and entries take no more statements than one (SQLite's trace shows each inserted row)."""
    subjects = [rows.subject() for _ in range(100)]
    one_read(store, rows, rows.noise(32))
    with counted(store) as seen, store.write() as unit:
        unit.state()
        unit.find_rows(subjects)
        unit.append(rows.entries(100))
    assert len([shape for shape in seen if shape.startswith("SELECT")]) == 2
    assert len(set(seen)) == 3
