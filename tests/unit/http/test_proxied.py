"""A proxy's signed header: the certificate it vouches for, and nothing that anybody else says."""

import base64
import hmac
from pathlib import Path
from typing import Any

import pytest

from privet.bootstrap.peers import forwarded_address
from privet.errors import InvalidInput, Unavailable
from privet.http.certificates import SPOILT, PeerCertificate
from privet.http.proxied import HEADER, ProxySeal
from privet.testing import StoppedClock
from tests.unit.http.certifying import issue

KEY = bytes(range(32))
SHOWN = issue("desk")
NOW = 1_750_000_000


def header(*, at: int = NOW, der: bytes = SHOWN.der, key: bytes = KEY, version: str = "v1") -> bytes:
    said = f"{version}.{at}.{base64.b64encode(der).decode()}".encode()
    return said + b"." + hmac.digest(key, said, "sha256").hex().encode()


@pytest.fixture
def seal(tmp_path: Path) -> ProxySeal:
    file = tmp_path / "proxy.key"
    file.write_bytes(base64.b64encode(KEY) + b"\n")
    return ProxySeal(file, StoppedClock(NOW * 1000))


def found(seal: ProxySeal, *shown: bytes) -> PeerCertificate | None:
    return seal.find_certificate({"headers": [(b"accept", b"*/*"), *((HEADER, one) for one in shown)]})


def test_the_certificate_that_the_proxy_signed_is_taken(seal: ProxySeal) -> None:
    """Within a minute either way; without the header there is none."""
    for at in (NOW, NOW - 60, NOW + 60):
        one = found(seal, header(at=at))
        assert one is not None
        assert one.fingerprint == SHOWN.fingerprint
    assert found(seal) is None


def test_everything_else_stands_for_nobody(seal: ProxySeal) -> None:
    """Another key, another time, another certificate or MAC, no MAC, two headers, rubbish."""
    good = header()
    said, _, mac = good.rpartition(b".")
    other = base64.b64encode(issue("kitchen").der)
    for shown in (
        [header(key=bytes(32))],
        [header(at=NOW - 61)],
        [header(at=NOW + 61)],
        [header(version="v2")],
        [header(der=b"no certificate")],
        [header(der=b"")],
        [b"v1.%d.%b.%b" % (NOW, other, mac)],
        [b"v1.%d.%b.%b" % (NOW + 1, said.split(b".")[2], mac)],
        [said],
        [said + b"."],
        [good.upper()],
        [good + b" "],
        [good, good],
        [b""],
        [b"\xff"],
    ):
        one = found(seal, *shown)
        assert one is not None
        assert (one.fingerprint, one.fit) == (SPOILT.fingerprint, False)


@pytest.mark.parametrize("text", [b"", b"short", base64.b64encode(bytes(31)), b"!" * 60])
def test_a_weak_key_stops_the_server(tmp_path: Path, text: bytes) -> None:
    """And a file that is not there."""
    file = tmp_path / "proxy.key"
    with pytest.raises(Unavailable):
        ProxySeal(file, StoppedClock())
    file.write_bytes(text)
    with pytest.raises(InvalidInput, match="proxy_key_file"):
        ProxySeal(file, StoppedClock())


@pytest.mark.parametrize(
    "shown, address",
    [
        ([b"192.0.2.1"], "192.0.2.1"),
        ([b"6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        ([b"192.0.2.9", b"6.6.6.6,  2001:db8::1 "], "2001:db8::1"),
        ([b"192.0.2.1, unknown"], None),
        ([b""], None),
        ([b"\xff"], None),
        ([], None),
    ],
)
def test_the_last_forwarded_address_is_the_proxys_own_word(shown: list[Any], address: str | None) -> None:
    """What stands before it, the client wrote."""
    assert forwarded_address({"headers": [(b"x-forwarded-for", one) for one in shown]}) == address
