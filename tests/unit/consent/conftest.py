"""A small catalogue, one subject's keys, and records to seal and sign."""

from pathlib import Path

import pytest

from privet.config.catalogue import load_catalogue
from privet.crypto.envelope import SubjectKeys
from privet.domain.catalogue import Catalogue
from privet.domain.consent import ConsentRecord, ConsentStatus
from privet.domain.ids import Millis

SMALL_HOTEL = Path(__file__).parents[2] / "contract" / "rights" / "catalogue"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(SMALL_HOTEL)


@pytest.fixture
def keys() -> SubjectKeys:
    return SubjectKeys(bytes(range(32)), bytes(range(32, 64)))


@pytest.fixture
def record(catalogue: Catalogue) -> ConsentRecord:
    """A given consent, the first of its ledger."""
    return ConsentRecord(
        seq=1,
        purpose="marketing.email",
        status=ConsentStatus.GIVEN,
        at=Millis(1_790_000_000_000),
        until=Millis(1_821_536_000_000),
        notice="marketing",
        notice_version=catalogue.notices["marketing"].version,
        actor="customer",
        source=None,
        audit_id="01a1ffafcbc282aadbe6c360306ce31a",
    )
