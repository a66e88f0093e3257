# ruff: noqa: E501 - rows of files are as long as they are
"""Import: streamed, resumable, idempotent; bad rows are told of and the rest goes in."""

import csv
import json
import resource
import stat
from pathlib import Path

import pytest

from privet import Vault, by
from privet.bootstrap.importing.rejects import Rejects
from privet.bootstrap.importing.run import Importer, ImportSummary
from privet.bootstrap.importing.source import BadRow
from privet.bootstrap.subjects import get_subject
from privet.errors import IntegrityError, InvalidInput, NotFound, Unavailable

PEOPLE = """
subject: {lookup: crm_id, column: customer}
fields: {given_name: first_name, email: mail, size: shoe}
consents: {marketing.email: {column: opted_in, date: since, source: where}}
purpose: enrolment
"""
PURCHASES = """
subject: {lookup: crm_id, column: customer}
collection: {name: purchases, time: date, key: invoice, fields: {title: item, amount: dollars}}
purpose: enrolment
"""
HEADER = "customer,first_name,mail,shoe,opted_in,since,where\n"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def adds_up(summary: ImportSummary) -> bool:
    return summary.rows == summary.imported + summary.unchanged + summary.rejected


def rejects(summary: ImportSummary) -> list[list[str]]:
    assert summary.rejects is not None
    with Path(summary.rejects).open(newline="") as file:
        return list(csv.reader(file))


def test_people_and_their_consents_go_in(vault: Vault, tmp_path: Path) -> None:
    """Each row is a person with her values and what she had consented to, with its date."""
    file = write(
        tmp_path / "p.csv",
        HEADER + "C1,Ann,ann@example.org,38,yes,2025-01-02,form 7\nC2,Bo,,,no,,\nC3,Cy,cy@example.org,,,,\n",
    )
    summary = vault.steward().import_file(file, write(tmp_path / "map.yaml", PEOPLE))
    assert (summary.rows, summary.imported, summary.created, summary.consents) == (3, 3, 3, 2)
    ann = vault.customer(by(crm_id="C1"))
    assert dict(ann.profile()) == {
        "crm_id": "C1",
        "given_name": "Ann",
        "email": "ann@example.org",
        "size": 38,
    }
    said = {c.purpose: c for c in ann.consents()}["marketing.email"]
    assert said.status == "given"
    assert said.at is not None
    assert said.at.isoformat().startswith("2025-01-02")
    assert {c.purpose: c.status for c in vault.customer(by(crm_id="C2")).consents()}[
        "marketing.email"
    ] == "refused"
    assert {c.purpose: c.status for c in vault.customer(by(crm_id="C3")).consents()}[
        "marketing.email"
    ] == "unknown"
    assert (
        vault.service("letters")
        .fetch(by(email="ANN@example.org"), purpose="marketing.email", fields=["email"])
        .values
    )


def test_bad_rows_are_named_and_the_rest_goes_in(vault: Vault, tmp_path: Path) -> None:
    """The rejects file has line, column and reason, mode 0600, and no value."""
    good = "C1,Ann,ann@example.org,38,yes,,\n"
    text = (
        (HEADER + good).encode()
        + b"C2,Bo,not-an-address,38,yes,,\n"
        + b"C3,Cy,cy@example.org,big,yes,,\n"
        + b"C4,Di\n"
        + b"C5,Ed\xff\xfe,ed@example.org,40,yes,,\n"
        + b",Flo,flo@example.org,40,yes,,\n"
        + b"C6,Gus,ann@example.org,40,yes,,\n"
        + b"C7,Hal\x00,hal@example.org,40,yes,,\n"
        + b"C8,Ida,ida@example.org,40,maybe,,\n"
        + b"C9,Jo,jo@example.org,40,yes,,\n"
    )
    summary = vault.steward().import_file(
        write(tmp_path / "p.csv", text), write(tmp_path / "map.yaml", PEOPLE)
    )
    assert adds_up(summary)
    assert (summary.rows, summary.imported, summary.rejected) == (10, 2, 8)
    told = rejects(summary)
    assert told[0] == ["line", "column", "reason"]
    assert [row[:2] for row in told[1:]] == [
        ["3", "mail"], ["4", "shoe"], ["5", ""], ["6", "first_name"], ["7", "customer"], ["8", ""], ["9", "first_name"],
        ["10", "opted_in"],
    ]  # fmt: skip
    body = Path(summary.rejects or "").read_text()
    assert "ann@example.org" not in body
    assert "not-an-address" not in body
    assert stat.S_IMODE(Path(summary.rejects or "").stat().st_mode) == 0o600
    with pytest.raises(NotFound):
        vault.customer(by(crm_id="C6"))


def test_an_import_never_overrides_what_she_said(vault: Vault, tmp_path: Path) -> None:
    """A yes in a file, after she has withdrawn, changes nothing."""
    columns = write(tmp_path / "map.yaml", PEOPLE)
    vault.steward().import_file(
        write(tmp_path / "a.csv", HEADER + "C1,Ann,ann@example.org,38,yes,,\n"), columns
    )
    vault.customer(by(crm_id="C1")).withdraw("marketing.email")
    again = vault.steward().import_file(
        write(tmp_path / "b.csv", HEADER + "C1,Ann,ann@example.org,38,yes,,\n\n"), columns
    )
    assert again.consents == 0
    assert {c.purpose: c.status for c in vault.customer(by(crm_id="C1")).consents()}[
        "marketing.email"
    ] == "withdrawn"


def test_the_same_file_twice_changes_nothing(vault: Vault, tmp_path: Path) -> None:
    """A finished run is known by its content; the same rows in another file are unchanged."""
    columns = write(tmp_path / "map.yaml", PEOPLE)
    text = HEADER + "C1,Ann,ann@example.org,38,yes,,\nC2,Bo,bo@example.org,,,,\n"
    first = vault.steward().import_file(write(tmp_path / "a.csv", text), columns)
    second = vault.steward().import_file(tmp_path / "a.csv", columns)
    third = vault.steward().import_file(write(tmp_path / "b.csv", text + "C3,Cy,,,,,\n"), columns)
    assert (second.imported, second.resumed) == (first.imported, 2)
    assert (third.imported, third.unchanged, third.created) == (1, 2, 1)


def test_a_stopped_run_goes_on_where_it_was(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between batches, the next run does the rest; counts and rejects are of the whole."""
    monkeypatch.setattr("privet.bootstrap.importing.run.BATCH", 10)
    rows = "".join(f"C{i},N{i},{'bad' if i % 7 == 3 else f'n{i}@example.org'},,,,\n" for i in range(95))
    file, columns = write(tmp_path / "p.csv", HEADER + rows), write(tmp_path / "map.yaml", PEOPLE)
    calls = 0

    def stop(_done: int, _all: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Importer(vault.parts).run(file, columns, progress=stop)
    summary = vault.steward().import_file(file, columns)
    assert summary.resumed == 40
    assert adds_up(summary)
    assert (summary.rows, summary.rejected) == (95, 14)
    assert len(rejects(summary)) == 15
    assert len({row[0] for row in rejects(summary)}) == 15


def test_records_have_their_key_or_their_content_as_identity(vault: Vault, tmp_path: Path) -> None:
    """With a key, the same invoice twice is one record; without, two equal rows of a file are two."""
    vault.steward().import_file(
        write(tmp_path / "p.csv", HEADER + "C1,Ann,ann@example.org,,,,\n"),
        write(tmp_path / "m1.yaml", PEOPLE),
    )
    purchases = "customer,date,invoice,item,dollars\nC1,2025-03-01,I1,Hat,10.50\nC1,2025-03-02,I2,Cap,5\nC1,2025-03-01,I1,Hat,11\n"
    done = vault.steward().import_file(
        write(tmp_path / "b.csv", purchases), write(tmp_path / "m2.yaml", PURCHASES)
    )
    assert (done.imported, done.records) == (3, 2)
    calls = "customer,at,topic\n" + "C1,2025-03-01T09:00:00Z,delivery\n" * 2
    keyless = "subject: {lookup: crm_id, column: customer}\ncollection: {name: calls, time: at, fields: {topic: topic}}\npurpose: enrolment\n"
    again = vault.steward().import_file(
        write(tmp_path / "c.csv", calls), write(tmp_path / "m3.yaml", keyless)
    )
    assert again.records == 2
    repeated = vault.steward().import_file(write(tmp_path / "d.csv", calls + "\n"), tmp_path / "m3.yaml")
    assert (repeated.records, repeated.unchanged) == (0, 2)
    profile = vault.customer(by(crm_id="C1")).profile()
    assert [str(r["amount"]) for r in profile.collections["purchases"]] == ["5", "11"]
    assert len(profile.collections["calls"]) == 2


def test_a_file_of_records_enrols_nobody(vault: Vault, tmp_path: Path) -> None:
    """A purchase of somebody unknown is rejected: there is no profile to add it to."""
    file = write(tmp_path / "b.csv", "customer,date,invoice,item,dollars\nC9,2025-03-01,I1,Hat,10\n")
    done = vault.steward().import_file(file, write(tmp_path / "m.yaml", PURCHASES))
    assert (done.imported, done.rejected) == (0, 1)
    with pytest.raises(NotFound):
        vault.customer(by(crm_id="C9"))


def test_json_lines_are_read_as_well(vault: Vault, tmp_path: Path) -> None:
    """JSON types are taken as they are; what is no object, too deep or too long is rejected."""
    lines = [
        json.dumps(
            {"customer": "C1", "first_name": "Ann", "mail": "ann@example.org", "shoe": 38, "opted_in": True}
        ),
        json.dumps(["not", "an", "object"]),
        "[" * 5000 + "]" * 5000,
        "{broken",
        json.dumps({"customer": "C2", "first_name": {"deep": 1}}),
        json.dumps({"customer": "C3", "first_name": "x" * (2 << 20)}),
        '{"customer": "C4", "first_name": "\\ud800"}',
        json.dumps({"customer": "C5", "shoe": "38"}),
        json.dumps({"customer": "C6"}),
    ]
    done = vault.steward().import_file(
        write(tmp_path / "p.jsonl", "\n".join(lines)), write(tmp_path / "m.yaml", PEOPLE)
    )
    assert adds_up(done)
    assert [int(row[0]) for row in rejects(done)[1:]] == [2, 3, 4, 5, 6, 7, 8]
    assert vault.customer(by(crm_id="C1")).profile()["size"] == 38


def test_a_long_line_and_an_open_quote_do_not_swallow_the_file(vault: Vault, tmp_path: Path) -> None:
    """Ten megabytes on one line are skipped, not held; what follows is read."""
    text = HEADER + "C1,Ann,,,,,\n" + "x" * (10 << 20) + "\n" + "C2,Bo,,,,,\n" + 'C3,"open,,,,,\n'
    done = vault.steward().import_file(write(tmp_path / "p.csv", text), write(tmp_path / "m.yaml", PEOPLE))
    assert (done.imported, done.rejected) == (2, 2)
    assert [row[0] for row in rejects(done)[1:]] == ["3", "5"]


BAD_MAPS = [
    ("subject: {lookup: crm, column: customer}\nfields: {given_name: a}\npurpose: enrolment\n", 'm.yaml:1: subject.lookup: there is no unique look-up "crm"; did you mean "crm_id"?'),
    ("subject: {lookup: crm_id, column: customer}\nfields: {given_nme: a}\npurpose: enrolment\n", "m.yaml:2: fields.given_nme"),
    ("subject: {lookup: crm_id, column: customer}\nfields: {given_name: a}\npurpose: enrollment\n", "m.yaml:3: purpose"),
    ("subject: {lookup: crm_id, column: customer}\npurpose: enrolment\n", "maps nothing"),
    ("subject: {lookup: crm_id, column: customer}\ncollection: {name: purchases, time: t, fields: {title: a}}\npurpose: enrolment\n", "collection.key"),
    ("subject: {lookup: crm_id, column: customer}\nconsents: {resale: x}\npurpose: enrolment\n", "consents.resale"),
    ("subject: {lookup: phone, column: c}\nfields: {given_name: a}\npurpose: enrolment\n", "unique look-up"),
    ("subject: 7\nfields: []\npurpose: enrolment\nextra: 1\n", "m.yaml:4: extra"),
    (": : :", "m.yaml:1"),
]  # fmt: skip


@pytest.mark.parametrize("text, said", BAD_MAPS)
def test_a_bad_map_is_refused_by_file_line_key_and_fix(
    vault: Vault, tmp_path: Path, text: str, said: str
) -> None:
    """Before any row is read."""
    file = write(tmp_path / "p.csv", HEADER)
    with pytest.raises(InvalidInput) as refused:
        vault.steward().import_file(file, write(tmp_path / "m.yaml", text))
    assert said in str(refused.value)


def test_a_missing_column_is_refused_by_name(vault: Vault, tmp_path: Path) -> None:
    """With the column that was probably meant."""
    file = write(tmp_path / "p.csv", HEADER.replace("mail", "email"))
    with pytest.raises(InvalidInput, match=r'p\.csv:1: there is no column "mail"; did you mean "email"'):
        vault.steward().import_file(file, write(tmp_path / "m.yaml", PEOPLE))


def test_no_file_is_unavailable(vault: Vault, tmp_path: Path) -> None:
    """Neither a map nor a file that is not there ends in a traceback of the system's."""
    columns = write(tmp_path / "m.yaml", PEOPLE)
    with pytest.raises(Unavailable):
        vault.steward().import_file(tmp_path / "none.csv", columns)
    with pytest.raises(Unavailable):
        vault.steward().import_file(columns, tmp_path / "none.yaml")
    with pytest.raises(InvalidInput, match="empty"):
        vault.steward().import_file(write(tmp_path / "e.csv", ""), columns)


def test_every_import_is_logged_for_the_person(vault: Vault, tmp_path: Path) -> None:
    """She sees that the steward loaded her data, and which fields."""
    file = write(tmp_path / "p.csv", HEADER + "C1,Ann,ann@example.org,38,yes,,\n")
    vault.steward().import_file(file, write(tmp_path / "m.yaml", PEOPLE))
    acts = [(a.act, a.service) for a in vault.customer(by(crm_id="C1")).accesses()]
    assert ("import", "steward") in acts
    assert ("consent", "steward") in acts


def test_a_person_whose_row_does_not_open_does_not_stop_the_file(vault: Vault, tmp_path: Path) -> None:
    """She is a rejected row with a reason; the rest goes in."""
    vault.steward().import_file(
        write(tmp_path / "a.csv", HEADER + "C1,Ann,,,,,\n"), write(tmp_path / "map.yaml", PEOPLE)
    )
    subject = get_subject(vault.parts, by(crm_id="C1"))
    with vault.parts.store.write() as unit:
        unit.swap_facts(subject, unit.find_rows([subject])[subject].facts_rev, b"not facts")
    summary = vault.steward().import_file(
        write(tmp_path / "b.csv", HEADER + "C1,Anna,,,,,\nC2,Bo,,,,,\n"), tmp_path / "map.yaml"
    )
    assert (summary.rows, summary.imported, summary.rejected) == (2, 1, 1)
    assert rejects(summary)[1][:2] == ["2", ""]
    assert "privet doctor" in rejects(summary)[1][2]


@pytest.mark.parametrize("progress", [b"[]", b"{}", b'{"rows": "1"}', b'{"rows": -1, "rejects_size": 0}'])
def test_spoilt_progress_is_damage(vault: Vault, tmp_path: Path, progress: bytes) -> None:
    """What a run had reached is not guessed from rows that somebody wrote."""
    file, columns = write(tmp_path / "a.csv", HEADER + "C1,Ann,,,,,\n"), write(tmp_path / "map.yaml", PEOPLE)
    importer = Importer(vault.parts)
    run, _ = importer._identify(file, columns)
    with vault.parts.store.write() as unit:
        unit.set_import_progress(run, progress)
    with pytest.raises(IntegrityError):
        importer.run(file, columns)


def test_a_reject_that_is_cut_short_is_not_taken_for_written(tmp_path: Path) -> None:
    """A disk that takes half a line and then no more: the batch does not commit without the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Rejects(tmp_path / "r.csv", 0) as bad:
        bad.add(BadRow(2, "mail", "is no address"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (bad.size + 4, hard))
        try:
            with pytest.raises(Unavailable, match=r"r\.csv cannot be written"):
                bad.add(BadRow(3, "mail", "is no address"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("there", [None, b"", b"line,"])
def test_rejects_of_an_earlier_run_that_are_gone_leave_no_hole(tmp_path: Path, there: bytes | None) -> None:
    """Moved away, or another file is named now: it begins with its heading, and no NUL stands in it."""
    file = tmp_path / "r.csv"
    if there is not None:
        file.write_bytes(there)
    with Rejects(file, 100) as bad:
        start = bad.size
        bad.add(BadRow(7, "mail", "is no address"))
        bad.cut(start)  # the batch is tried again
        bad.add(BadRow(7, "mail", "is no address"))
        bad.sync()
    assert b"\0" not in file.read_bytes()
    assert file.read_bytes().endswith(b"7,mail,is no address\r\n")
    assert file.read_bytes().count(b"\n") == 2 - bool(there)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
