"""The catalogues that are shipped: the starter of `privet init` and that of the demo's hotels."""

from pathlib import Path

import pytest

import privet_cli
from privet.config.catalogue import load_catalogue
from privet.config.starter import write_starter
from privet.domain.catalogue import Catalogue
from privet.errors import Conflict, Unavailable

DPV = frozenset(
    """Name UID EmailAddress TelephoneNumber Country Preference FavouriteFood Health ServiceConsumptionBehaviour
    RoomNumber Transaction CustomerManagement CustomerOrderManagement ServicePersonalisation ServiceOptimisation
    RequestedServiceProvision Marketing DirectMarketing SellDataToThirdParties""".split()  # noqa: SIM905
)
"""Terms of DPV 2.3 that the shipped catalogues use: real ones, checked against the vocabulary by hand."""


def terms(catalogue: Catalogue) -> set[str]:
    found = {field.category for field in catalogue.every_field.values()}
    return {
        term.partition(":")[2] for term in found | {purpose.dpv for purpose in catalogue.purposes.values()}
    }


def test_the_starter_loads_without_warnings(tmp_path: Path) -> None:
    """A new vault begins with a catalogue that is right."""
    write_starter(tmp_path)
    catalogue = load_catalogue(tmp_path)
    assert catalogue.warnings == ()
    assert catalogue.unusable == frozenset()
    assert {"front-desk", "web-shop"} <= set(catalogue.services)
    assert catalogue.purposes["marketing.email"].consent_days == 730
    assert terms(catalogue) <= DPV


def test_the_starter_never_writes_over_a_catalogue(tmp_path: Path) -> None:
    """What is there stays, and nothing is written beside it."""
    (tmp_path / "catalogue.yaml").write_text("mine")
    with pytest.raises(Conflict, match="is there already"):
        write_starter(tmp_path)
    assert (tmp_path / "catalogue.yaml").read_text() == "mine"
    assert not (tmp_path / "notices").exists()


def test_a_starter_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """A missing directory is the disk's refusal, in one sentence."""
    with pytest.raises(Unavailable, match="cannot be written"):
        write_starter(tmp_path / "missing")


@pytest.fixture(scope="module")
def hotel() -> Catalogue:
    return load_catalogue(Path(privet_cli.__file__).parent / "demo" / "hotel")


def test_the_hotel_catalogue_warns_of_the_data_broker_only(hotel: Catalogue) -> None:
    """The demo has one service that claims a prohibited purpose, on purpose."""
    assert len(hotel.warnings) == 1
    assert 'services.data-broker.purposes: "resale" is prohibited' in hotel.warnings[0]
    assert terms(hotel) <= DPV


def test_the_hotel_catalogue_keeps_the_promises_of_its_notices(hotel: Catalogue) -> None:
    """Allergies are special and for the kitchen only; marketing sees no stay, preference or health."""
    assert hotel.purposes_of(hotel.fields["allergies"]) == {"meal-preparation"}
    assert hotel.fields["allergies"].special
    assert hotel.services["kitchen"].fields == ("allergies",)
    for path, field in hotel.every_field.items():
        if "marketing.email" in hotel.purposes_of(field):
            assert path in {"given_name", "family_name", "email"}
        assert "resale" not in hotel.purposes_of(field)


def test_the_desk_of_the_other_hotel_may_not_read_an_email(hotel: Catalogue) -> None:
    """The desk finds a guest by email and is refused the email itself."""
    assert "service-personalisation" not in hotel.purposes_of(hotel.fields["email"])
    assert "email" in hotel.services["city-front-desk"].find
    assert "email" not in hotel.services["city-front-desk"].fields
