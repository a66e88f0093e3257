"""The leaf: what the log says of one act in the clear, which is nothing about any person.

`encode_leaf` is the fast way out, for values our own code made; `parse_leaf` the strict way in.
Parsing refuses every leaf that has not exactly these keys, each of its type and form, in canonical JSON.
"""

import re
from binascii import hexlify
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from privet.audit.canonical import MAX_INT
from privet.audit.tiles import MAX_ENTRY
from privet.domain.ids import EntryId, Millis
from privet.errors import IntegrityError, InvalidInput

VERSION: Final = 1


class Act(StrEnum):
    """What was done. Open: parsing accepts any lower-case word, so that a later version's log still parses."""

    READ = "read"  # a service read a profile
    FIND = "find"  # a service looked somebody up
    HISTORY = "history"  # a service read a collection
    PUT = "put"  # a service wrote a profile
    RECORD = "record"  # a service added to a collection
    IMPORT = "import"  # the steward loaded a row
    CONSENT = "consent"  # consent requested, given or refused
    CONSENT_STATUS = "consent-status"  # a service asked how a consent stands
    CONSENT_RECEIPT = "consent-receipt"  # a service took a receipt of one
    WITHDRAW = "withdraw"  # consent withdrawn
    OBJECT = "object"  # an objection to a purpose
    UNOBJECT = "unobject"  # one taken back
    CORRECT = "correct"  # the subject corrected her profile
    RESTRICT = "restrict"  # processing restricted
    UNRESTRICT = "unrestrict"  # restriction lifted
    ACCESS = "access"  # the subject read her own profile or log
    EXPORT = "export"  # the subject took her data
    ERASE = "erase"  # the subject was erased; sealed under the vault's key
    RETENTION = "retention"  # expired values were swept
    HOLD = "hold"  # a legal hold set or lifted
    QUERY = "query"  # an officer searched the log
    VERIFY = "verify"  # an officer verified the log
    PROVE = "prove"  # an officer took a proof
    REPORT = "report"  # an officer made a report
    PAUSE = "pause"  # a purpose or service paused or resumed
    BREAK_GLASS = "break-glass"  # emergency access opened or closed
    ROTATE = "rotate"  # a step of key rotation
    CATALOGUE = "catalogue"  # a new catalogue revision
    POLICY = "policy"  # a new policy revision
    SERVICE = "service"  # a service or its credential changed
    OFFICER = "officer"  # an officer or steward changed
    BACKUP = "backup"  # a backup was taken
    RESTORE = "restore"  # a new log after a restore; names the last anchor
    UPGRADE = "upgrade"  # the store moved to a newer version
    OPEN = "open"  # a vault was created
    REQUEST = "request"  # an authenticated request that was refused before any policy was asked
    SIGN_IN_CODE = "sign-in-code"  # a sign-in code was sent to a customer
    SIGN_IN = "sign-in"  # a customer signed in to the portal, or failed to


class Decision(StrEnum):
    """How it ended. Closed: a leaf with another word does not parse."""

    PERMIT = "permit"  # all that was asked for
    PARTIAL = "partial"  # at least one field, not all
    REFUSE = "refuse"  # nothing
    DONE = "done"  # an act that no policy decides
    FAILED = "failed"  # it was tried and did not happen


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """A parsed leaf. Digests and ids are bytes here, lower-case hex in the JSON."""

    id: EntryId
    t_ms: Millis
    act: str
    decision: Decision
    purpose: str | None
    basis: str | None
    policy: str | None
    service: str | None
    classes: tuple[str, ...]
    n: int
    wh: bytes | None
    pc: bytes
    ph: bytes


def encode_leaf(
    entry_id: bytes,
    t_ms: int,
    act: str,
    decision: str,
    purpose: str | None,
    basis: str | None,
    policy: str | None,
    service: str | None,
    classes: list[str],
    n: int,
    wh: bytes | None,
    pc: bytes,
    ph: bytes,
) -> bytes:
    """The canonical bytes of a leaf, of plain values (not checked: parse_leaf would refuse a bad one).

    `classes` is sorted and without repeats. Pass `Act.READ.value`, not the member: it is faster.
    Raises InvalidInput for a lone surrogate, an integer of 2**53 or more, or a leaf over MAX_ENTRY bytes.
    """
    try:
        data = orjson.dumps(
            {  # in the order of the sorted keys, which saves sorting them
                "act": act,
                "basis": basis,
                "classes": classes,
                "decision": decision,
                "id": entry_id.hex(),
                "n": n,
                "pc": pc.hex(),
                "ph": ph.hex(),
                "policy": policy,
                "purpose": purpose,
                "service": service,
                "t_ms": t_ms,
                "v": VERSION,
                "wh": None if wh is None else wh.hex(),
            },
            option=orjson.OPT_STRICT_INTEGER,
        )
    except TypeError:
        raise InvalidInput("leaf: a value that JSON cannot hold exactly") from None
    if len(data) > MAX_ENTRY:
        raise InvalidInput("leaf: too long for the log")
    return data


class LeafForm:
    """Leaves that differ in id, digests and time only: the reads of a batch. `encode_leaf` for the rest of it."""

    __slots__ = ("_after_digests", "_before_digests", "_before_id", "_end")

    def __init__(
        self,
        act: str,
        decision: str,
        purpose: str | None,
        basis: str | None,
        policy: str | None,
        service: str | None,
        classes: list[str],
        n: int,
        wh: bytes | None,
    ) -> None:
        """Raises InvalidInput as `encode_leaf` does, of which this is the pieces."""
        zeros = bytes(32)
        made = encode_leaf(
            zeros[:16], 0, act, decision, purpose, basis, policy, service, classes, n, wh, zeros, zeros
        )
        # No text inside a JSON string has a bare quotation mark, so each of these stands where its key does.
        head, _, rest = made.partition(b'"id":"' + b"0" * 32)
        middle, _, rest = rest.partition(b'"pc":"' + b"0" * 64 + b'","ph":"' + b"0" * 64)
        before_time, _, end = rest.partition(b'"t_ms":0,')
        self._before_id = head + b'"id":"'
        self._before_digests = middle + b'"pc":"'
        self._after_digests = before_time + b'"t_ms":'
        self._end = b"," + end

    def encode(self, entry_id: bytes, t_ms: bytes, pc: bytes, ph: bytes) -> bytes:
        """The canonical bytes. `t_ms` in decimal digits."""
        data = b"".join(
            (
                self._before_id,
                hexlify(entry_id),
                self._before_digests,
                hexlify(pc),
                b'","ph":"',
                hexlify(ph),
                self._after_digests,
                t_ms,
                self._end,
            )
        )
        if len(data) > MAX_ENTRY:
            raise InvalidInput("leaf: too long for the log")
        return data


_KEYS: Final = frozenset(Leaf.__dataclass_fields__) | {"v"}
_WORD: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def parse_leaf(data: bytes) -> Leaf:
    """The leaf of which `data` are the canonical bytes; IntegrityError for any other bytes."""
    if len(data) > MAX_ENTRY:
        raise IntegrityError("leaf: too long")
    try:
        value = orjson.loads(data)
    except (ValueError, RecursionError):
        raise IntegrityError("leaf: not JSON") from None
    if type(value) is not dict or value.keys() != _KEYS:
        raise IntegrityError("leaf: not the keys of a leaf")
    if type(value["v"]) is not int or value["v"] != VERSION:
        raise IntegrityError("leaf: unknown version")
    leaf = Leaf(
        id=EntryId(_hex(value, "id", _ID)),
        t_ms=Millis(_count(value, "t_ms")),
        act=_matching(value, "act", _WORD),
        decision=_decision(value),
        purpose=_text(value, "purpose"),
        basis=_text(value, "basis"),
        policy=_text(value, "policy"),
        service=_text(value, "service"),
        classes=_classes(value),
        n=_count(value, "n"),
        wh=None if value["wh"] is None else _hex(value, "wh", _DIGEST),
        pc=_hex(value, "pc", _DIGEST),
        ph=_hex(value, "ph", _DIGEST),
    )
    # Only now is nothing left in it but plain strings and integers: its one spelling is what orjson sorts it to.
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != data:
        raise IntegrityError("leaf: not in canonical form")
    return leaf


def _matching(value: dict[str, Any], key: str, form: re.Pattern[str]) -> str:
    item = value[key]
    if type(item) is not str or form.fullmatch(item) is None:
        raise IntegrityError(f"leaf: malformed {key}")
    return item


def _hex(value: dict[str, Any], key: str, form: re.Pattern[str]) -> bytes:
    return bytes.fromhex(_matching(value, key, form))


def _count(value: dict[str, Any], key: str) -> int:
    item = value[key]
    if type(item) is not int or not 0 <= item <= MAX_INT:
        raise IntegrityError(f"leaf: malformed {key}")
    return item


def _text(value: dict[str, Any], key: str) -> str | None:
    item = value[key]
    if item is not None and type(item) is not str:
        raise IntegrityError(f"leaf: malformed {key}")
    return item


def _classes(value: dict[str, Any]) -> tuple[str, ...]:
    items = value["classes"]
    if type(items) is not list or any(type(item) is not str for item in items) or sorted(set(items)) != items:
        raise IntegrityError("leaf: malformed classes")
    return tuple(items)


def _decision(value: dict[str, Any]) -> Decision:
    try:
        return Decision(_matching(value, "decision", _WORD))
    except ValueError:
        raise IntegrityError("leaf: malformed decision") from None
