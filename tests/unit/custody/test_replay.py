"""The journal folded into wishes, and wishes into facts: the last word counts, twice is once, no yes survives a no."""

import os

from privet.consent.ledger import LedgerBook, open_ledger
from privet.crypto.envelope import new_subject_keys
from privet.domain.consent import ConsentStatus, FoldedConsent
from privet.domain.ids import Millis, SubjectId, VaultId
from privet.domain.ports import LedgerRow
from privet.domain.subject import Facts
from privet.store.custody.journal_format import ControlRecord
from privet.store.custody.replay import MARGIN_MS, Wishes, apply_wishes, fold_journal

VAULT = VaultId(b"v" * 16)
ANN, BOB = SubjectId(b"a" * 16), SubjectId(b"b" * 16)
LATE = Millis(10_000_000)


class Ledger:
    """The one method of a write unit that a replay uses."""

    def __init__(self) -> None:
        self.rows: list[LedgerRow] = []

    def append_ledger(self, row: LedgerRow) -> None:
        self.rows.append(row)


def records(*acts: tuple[str, SubjectId, str, int]) -> list[ControlRecord]:
    return [
        ControlRecord(position, act, subject, purpose, Millis(at))
        for position, (act, subject, purpose, at) in enumerate(acts, 1)
    ]


def replayed(facts: Facts, wishes: Wishes) -> tuple[Facts, Ledger]:
    ledger = Ledger()
    book = LedgerBook(vault=VAULT, randomness=os.urandom)
    return apply_wishes(ledger, book, ANN, new_subject_keys(), facts, wishes), ledger  # type: ignore[arg-type]


def given(at: int = 1) -> Facts:
    return Facts().with_consent("news", FoldedConsent(status=ConsentStatus.GIVEN, at=Millis(at)))


def test_erasure_counts_however_old() -> None:
    """An erasure journaled long before the backup still holds; nothing else of hers matters."""
    folded = fold_journal(
        records(("restrict", ANN, "", LATE), ("erase", ANN, "", 1), ("restrict", BOB, "", 1)),
        position=3,
        made=LATE,
    )
    assert folded.erased == {ANN}
    assert folded.wishes == {}


def test_what_stood_before_the_backup_is_in_it() -> None:
    """Older acts are left to the copy; those just before it began, or behind its mark whatever their clock, are not."""
    folded = fold_journal(
        records(
            ("withdraw", ANN, "old", LATE - MARGIN_MS - 1),
            ("withdraw", ANN, "near", LATE - MARGIN_MS),
            ("withdraw", ANN, "behind", 5),
        ),
        position=2,
        made=LATE,
    )
    assert folded.wishes[ANN].withdrawn == {"near": LATE - MARGIN_MS, "behind": 5}


def test_last_word_counts() -> None:
    """Restricted and lifted, objected and taken back, in the journal's order."""
    folded = fold_journal(
        records(
            ("restrict", ANN, "", 1), ("unrestrict", ANN, "", 2), ("object", ANN, "p", 3), ("unobject", ANN, "p", 4),
            ("object", ANN, "q", 5),
        ),
        position=0,
        made=LATE,
    )  # fmt: skip
    facts, _ = replayed(Facts(restricted=True, objected=frozenset({"p", "kept"})), folded.wishes[ANN])
    assert not facts.restricted
    assert facts.objected == {"q", "kept"}


def test_withdrawal_beats_a_consent_that_looks_newer() -> None:
    """Clocks differ: a yes in the copy dated after the no does not survive it."""
    facts, ledger = replayed(given(at=LATE), Wishes(withdrawn={"news": Millis(5)}))
    assert facts.consents["news"].status is ConsentStatus.WITHDRAWN
    assert facts.ledger == 2
    assert [row.seq for row in ledger.rows] == [2]


def test_refusal_where_nothing_was_asked() -> None:
    """A no to a purpose she never consented to, and that the catalogue may not know any more."""
    facts, _ = replayed(Facts(), Wishes(withdrawn={"gone": Millis(5)}))
    assert facts.consents["gone"].status is ConsentStatus.REFUSED


def test_applied_twice_is_applied_once() -> None:
    """The second time changes nothing, and writes no ledger entry."""
    wishes = Wishes(withdrawn={"news": Millis(5)}, objected={"p": True}, restricted=True)
    once, _ = replayed(given(), wishes)
    twice, ledger = replayed(once, wishes)
    assert twice == once
    assert ledger.rows == []


def test_ledger_entry_says_where_it_comes_from() -> None:
    """The withdrawn entry names the control journal, and opens under her key alone."""
    keys = new_subject_keys()
    ledger = Ledger()
    book = LedgerBook(vault=VAULT, randomness=os.urandom)
    apply_wishes(ledger, book, ANN, keys, Facts(), Wishes(withdrawn={"news": Millis(5)}))  # type: ignore[arg-type]
    (entry,) = open_ledger(keys, VAULT, ANN, ledger.rows)
    assert entry.record.source == "control journal, at a restore"
    assert entry.record.at == 5
