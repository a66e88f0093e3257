"""What the control journal says must be so after a restore, and how it is brought about in one person's facts.

Erasure holds whenever it was journaled. Withdrawals, restrictions and objections hold from a little before the backup
on (the copy has the older ones): the last word counts, and a withdrawal counts even where a newer consent stands in
the copy, since clocks differ and only she can give it again. Applying twice changes nothing more.
Refuses nothing: an unknown purpose is withdrawn like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from privet.consent.ledger import LedgerBook
from privet.consent.transitions import Wish, next_status
from privet.crypto.envelope import SubjectKeys
from privet.domain.consent import ConsentRecord, ConsentStatus
from privet.domain.ids import Millis, SubjectId
from privet.domain.ports import WriteUnit
from privet.domain.subject import Facts
from privet.store.custody.journal_format import ControlRecord

MARGIN_MS: Final = 120_000
"""Acts journaled up to this long before a backup began may have committed after its copy was taken."""
SOURCE: Final = "control journal, at a restore"


@dataclass(kw_only=True, slots=True)
class Wishes:
    """One person's, in the journal's order; the last word of each kind."""

    withdrawn: dict[str, Millis] = field(default_factory=dict)
    objected: dict[str, bool] = field(default_factory=dict)
    restricted: bool | None = None

    def take(self, record: ControlRecord) -> None:
        match record.act:
            case "withdraw":
                self.withdrawn[record.purpose] = record.at
            case "object" | "unobject":
                self.objected[record.purpose] = record.act == "object"
            case "restrict" | "unrestrict":
                self.restricted = record.act == "restrict"


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """The journal, folded. `erased` is over all of it."""

    erased: frozenset[SubjectId]
    wishes: dict[SubjectId, Wishes]


def fold_journal(records: Iterable[ControlRecord], *, position: int, made: Millis) -> Replay:
    """The journal as a backup needs it that began at `made`, when the journal had `position` records."""
    erased = set()
    wishes: dict[SubjectId, Wishes] = {}
    for record in records:
        if record.act == "erase":
            erased.add(record.subject)
            wishes.pop(record.subject, None)
        elif record.act == "revoke":
            continue  # about no person: the journal is asked whenever a key is shown
        elif record.position > position or record.at >= made - MARGIN_MS:
            wishes.setdefault(record.subject, Wishes()).take(record)
    return Replay(erased=frozenset(erased), wishes=wishes)


def apply_wishes(
    unit: WriteUnit, book: LedgerBook, subject: SubjectId, keys: SubjectKeys, facts: Facts, wishes: Wishes
) -> Facts:
    """Her facts with her wishes in them; a withdrawal is a ledger entry too. The caller seals and swaps the facts."""
    for purpose, at in wishes.withdrawn.items():
        held = facts.consents.get(purpose)
        # Run-out consent counts as a yes here: the word that follows it is then the same at any time.
        status = next_status(held.status if held else ConsentStatus.UNKNOWN, Wish.DECLINE, by_subject=True)
        if status is not None:
            record = ConsentRecord(
                seq=facts.ledger + 1,
                purpose=purpose,
                status=status,
                at=at,
                until=None,
                notice=None,
                notice_version=held.notice_version if held else None,
                actor="customer",
                source=SOURCE,
            )
            facts = book.record(unit, subject, keys, facts, record)
    objected = set(facts.objected)
    for purpose, stands in wishes.objected.items():
        (objected.add if stands else objected.discard)(purpose)
    restricted = facts.restricted if wishes.restricted is None else wishes.restricted
    return replace(facts, objected=frozenset(objected), restricted=restricted)
