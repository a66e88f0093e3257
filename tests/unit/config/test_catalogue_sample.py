"""The sample of the design page, in every style in which it can be written."""

import hashlib
from pathlib import Path

import pytest

from privet.config.catalogue import load_catalogue, parse_catalogue
from privet.domain.catalogue import Catalogue, LegalBasis, ValueType
from privet.errors import CatalogueError
from tests.unit.config.sample import NOTICES, SAMPLE


@pytest.fixture(scope="module")
def sample() -> Catalogue:
    return parse_catalogue(SAMPLE, file="catalogue.yaml", notices=NOTICES)


def test_the_sample_of_the_design_loads_without_warnings(sample: Catalogue) -> None:
    """What the design page shows is a legal catalogue, and nothing in it is odd."""
    assert sample.warnings == ()
    assert set(sample.fields) == {"given_name", "crm_id", "email", "allergies", "room.bed"}
    assert set(sample.purposes) >= {"service-personalisation", "marketing.email", "resale"}
    assert sample.unusable == frozenset()


def test_types_are_read_inside_flow_mappings(sample: Catalogue) -> None:
    """`enum[king, twin]` and `list[string]` keep their members between the commas of a flow mapping."""
    assert sample.fields["room.bed"].type == ValueType(kind="enum", members=("king", "twin"))
    assert sample.fields["allergies"].type == ValueType(
        kind="list", of=ValueType(kind="string", max_length=200), max_length=100
    )


def test_every_key_of_a_field_arrives(sample: Catalogue) -> None:
    """Allowances, prohibitions, look-ups, retention and category are what the file says."""
    email, allergies = sample.fields["email"], sample.fields["allergies"]
    assert (email.lookup, email.allow, email.allow_masked) == (
        "unique",
        frozenset({"marketing.email"}),
        frozenset({"service-personalisation"}),
    )
    assert (allergies.special, allergies.prohibit) == (True, frozenset({"marketing.email"}))
    assert sample.fields["room.bed"].retention_days == 1095
    assert sample.fields["crm_id"].category == "pd:UID"
    assert sample.fields["given_name"].retention_days is None


def test_a_collection_has_its_time_and_key_among_its_fields(sample: Catalogue) -> None:
    """Time and key exist without being declared: a moment and a string, for the purposes of the collection."""
    stays = sample.collections["stays"]
    assert (stays.time, stays.coarse_time, stays.key, stays.retention_days) == (
        "arrived",
        "month",
        "booking",
        3652,
    )
    assert set(stays.fields) == {"room", "arrived", "booking"}
    assert stays.fields["arrived"].type.kind == "moment"
    assert stays.fields["booking"].type == ValueType(kind="string", max_length=200)
    for implied in ("arrived", "booking"):
        assert stays.fields[implied].allow == frozenset({"service-personalisation"})
        assert stays.fields[implied].category == "pd:RoomNumber"
        assert stays.fields[implied].retention_days == 3652
    assert stays.fields["room"].path == "stays.room"
    assert sample.every_field["stays.room"].name == "room"


def test_purposes_services_and_officers_arrive(sample: Catalogue) -> None:
    """The graph, the bases, the services' rights and an officer's identity are what the file says."""
    assert sample.purposes["marketing.email"].basis is LegalBasis.CONSENT
    assert sample.purposes["resale"].prohibited
    assert sample.ancestors["service-personalisation"] == {"service-personalisation", "service-provision"}
    desk, shop = sample.services["front-desk"], sample.services["web-shop"]
    assert (desk.fields, desk.find, desk.enrols) == (("given_name", "room.*"), frozenset({"email"}), False)
    assert (shop.enrols, shop.collects) == (True, frozenset({"marketing.email"}))
    assert sample.officers["ana"].oidc == {"issuer": "https://login.example.org", "subject": "1234"}


def test_where_names_the_line_of_every_entry(sample: Catalogue) -> None:
    """Each field, purpose and service can be shown with the line that decides."""
    assert sample.where["fields.room.bed"] == "catalogue.yaml:6"
    assert sample.where["fields.room.bed.allow"] == "catalogue.yaml:6"
    assert sample.where["fields.stays.room"] == "catalogue.yaml:8"
    assert sample.where["fields.stays.arrived"] == "catalogue.yaml:8"
    assert sample.where["purposes.marketing.email"] == "catalogue.yaml:12"
    assert sample.where["services.front-desk"] == "catalogue.yaml:17"
    assert sample.where["notices.marketing"] == "notices/marketing.md:1"
    for kind in ("purposes", "services", "officers", "collections"):
        assert all(f"{kind}.{name}" in sample.where for name in getattr(sample, kind))
    assert all(f"fields.{path}" in sample.where for path in sample.every_field)


def test_block_style_means_the_same_as_flow_style() -> None:
    """The same catalogue in block style, reordered and with comments, has the same digest."""
    block = SAMPLE.replace(
        "  room.bed:   {type: enum[king, twin], category: pd:Preference, "
        "allow: [service-personalisation], retention: P3Y}\n",
        "  room.bed:  # her bed\n"
        "    retention: P3Y\n"
        "    category: pd:Preference\n"
        "    type: enum[king, twin]   # two kinds\n"
        "    allow:\n"
        "      - service-personalisation\n",
    )
    assert block != SAMPLE
    same = parse_catalogue(block, file="other.yaml", notices=NOTICES)
    assert same.digest == parse_catalogue(SAMPLE, file="catalogue.yaml", notices=NOTICES).digest
    assert same.where["fields.room.bed.allow"] == "other.yaml:10"


def test_a_directory_is_read_with_its_notices(tmp_path: Path) -> None:
    """A notice's version is the SHA-256 of its bytes, line ends and all."""
    (tmp_path / "catalogue.yaml").write_text(SAMPLE, encoding="utf-8")
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / "marketing.md").write_bytes(b"May we\r\nwrite?\r\n")
    (tmp_path / "notices" / "meals.md").write_text("Für die Küche?\n", encoding="utf-8")
    catalogue = load_catalogue(tmp_path)
    assert catalogue.notices["marketing"].version == hashlib.sha256(b"May we\r\nwrite?\r\n").hexdigest()
    assert catalogue.notices["meals"].text == "Für die Küche?\n"


def test_a_directory_without_a_catalogue_is_refused(tmp_path: Path) -> None:
    """The message names the file and the command that makes one."""
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(tmp_path)
    assert refused.value.problems == (
        "catalogue.yaml:1: the file: is not there; `privet init` writes a starter catalogue",
    )


def test_files_that_are_not_utf8_are_refused_with_the_line(tmp_path: Path) -> None:
    """Latin-1 in the catalogue and in a notice: both are named, each with its line."""
    (tmp_path / "catalogue.yaml").write_bytes(SAMPLE.encode() + b"# caf\xe9\n")
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / "marketing.md").write_bytes(b"ok\n\xff\xfe")
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(tmp_path)
    assert refused.value.problems == (
        "catalogue.yaml:20: the file: is not UTF-8; save it as UTF-8",
        "notices/marketing.md:2: the file: is not UTF-8; save it as UTF-8",
    )


def test_a_catalogue_over_two_megabytes_is_refused(tmp_path: Path) -> None:
    """A catalogue holds rules, never data: size alone refuses it, before it is read as YAML."""
    (tmp_path / "catalogue.yaml").write_bytes(b"#" * 2_000_001)
    with pytest.raises(CatalogueError, match="larger than 2 MB"):
        load_catalogue(tmp_path)
    with pytest.raises(CatalogueError, match="larger than 2 MB"):
        parse_catalogue("#" * 2_000_001, file="c.yaml", notices={})
