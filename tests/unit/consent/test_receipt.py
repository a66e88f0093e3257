"""Receipts: signed JSON-LD, checked by anybody with the public key, and not one byte of them may differ."""

import json
from dataclasses import replace
from typing import Any

import pytest

from privet.audit.canonical import canonical
from privet.consent.receipt import FORM, STATUS_TERM, issue_receipt, verify_receipt
from privet.crypto.signing import Signer
from privet.domain.catalogue import Catalogue
from privet.domain.consent import ConsentRecord, ConsentStatus
from privet.errors import IntegrityError

SIGNER = Signer(bytes(range(32)))
PSEUDONYM = b"p" * 16


@pytest.fixture
def receipt(catalogue: Catalogue, record: ConsentRecord) -> dict[str, Any]:
    return issue_receipt(catalogue, record, pseudonym=PSEUDONYM, signer=SIGNER)


def test_no_byte_of_a_receipt_may_differ(receipt: dict[str, Any]) -> None:
    """Each byte of its text, changed in two ways: never verified (what stays equal JSON is the same receipt)."""
    text = canonical(receipt)
    for at in range(len(text)):
        for flip in (0x01, 0x20):
            altered = bytearray(text)
            altered[at] ^= flip
            with pytest.raises(IntegrityError):
                verify_receipt(bytes(altered), SIGNER.public)


def test_no_truncated_receipt_verifies(receipt: dict[str, Any]) -> None:
    """Not one of its beginnings is a receipt."""
    text = canonical(receipt)
    for size in range(0, len(text), 7):
        with pytest.raises(IntegrityError):
            verify_receipt(text[:size], SIGNER.public)


def test_a_receipt_of_another_key_is_refused(receipt: dict[str, Any]) -> None:
    """Whoever signs with a key of their own, and names it, is not the vault."""
    other = Signer(bytes(32))
    with pytest.raises(IntegrityError):
        verify_receipt(receipt, other.public)
    forged = {key: value for key, value in receipt.items() if key != "proof"}
    proof = {
        "form": FORM,
        "key": other.public.hex(),
        "signature": other.sign(FORM.encode() + b"\n" + canonical(forged)).hex(),
    }
    with pytest.raises(IntegrityError):
        verify_receipt({**forged, "proof": proof}, SIGNER.public)


@pytest.mark.parametrize(
    "change",
    [
        {"proof": None},
        {"proof": {}},
        {"proof": []},
        {"extra": 1},
        {"extra": 1.5},
        {"extra": "\ud800"},
        {"é": 1},
        {"dct:identifier": "00"},
    ],
)
def test_members_added_or_changed_are_refused(receipt: dict[str, Any], change: dict[str, Any]) -> None:
    """Also those that have no canonical form: IntegrityError, nothing else."""
    with pytest.raises(IntegrityError):
        verify_receipt({**receipt, **change}, SIGNER.public)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{" * 100_000, b"\xff", b'"x"', b" " * 2_000_000])
def test_what_is_no_receipt_is_refused(text: bytes) -> None:
    """Any bytes: IntegrityError."""
    with pytest.raises(IntegrityError):
        verify_receipt(text, SIGNER.public)


def test_signatures_are_not_taken_over_from_other_documents(receipt: dict[str, Any]) -> None:
    """What is signed starts with the receipt's form, so a checkpoint's signature never fits a receipt."""
    document = {key: value for key, value in receipt.items() if key != "proof"}
    bare = {**receipt["proof"], "signature": SIGNER.sign(canonical(document)).hex()}
    with pytest.raises(IntegrityError):
        verify_receipt({**document, "proof": bare}, SIGNER.public)


def test_a_receipt_verifies_in_any_layout(receipt: dict[str, Any]) -> None:
    """As a mapping, as indented JSON, with its members in another order."""
    verify_receipt(receipt, SIGNER.public)
    verify_receipt(json.dumps(receipt, indent=3), SIGNER.public)
    verify_receipt(json.dumps(dict(reversed(list(receipt.items())))).encode(), SIGNER.public)


def test_a_receipt_speaks_dpv(receipt: dict[str, Any], record: ConsentRecord) -> None:
    """The members that ISO/IEC TS 27560 asks for, by the terms of the DPV guide."""
    assert receipt["@type"] == "dpv:ConsentReceipt"
    inside = receipt["dpv:hasRecordOfActivity"]
    assert inside["@type"] == "dpv:ConsentRecord"
    process = inside["dpv:hasProcess"]
    assert process["dpv:hasPurpose"]["@type"] == "dpv:DirectMarketing"
    assert process["dpv:hasPersonalData"] == [{"@type": "pd:EmailAddress"}]
    assert inside["dpv:hasNotice"]["dct:hasVersion"] == f"sha256:{record.notice_version}"
    assert inside["dpv:hasConsentStatus"]["@type"] == ["dpv:ConsentGiven", "dpv:ExpressedConsent"]
    prefixes = set(receipt["@context"])
    used = {word.split(":")[0] for word in _terms(receipt)}
    assert used <= prefixes | {"urn", "sha256"}


def test_special_data_is_called_so(catalogue: Catalogue, record: ConsentRecord) -> None:
    """Consent that opens health data is explicit, and the receipt names the special category."""
    receipt = issue_receipt(
        catalogue,
        replace(record, purpose="meals", notice=None, notice_version=None),
        pseudonym=PSEUDONYM,
        signer=SIGNER,
    )
    inside = receipt["dpv:hasRecordOfActivity"]
    assert inside["dpv:hasLegalBasis"] == "dpv:ExplicitlyExpressedConsent"
    data = inside["dpv:hasProcess"]["dpv:hasPersonalData"]
    assert data == [{"@type": ["pd:Health", "dpv:SpecialCategoryPersonalData"]}]


def test_every_status_has_its_term() -> None:
    """No status of the ledger is without a DPV term."""
    assert set(STATUS_TERM) == set(ConsentStatus)


def _terms(value: object) -> set[str]:
    """Prefixed names among the members and types."""
    if isinstance(value, dict):
        keys = {key for key in value if ":" in key}
        types = value.get("@type", [])
        named = {types} if isinstance(types, str) else set(types)
        return keys | named | set().union(*map(_terms, value.values()), set())
    if isinstance(value, list):
        return set().union(*map(_terms, value), set())
    return set()
