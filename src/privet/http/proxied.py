"""What a proxy that ends TLS hands on: the client's certificate, in a header that it signs.

The header `Privet-Client-Certificate` is `v1.TIME.CERTIFICATE.MAC`: Unix seconds, the DER in base64, and in hex the
HMAC-SHA-256, by the key in `serve.proxy_key_file`, over all that stands before the last dot. Refuses headers that
another signed, that are older than a minute or of the future, or that come twice: they stand for nobody.
"""

import base64
import hmac
import re
from pathlib import Path
from typing import Final

from privet.domain.ports import Clock
from privet.errors import InvalidInput, Unavailable
from privet.http.certificates import SPOILT, PeerCertificate, Scope, read_certificate

HEADER: Final = b"privet-client-certificate"
WINDOW_MS: Final = 60_000
_FORM = re.compile(rb"(v1\.([0-9]{1,12})\.([A-Za-z0-9+/]{1,40000}={0,2}))\.([0-9a-f]{64})")
_LEAST_KEY: Final = 32


class ProxySeal:
    """Checks that the header comes from the proxy that shares the key."""

    def __init__(self, key_file: Path, clock: Clock) -> None:
        """Raises Unavailable when the file cannot be read, InvalidInput when it holds no key."""
        try:
            text = key_file.read_bytes().strip()
        except OSError as error:
            raise Unavailable(f"serve.proxy_key_file: {key_file} cannot be read ({error.strerror})") from None
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            key = b""
        if len(key) < _LEAST_KEY:
            raise InvalidInput(
                "serve.proxy_key_file: must hold at least 32 random bytes in base64: `openssl rand -base64 32`",
                field="proxy_key_file",
            )
        self._key = key
        self._clock = clock

    def find_certificate(self, scope: Scope) -> PeerCertificate | None:
        """The certificate that the proxy vouches for; None when it hands on none."""
        shown = [value for name, value in scope.get("headers", ()) if name == HEADER]
        if not shown:
            return None
        parts = _FORM.fullmatch(shown[0]) if len(shown) == 1 else None
        if parts is None or not hmac.compare_digest(
            hmac.digest(self._key, parts[1], "sha256").hex().encode("ascii"), parts[4]
        ):
            return SPOILT
        if abs(self._clock() - int(parts[2]) * 1000) > WINDOW_MS:
            return SPOILT
        try:
            return read_certificate(base64.b64decode(parts[3], validate=True))
        except ValueError:
            return SPOILT
