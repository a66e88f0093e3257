"""Facts to bytes and back, and what of them one question may see.

The stored form is JSON with one-letter keys, sealed by `crypto.facts`. Refuses to read what it does not know: facts of
a later form, or that lack a key, deny (IntegrityError), so that nothing is ever released for want of a flag.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from privet.decide.question import Circumstances
from privet.domain.catalogue import Catalogue
from privet.domain.consent import ConsentStatus, FoldedConsent
from privet.domain.ids import Millis
from privet.domain.subject import NOTHING_STANDS, Facts, StandingWishes
from privet.errors import IntegrityError

_FORM = 1
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def encode_facts(facts: Facts) -> bytes:
    """The payload to seal. Deterministic: equal facts give equal bytes."""
    return orjson.dumps(
        {
            "v": _FORM,
            "c": {
                name: [str(folded.status), folded.at, folded.until, folded.notice_version]
                for name, folded in facts.consents.items()
            },
            "o": sorted(facts.objected),
            "r": facts.restricted,
            "h": facts.hold,
            "m": facts.minor_until,
            "k": list(facts.relationship),
            "e": {str(number): until for number, until in facts.expires.items()},
            "l": facts.ledger,
            "p": {str(number): digest for number, digest in facts.pending.items()},
        },
        option=_SORTED,
    )


def parse_facts(payload: bytes) -> Facts:
    """The facts again. Raises IntegrityError for anything that `encode_facts` did not make."""
    raw = parse_raw(payload)
    try:
        return Facts(
            consents={
                name: FoldedConsent(
                    status=ConsentStatus(status), at=Millis(at), until=until, notice_version=version
                )
                for name, (status, at, until, version) in raw["c"].items()
            },
            objected=frozenset(raw["o"]),
            restricted=raw["r"],
            hold=raw["h"],
            minor_until=raw["m"],
            relationship=tuple(raw["k"]),
            expires={int(number): until for number, until in raw["e"].items()},
            ledger=raw["l"],
            pending={int(number): digest for number, digest in raw["p"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError("the sealed facts have a form this version does not know") from error


def parse_raw(payload: bytes) -> dict[str, Any]:
    """The stored form as it is, for the hot path."""
    try:
        raw = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise IntegrityError("the sealed facts are not JSON") from error
    if not isinstance(raw, dict) or raw.get("v") != _FORM:
        raise IntegrityError("the sealed facts have a form this version does not know")
    return raw


def facts_for(
    payload: bytes,
    *,
    purpose: str,
    above: frozenset[str],
    numbers: Mapping[int, str],
    now: int,
    standing: StandingWishes = NOTHING_STANDS,
) -> Circumstances:
    """Resolves the facts to what they say now.

    `above` is the purpose with its ancestors (an objection to a parent covers it); `numbers` are the fields asked for,
    path by number; `standing` is the control journal's word, which a row put back to an earlier state cannot undo.
    Raises IntegrityError when the payload is not what `encode_facts` makes.
    """
    raw = parse_raw(payload)
    try:
        folded = raw["c"].get(purpose)
        if folded is None:
            consent = "unknown"
        else:
            consent, at, until, _ = folded
            if at < standing.withdrawn.get(purpose, 0) and consent in ("given", "renewed"):
                consent = "withdrawn"
            elif until is not None and now >= until and consent in ("given", "renewed"):
                consent = "expired"
        objected = raw["o"]
        if standing.objected:
            objected = sorted({*objected, *standing.objected})
        minor_until = raw["m"]
        expires = raw["e"]
        expired: tuple[str, ...] = ()
        for until in expires.values():
            if now >= until:  # seldom
                expired = tuple(
                    sorted(
                        numbers[int(n)] for n, until in expires.items() if now >= until and int(n) in numbers
                    )
                )
                break
        return Circumstances(
            consent,
            raw["r"] is not False or standing.restricted,
            tuple(name for name in objected if name in above) if objected else (),
            minor_until is not None and now < minor_until,
            tuple(raw["k"]),
            expired,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError("the sealed facts have a form this version does not know") from error


def purposes_above(catalogue: Catalogue, purpose: str) -> frozenset[str]:
    """The purpose and its ancestors; nothing for a purpose the catalogue does not know."""
    return catalogue.ancestors.get(purpose, frozenset())
