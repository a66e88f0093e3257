"""One spelling for each look-up value, so that the same address always has the same blind index.

Per type and versioned (the version is part of what is hashed): string exact NFC; email NFC, ASCII lower case, IDNA
domain; phone E.164. Refuses a value that is not of its type, naming the field and never the value. What is stored in
the profile stays verbatim: this is for look-ups only.
"""

import re
import unicodedata

import idna
import phonenumbers

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
    try:
        if kind == "email":
            text = "email/1:" + _email(value)
        elif kind == "phone":
            text = "phone/1:" + _phone(value)
        else:
            text = "exact/1:" + unicodedata.normalize("NFC", value)
        return text.encode()
    except (ValueError, phonenumbers.NumberParseException):  # idna errors and lone surrogates are ValueErrors
        raise InvalidInput(f"{field.path}: this is not a valid {kind}", field=field.path) from None


def _email(value: str) -> str:
    local, at, domain = unicodedata.normalize("NFC", value.strip()).rpartition("@")
    if not at or not local or not domain or any(c.isspace() for c in local):
        raise ValueError("not an address")
    domain = domain.translate(_ASCII_LOWER)
    if not _PLAIN_DOMAIN.fullmatch(domain):
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return f"{local.translate(_ASCII_LOWER)}@{domain}"


def _phone(value: str) -> str:
    number = phonenumbers.parse(value, None)
    if not phonenumbers.is_possible_number(number):
        raise ValueError("not a possible number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
