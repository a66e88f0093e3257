"""Revisions of what a service was given: `<32 hex>.<numbers in hex, by ->`, opaque to the caller.

The hex is HMAC(service key, subject ‖ numbers ‖ contexts of the fields opened), 16 bytes: the same as long as none of
those fields changes. The numbers let a later write be made conditional on just those fields; they tell a service only
what it was given, and are under the HMAC, since a number added to them would tell whether that field is held. A
revision that does not fit what is stored, forged or old, is one case: PreconditionFailed.
"""

import hmac
import re
from collections.abc import Iterable

from privet.crypto.framing import join
from privet.crypto.kdf import PreparedKey
from privet.crypto.keyring import Keyring
from privet.crypto.secrecy import Secret
from privet.crypto.vaultkey import etag_key
from privet.errors import PreconditionFailed

_FORM = re.compile(r"([0-9a-f]{32})\.((?:[0-9a-f]{1,4}(?:-[0-9a-f]{1,4})*)?)")
_KEPT = 4096


class Revisions(Secret):
    """The revisions of one vault's services."""

    __slots__ = ("_macs", "_suffixes")

    def __init__(self, keyring: Keyring, services: Iterable[str]) -> None:
        self._macs = {name: PreparedKey(etag_key(keyring, name)).mac for name in services}
        self._suffixes: dict[frozenset[int], tuple[str, bytes]] = {}

    def make(self, service: str, subject: bytes, contexts: bytes, numbers: frozenset[int]) -> str:
        """The revision of `numbers`, as `contexts` (crypto.fields, stored order) say they stand."""
        known = self._suffixes.get(numbers)
        if known is None:
            if len(self._suffixes) >= _KEPT:
                self._suffixes.clear()
            known = self._suffixes[numbers] = _suffix(numbers)
        return self._macs[service](subject + known[1] + contexts)[:16].hex() + known[0]

    def covered(self, revision: str) -> frozenset[int]:
        """The numbers that a caller's revision says it covers. Raises PreconditionFailed when it has not the form."""
        found = _FORM.fullmatch(revision)
        if found is None:
            raise _changed()
        return frozenset(int(number, 16) for number in found[2].split("-") if number)

    def verify(
        self, revision: str, service: str, subject: bytes, contexts: bytes, numbers: frozenset[int]
    ) -> None:
        """Raises PreconditionFailed unless `numbers`, which it covers, still stand as the revision says.

        Nothing is kept of it: the caller chose the numbers.
        """
        suffix, joined = _suffix(numbers)
        current = self._macs[service](subject + joined + contexts)[:16].hex() + suffix
        if not hmac.compare_digest(current.encode(), revision.encode("ascii", "replace")):
            raise _changed()


def _suffix(numbers: frozenset[int]) -> tuple[str, bytes]:
    """The numbers as a revision has them, and as its HMAC has them."""
    suffix = "." + "-".join(f"{number:x}" for number in sorted(numbers))
    return suffix, join(suffix.encode())


def _changed() -> PreconditionFailed:
    return PreconditionFailed("this is not the current revision any more; fetch again, then decide")
