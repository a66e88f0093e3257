"""Certificates: which stand for a service, and which for nobody."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.config.catalogue import parse_catalogue
from privet.crypto.certificate import parse_certificate
from privet.domain.catalogue import Catalogue
from privet.errors import CatalogueError, IntegrityError
from privet.http.certificates import CertificateBindings, peer_certificate, read_certificate
from privet.testing import StoppedClock
from tests.unit.http.certifying import AT, CLIENT, SERVER, Issued, issue

DESK_ID, KITCHEN_ID = "spiffe://inn.example/desk", "spiffe://inn.example/kitchen"
HEAD = """
fields: {name: {type: string, category: pd:Name, allow: [stay]}}
purposes: {stay: {dpv: dpv:ServicePersonalisation, basis: contract}}
services:
"""


def catalogue(desk: str = "", kitchen: str = "") -> Catalogue:
    return parse_catalogue(
        HEAD
        + f"  desk: {{purposes: [stay], fields: [name], {desk}}}\n"
        + f"  kitchen: {{purposes: [stay], fields: [name], {kitchen}}}\n",
        file="catalogue.yaml",
        notices={},
    )


def who(shown: Issued | bytes, rules: Catalogue, clock: StoppedClock | None = None) -> str | None:
    der = shown if isinstance(shown, bytes) else shown.der
    return CertificateBindings(rules, clock or StoppedClock()).find_service(read_certificate(der))


def by_id(*uris: str, **more: Any) -> Issued:
    return issue("desk", uris=uris, **more)


RULES = catalogue(f'spiffe: ["{DESK_ID}"]', f'spiffe: ["{KITCHEN_ID}"]')


def test_a_fingerprint_stands_for_its_service() -> None:
    """The very certificate; not another of the same name and key usage."""
    mine, other = issue("desk"), issue("desk")
    rules = catalogue(f'certificates: ["{mine.fingerprint}"]')
    assert who(mine, rules) == "desk"
    assert who(other, rules) is None


def test_openssls_way_of_writing_fingerprints_is_taken() -> None:
    """Colons and capitals."""
    mine = issue("desk")
    text = ":".join(mine.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    assert who(mine, catalogue(f'certificates: ["{text}"]')) == "desk"


def test_a_spiffe_id_stands_for_its_service() -> None:
    """Whichever certificate carries it, and with DNS names beside it."""
    assert who(by_id(DESK_ID), RULES) == "desk"
    assert who(by_id(DESK_ID, hosts=["desk.inn.example"]), RULES) == "desk"
    assert who(by_id(KITCHEN_ID), RULES) == "kitchen"


@pytest.mark.parametrize(
    "shown",
    [
        by_id(DESK_ID, KITCHEN_ID),
        by_id(DESK_ID, DESK_ID),
        by_id(DESK_ID, "https://desk.inn.example"),
        by_id("https://desk.inn.example", DESK_ID),
        by_id(DESK_ID + "/"),
        by_id(DESK_ID.upper()),
        by_id("spiffe://inn.example/des"),
        by_id("spiffe://inn.example/desk/sub"),
        by_id("spiffe://inn.example"),
        by_id("spiffe://evil.example/desk"),
        by_id(),
        by_id(hosts=["desk"]),
        by_id(DESK_ID, usage=(SERVER,)),
        by_id(DESK_ID, authority=True),
        by_id(DESK_ID, begins=AT + timedelta(days=1)),
        by_id(DESK_ID, begins=AT - timedelta(days=61)),
    ],
)
def test_certificates_that_stand_for_nobody(shown: Issued) -> None:
    """Two ids, ids like ours, none, those of servers and authorities, and those outside their dates."""
    assert who(shown, RULES) is None


def test_a_certificate_without_usages_is_for_any() -> None:
    """Extended key usage binds only where it stands; among several, the client's is enough."""
    assert who(by_id(DESK_ID, usage=None), RULES) == "desk"
    assert who(by_id(DESK_ID, usage=(SERVER, CLIENT)), RULES) == "desk"


def test_dates_and_usage_bind_a_pinned_certificate_too() -> None:
    """A fingerprint in the catalogue makes nothing valid that is not."""
    clock = StoppedClock()
    mine = issue("desk", days=31)
    rules = catalogue(f'certificates: ["{mine.fingerprint}"]')
    assert who(mine, rules, clock) == "desk"
    clock.pass_time(timedelta(days=2))
    assert who(mine, rules, clock) is None
    server = issue("desk", usage=(SERVER,))
    assert who(server, catalogue(f'certificates: ["{server.fingerprint}"]')) is None


def test_a_certificate_that_names_two_services_is_nobodys() -> None:
    """Pinned for one, and with the id of another."""
    shown = by_id(KITCHEN_ID)
    rules = catalogue(f'certificates: ["{shown.fingerprint}"]', f'spiffe: ["{KITCHEN_ID}"]')
    assert who(shown, rules) is None


def test_a_catalogue_that_moves_a_certificate_moves_it_wholly() -> None:
    """Before it is the desk's, after it the kitchen's, and the catalogue is another revision."""
    shown = issue("shared")
    before = catalogue(desk=f'certificates: ["{shown.fingerprint}"]')
    after = catalogue(kitchen=f'certificates: ["{shown.fingerprint}"]')
    assert (who(shown, before), who(shown, after)) == ("desk", "kitchen")
    assert before.digest != after.digest


@pytest.mark.parametrize(
    "desk, kitchen",
    [
        (f'certificates: ["{"ab" * 32}"]', f'certificates: ["{"AB" * 32}"]'),
        (f'spiffe: ["{DESK_ID}"]', f'spiffe: ["{KITCHEN_ID}", "{DESK_ID}"]'),
        (
            "oidc: {issuer: 'https://a.example', subject: x}",
            "oidc: {issuer: 'https://a.example', subject: x}",
        ),
    ],
)
def test_one_credential_for_two_services_is_an_error_with_its_lines(desk: str, kitchen: str) -> None:
    """The catalogue does not load: whoever holds it could choose who to be."""
    with pytest.raises(CatalogueError) as refused:
        catalogue(desk, kitchen)
    (problem,) = refused.value.problems
    assert problem.startswith("catalogue.yaml:6: services.kitchen.")
    assert '"desk" already (line 5)' in problem


@pytest.mark.parametrize(
    "bound",
    [
        "certificates: [abc]",
        f'certificates: ["{"ab" * 31}"]',
        f'certificates: ["{"zz" * 32}"]',
        'certificates: ["SHA256:abc"]',
        "spiffe: ['spiffe://inn.example']",
        "spiffe: ['spiffe://inn.example/']",
        "spiffe: ['spiffe://Inn.example/desk']",
        "spiffe: ['spiffe://inn.example/a//b']",
        "spiffe: ['spiffe://inn.example/../desk']",
        "spiffe: ['spiffe://inn.example/desk?x']",
        "spiffe: ['https://inn.example/desk']",
        "oidc: {issuer: 'https://a.example'}",
        "oidc: {subject: x}",
        "oidc: {issuer: 'https://a.example', subject: x, scope: y}",
    ],
)
def test_bindings_that_nothing_could_match_are_errors(bound: str) -> None:
    """Said when the catalogue is read, with the line, not found out when nobody gets in."""
    with pytest.raises(CatalogueError) as refused:
        catalogue(bound)
    assert all(one.startswith("catalogue.yaml:5: services.desk") for one in refused.value.problems)


def test_a_catalogue_without_bindings_keeps_its_digest() -> None:
    """The keys came later; a vault that has none of them does not change its catalogue by an upgrade."""
    plain = parse_catalogue(
        HEAD + "  desk: {purposes: [stay], fields: [name]}\n", file="catalogue.yaml", notices={}
    )
    # made by the version before the keys were known
    assert plain.digest == "de53cd93cbcd7aa307791e25a57b387a944c66f9d5fc0d13197da4c789c66d95"


def test_the_asgi_extension_gives_the_leaf() -> None:
    """The first of the chain, in DER or PEM; no chain, no certificate; rubbish stands for nobody."""
    mine = by_id(DESK_ID)
    for chain in ([mine.der, issue("ca", authority=True).der], [mine.pem.decode()], (mine.der,)):
        found = peer_certificate({"extensions": {"tls": {"client_cert_chain": chain}}})
        assert found is not None
        assert found.fingerprint == mine.fingerprint
    chainless: tuple[dict[str, Any], ...] = (
        {},
        {"extensions": None},
        {"extensions": {"tls": None}},
        {"extensions": {"tls": {"client_cert_chain": []}}},
    )
    for scope in chainless:
        assert peer_certificate(scope) is None
    for spoilt in (b"", b"x", mine.der[:-1], mine.der + b"x", "-----BEGIN", "é"):
        found = peer_certificate({"extensions": {"tls": {"client_cert_chain": [spoilt]}}})
        assert found is not None
        assert CertificateBindings(RULES, StoppedClock()).find_service(found) is None


@given(st.data())
def test_altered_certificates_only_ever_fail_to_parse(data: st.DataObject) -> None:
    """Any byte of a real one changed: an IntegrityError or other facts, no other error."""
    der = bytearray(_SAMPLE.der)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert parse_certificate(bytes(der)).fingerprint
    except IntegrityError:
        return


_SAMPLE = by_id(DESK_ID, hosts=["a.example"])


def test_a_huge_certificate_is_not_parsed() -> None:
    """Over 64 KiB."""
    with pytest.raises(IntegrityError):
        parse_certificate(bytes(70_000))
