"""One spelling for each look-up value, so that the same address always has the same blind index.

Per type and versioned (the version is part of what is hashed): string exact NFC; email NFC, ASCII lower case, IDNA
domain; phone E.164. Refuses a value that is not of its type, naming the field and never the value. What is stored in
the profile stays verbatim: this is for look-ups only.
"""

import re
import unicodedata

import idna
import phonenumbers

from privet.config.values.contacts import is_email, is_phone
from privet.domain.catalogue import Field
from privet.errors import InvalidInput

_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_PLAIN_DOMAIN = re.compile(r"(?!.*--)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_MAX = 1024


def normalise(field: Field, value: str) -> bytes:
    """The bytes to index. Raises InvalidInput for a value that cannot be one of this field's."""
    if len(value) > _MAX or not value:
        raise InvalidInput(f"{field.path}: a look-up value has 1 to {_MAX} characters", field=field.path)
    kind = field.type.kind
    text = _spelling(kind, value)
    if text is None:  # raised out here, so that no chained exception carries the value
        raise InvalidInput(f"{field.path}: this is not a valid {kind}", field=field.path)
    return text


def _spelling(kind: str, value: str) -> bytes | None:
    try:
        if kind == "email":
            text = "email/1:" + _email(value)
        elif kind == "phone":
            text = "phone/1:" + _phone(value)
        else:
            text = "exact/1:" + unicodedata.normalize("NFC", value)
        return text.encode()
    except (ValueError, phonenumbers.NumberParseException):  # idna errors and lone surrogates are ValueErrors
        return None


def _email(value: str) -> str:
    value = unicodedata.normalize("NFC", value.strip())
    if not is_email(value):
        raise ValueError("not an address")
    local, _, domain = value.rpartition("@")
    domain = domain.translate(_ASCII_LOWER)
    if not _PLAIN_DOMAIN.fullmatch(domain):
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return f"{local.translate(_ASCII_LOWER)}@{domain}"


def _phone(value: str) -> str:
    if not is_phone(value):
        raise ValueError("not a possible number")
    number = phonenumbers.parse(value, None)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
