"""The headers of every answer, and the cookies. Refuses to let anything be loaded, framed, cached or sent elsewhere."""

import base64
import re
from collections.abc import Mapping

from privet.portal.origins import Place

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
ALWAYS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # same-origin, not no-referrer: with that one browsers send "Origin: null" with our own forms
    "referrer-policy": "same-origin",
    "permissions-policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), payment=(), usb=(), browsing-topics=()"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "x-robots-tag": "noindex, nofollow",
}
PRIVATE: Mapping[str, str] = {"cache-control": "no-store", "vary": "Cookie"}
LASTING: Mapping[str, str] = {"cache-control": "public, max-age=31536000, immutable"}

SESSION = "privet"
VISIT = "privet-visit"
_TOKEN = re.compile("[A-Za-z0-9_-]{43}")
"""32 bytes."""


def security_headers(place: Place | None) -> dict[str, str]:
    """For every answer; over HTTPS also that it stays so."""
    if place is not None and place.secure:
        return {**ALWAYS, "strict-transport-security": "max-age=31536000"}
    return dict(ALWAYS)


def cookie_name(name: str, place: Place) -> str:
    """`__Host-`: no other host, path or plain connection can set it. Browsers take that prefix over HTTPS only."""
    return f"__Host-{name}" if place.secure else name


def set_cookie(name: str, token: bytes, place: Place) -> str:
    """The header's value. It ends with the browser, and earlier on the server."""
    value = base64.urlsafe_b64encode(token).rstrip(b"=").decode()
    return f"{cookie_name(name, place)}={value}; {_attributes(place)}"


def drop_cookie(name: str, place: Place) -> str:
    return f"{cookie_name(name, place)}=; Max-Age=0; {_attributes(place)}"


def _attributes(place: Place) -> str:
    return "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if place.secure else "")


def find_token(cookies: Mapping[str, str], name: str, place: Place) -> bytes | None:
    """The token a cookie holds, if it has the form of one."""
    value = cookies.get(cookie_name(name, place), "")
    return base64.urlsafe_b64decode(value + "=") if _TOKEN.fullmatch(value) else None
