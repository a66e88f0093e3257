"""Pairwise ids: the vault inverts its own, and refuses everything else without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto.keyring import MemoryKeyring
from privet.crypto.pairwise import PairwiseIds
from privet.domain.ids import RecordId, SubjectId, VaultId
from privet.errors import InvalidInput

RING = MemoryKeyring()
VAULT = VaultId(b"V" * 16)
IDS = PairwiseIds(RING, VAULT)
SUBJECT = SubjectId(b"S" * 16)
RECORD = RecordId(b"R" * 16)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(min_size=16, max_size=16), st.text(min_size=1, alphabet=st.characters(codec="utf-8")))
def test_round_trip(subject: bytes, service: str) -> None:
    """Issued ids parse to their subject; the same again for the same service."""
    text = IDS.issue(service, SubjectId(subject))
    assert IDS.parse(service, text) == subject
    assert IDS.issue(service, SubjectId(subject)) == text
    assert text.startswith("pw1_")
    assert len(text) == 47


@given(st.binary(min_size=16, max_size=16), st.integers(0, 0xFFFF), st.binary(min_size=16, max_size=16))
def test_record_round_trip(subject: bytes, collection: int, record: bytes) -> None:
    """A record's id brings back subject, collection and record."""
    text = IDS.issue_record("shop", SubjectId(subject), collection, RecordId(record))
    assert IDS.parse_record("shop", text) == (subject, collection, record)
    assert text.startswith("pr1_")
    assert len(text) == 71


def test_services_cannot_join() -> None:
    """Two services, vaults or keyrings know the same subject by ids without anything in common."""
    texts = {
        IDS.issue("a", SUBJECT),
        IDS.issue("b", SUBJECT),
        PairwiseIds(RING, VaultId(b"W" * 16)).issue("a", SUBJECT),
        PairwiseIds(MemoryKeyring(), VAULT).issue("a", SUBJECT),
    }
    assert len(texts) == 4


def test_of_another_service_or_vault() -> None:
    """An id taken from another service, vault or keyring is refused like a forged one."""
    text = IDS.issue("a", SUBJECT)
    for ids, service in [
        (IDS, "b"),
        (PairwiseIds(RING, VaultId(b"W" * 16)), "a"),
        (PairwiseIds(MemoryKeyring(), VAULT), "a"),
    ]:
        with pytest.raises(InvalidInput):
            ids.parse(service, text)
    with pytest.raises(InvalidInput):
        IDS.parse_record("b", IDS.issue_record("a", SUBJECT, 1, RECORD))


@pytest.mark.parametrize("kind", ["subject", "record"])
def test_every_character_counts(kind: str) -> None:
    """Any other character in any place is refused, the spare bits of the last one included."""
    parse = IDS.parse if kind == "subject" else IDS.parse_record
    text = IDS.issue("a", SUBJECT) if kind == "subject" else IDS.issue_record("a", SUBJECT, 1, RECORD)
    for at in range(len(text)):
        for other in ALPHABET if at == len(text) - 1 else "Ab-":
            if text[at] != other:
                with pytest.raises(InvalidInput):
                    parse("a", text[:at] + other + text[at + 1 :])
    for size in range(len(text)):
        with pytest.raises(InvalidInput):
            parse("a", text[:size])


@pytest.mark.parametrize("tail", ["=", "A", "\n", " ", "==", "é", "\ud800", "\0"])
def test_nothing_may_follow(tail: str) -> None:
    """Padding, white space and anything else after the id is refused."""
    with pytest.raises(InvalidInput):
        IDS.parse("a", IDS.issue("a", SUBJECT) + tail)


@given(st.text(max_size=80))
def test_hostile_text(text: str) -> None:
    """Any text is refused with InvalidInput, and is not repeated in the error."""
    for hostile in (text, "pw1_" + text):
        with pytest.raises(InvalidInput) as caught:
            IDS.parse("a", hostile)
        assert str(caught.value) == "not an id that was issued to the service 'a'"


def test_kinds_are_apart() -> None:
    """A record's id is no subject's id, whatever its prefix says."""
    record = IDS.issue_record("a", SUBJECT, 1, RECORD)
    for text in (record, "pw1_" + record[4:]):
        with pytest.raises(InvalidInput):
            IDS.parse("a", text)
    subject = IDS.issue("a", SUBJECT)
    for text in (subject, "pr1_" + subject[4:]):
        with pytest.raises(InvalidInput):
            IDS.parse_record("a", text)


def test_ids_and_services_that_are_none() -> None:
    """Ids of a wrong length and a service without a name never reach the cipher."""
    with pytest.raises(InvalidInput):
        IDS.issue("a", SubjectId(b"short"))
    with pytest.raises(InvalidInput):
        IDS.issue_record("a", SUBJECT, 1, RecordId(b""))
    with pytest.raises(InvalidInput):
        IDS.issue("", SUBJECT)
