"""Email addresses and phone numbers: is it one, syntactically?

Refuses quoted local parts, address literals and domains that IDNA 2008 does not know; phone numbers that could not
be dialled from abroad. Nothing is looked up, and nothing is changed: values are stored as they were given.
"""

import re

_LOCAL = re.compile(r"[^\s@()<>\[\]:;,\\\"\x00-\x1f\x7f]{1,64}")
_ASCII_DOMAIN = re.compile(
    r"(?=.{4,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])\Z"
)
_PHONE = re.compile(r"[+0-9()./ \-\u00a0\u2010-\u2015]{3,40}(?: ?(?:x|ext\.?) ?[0-9]{1,8})?")


def is_email(text: str) -> bool:
    """`local@domain` with two labels or more, 254 bytes at most (RFC 5321), the domain in ASCII or IDNA."""
    if len(text) > 254 or len(text.encode("utf-8")) > 254:
        return False
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or local[0] == "." or local[-1] == "." or ".." in local:
        return False
    if not domain.isascii() or "xn--" in domain.lower():
        import idna

        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return False
    return _ASCII_DOMAIN.match(domain) is not None


def is_phone(text: str, region: str | None = None) -> bool:
    """A possible number with its country code (`+351 …`), or without one where `region` (ISO alpha-2) is given."""
    if not _PHONE.fullmatch(text):
        return False
    import phonenumbers  # its tables take 25 ms to load

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_possible_number(number))
