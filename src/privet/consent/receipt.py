"""Consent receipts: the subject's signed copy of one ledger entry, JSON-LD in the words of the Data Privacy Vocabulary.

Terms are those of the guide "Consent Records and Receipts as per ISO/IEC TS 27560:2023 using DPV" (W3C DPVCG): a
dpv:ConsentReceipt around one dpv:ConsentRecord. docs/consent.md maps each 27560 field. Pure: making one needs a signer,
verifying one the vault's public key and no vault. A receipt names no person: its subject is a pseudonym that stands in
her receipts and nowhere else. Refuses, as IntegrityError, a receipt that differs in anything from what was signed.

proof = {"form": "privet/receipt/v1", "key": public key, "signature": Ed25519 over the ASCII form, a newline, and the
canonical JSON (RFC 8785) of the receipt without its proof}; key and signature in lower-case hex.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson

from privet.audit.canonical import MAX_BYTES, canonical
from privet.consent.transitions import needs_explicit
from privet.crypto.signing import Signer, Verifier
from privet.domain.catalogue import Catalogue
from privet.domain.consent import ConsentRecord, ConsentStatus
from privet.domain.ids import from_millis
from privet.errors import IntegrityError, InvalidInput

FORM: Final = "privet/receipt/v1"
CONTEXT: Final = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "schema": "https://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
STATUS_TERM: Final[Mapping[ConsentStatus, str]] = {
    ConsentStatus.UNKNOWN: "dpv:ConsentUnknown",
    ConsentStatus.REQUESTED: "dpv:ConsentRequested",
    ConsentStatus.GIVEN: "dpv:ConsentGiven",
    ConsentStatus.RENEWED: "dpv:RenewedConsentGiven",
    ConsentStatus.REFUSED: "dpv:ConsentRefused",
    ConsentStatus.WITHDRAWN: "dpv:ConsentWithdrawn",
    ConsentStatus.EXPIRED: "dpv:ConsentExpired",
    ConsentStatus.INVALIDATED: "dpv:ConsentInvalidated",
    ConsentStatus.REVOKED: "dpv:ConsentRevoked",
}
_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}")


def issue_receipt(
    catalogue: Catalogue, record: ConsentRecord, *, pseudonym: bytes, signer: Signer
) -> dict[str, Any]:
    """The signed receipt of one ledger entry. `pseudonym`: SubjectKeys.receipt_pseudonym."""
    document = _document(catalogue, record, pseudonym)
    return {
        **document,
        "proof": {
            "form": FORM,
            "key": signer.public.hex(),
            "signature": signer.sign(_signed(document)).hex(),
        },
    }


def verify_receipt(receipt: Mapping[str, Any] | bytes | str, public_key: bytes) -> None:
    """Raises IntegrityError unless the receipt is exactly what the holder of `public_key` (32 bytes) signed.

    Takes the receipt as a mapping or as JSON text. Needs nothing else: no vault, no network.
    """
    document = dict(_parse(receipt))
    proof = document.pop("proof", None)
    if type(proof) is not dict or proof.keys() != {"form", "key", "signature"} or proof["form"] != FORM:
        raise IntegrityError("receipt: it has no proof of a known form")
    if proof["key"] != public_key.hex():
        raise IntegrityError("receipt: it was signed by another key")
    signature = proof["signature"]
    if type(signature) is not str or _SIGNATURE.fullmatch(signature) is None:
        raise IntegrityError("receipt: its signature is malformed")
    try:
        signed = _signed(document)
    except InvalidInput:
        raise IntegrityError("receipt: it is not canonical JSON") from None
    Verifier(public_key).verify(signed, bytes.fromhex(signature))


def _parse(receipt: Mapping[str, Any] | bytes | str) -> Mapping[str, Any]:
    if isinstance(receipt, bytes | str):
        if len(receipt) > MAX_BYTES:
            raise IntegrityError("receipt: too long")
        try:
            receipt = orjson.loads(receipt)
        except (ValueError, RecursionError):
            raise IntegrityError("receipt: not JSON") from None
    if not isinstance(receipt, Mapping):
        raise IntegrityError("receipt: not a JSON object")
    return receipt


def _signed(document: Mapping[str, Any]) -> bytes:
    return FORM.encode() + b"\n" + canonical(document)


def _document(catalogue: Catalogue, record: ConsentRecord, pseudonym: bytes) -> dict[str, Any]:
    controller: dict[str, Any] = {"@type": "dpv:DataController", "dpv:hasName": catalogue.name}
    if catalogue.contact:
        controller["dpv:hasContact"] = catalogue.contact
    moment = _moment(record.at)
    return {
        "@context": dict(CONTEXT),
        "@id": _urn(bytes.fromhex(record.audit_id)),
        "@type": "dpv:ConsentReceipt",
        "dct:identifier": record.audit_id,
        "dct:conformsTo": FORM,
        "dct:created": moment,
        "dct:publisher": controller,
        "schema:recipient": "dpv:DataSubject",
        "dpv:hasRecordOfActivity": {
            "@type": "dpv:ConsentRecord",
            "dct:identifier": f"{pseudonym.hex()}:{record.seq}",
            "dpv:hasDataSubject": {"@id": _urn(pseudonym), "@type": "dpv:DataSubject"},
            "dpv:hasDataController": controller,
            "dpv:hasLegalBasis": _consent_type(catalogue, record.purpose),
            "dpv:hasProcess": _process(catalogue, record.purpose),
            "dpv:hasNotice": _notice(record),
            "dpv:hasConsentControl": {
                "@type": "dpv:WithdrawConsent",
                "dpv:isExercisedAt": catalogue.contact or catalogue.name,
            },
            "dpv:hasConsentStatus": _status(catalogue, record, moment),
        },
    }


def _process(catalogue: Catalogue, name: str) -> dict[str, Any]:
    purpose = catalogue.purposes[name]
    data: dict[str, bool] = {}
    for field in catalogue.every_field.values():
        if name in catalogue.purposes_of(field):
            data[field.category] = data.get(field.category, False) or field.special
    recipients = {
        service.recipient or catalogue.name
        for service in catalogue.services.values()
        if name in service.purposes
    }
    said: dict[str, Any] = {"@type": purpose.dpv, "dct:identifier": name}
    if purpose.description:
        said["dct:description"] = purpose.description
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": said,
        "dpv:hasPersonalData": [
            {"@type": [category, "dpv:SpecialCategoryPersonalData"] if special else category}
            for category, special in sorted(data.items())
        ],
        "dpv:hasRecipient": [
            {"@type": "dpv:Recipient", "dpv:hasName": recipient} for recipient in sorted(recipients)
        ],
    }


def _notice(record: ConsentRecord) -> dict[str, Any] | None:
    if record.notice is None:
        return None
    return {
        "@type": "dpv:ConsentNotice",
        "dct:identifier": record.notice,
        "dct:hasVersion": f"sha256:{record.notice_version}",
    }


def _status(catalogue: Catalogue, record: ConsentRecord, moment: dict[str, str]) -> dict[str, Any]:
    types = [STATUS_TERM[record.status]]
    if record.status.permits:
        types.append(_consent_type(catalogue, record.purpose))
    asked = record.status is ConsentStatus.REQUESTED
    status: dict[str, Any] = {
        "@type": types,
        "dpv:isIndicatedBy": "dpv:DataController" if asked else "dpv:DataSubject",
        "dpv:hasIndicationMethod": record.actor,
        "dpv:isIndicatedAtTime": moment,
    }
    if record.until is not None:
        status["dct:valid"] = _moment(record.until)
    return status


def _consent_type(catalogue: Catalogue, purpose: str) -> str:
    return "dpv:ExplicitlyExpressedConsent" if needs_explicit(catalogue, purpose) else "dpv:ExpressedConsent"


def _moment(at: int) -> dict[str, str]:
    text = from_millis(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"@type": "xsd:dateTime", "@value": text}


def _urn(sixteen: bytes) -> str:
    return UUID(bytes=sixteen).urn
