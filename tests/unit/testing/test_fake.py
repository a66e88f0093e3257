"""The fake that a service's own tests use: quick, complete, and gone without a trace."""

import asyncio
import gc
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

import privet
from privet.errors import AccessDenied, CatalogueError, InvalidInput, NotFound, Unavailable
from privet.testing import FakeVault, StoppedClock
from privet.testing import fake as module

HOTEL = Path(__file__).parents[3] / "examples" / "hotel"
PERSONAL = "service-personalisation"


def left(place: Path) -> set[str]:
    return {path.name for path in place.glob("privet-*")}


def test_a_service_is_asked_as_it_will_be() -> None:
    """In process, by a client, by one awaited: the same people, policies and refusals."""
    with FakeVault(HOTEL) as vault:
        ada = vault.add({"room.bed": "king"}, email="ada@example.org", given_name="Ada")
        with vault.client("city-front-desk") as client:
            view = client.fetch(
                ada, purpose=PERSONAL, fields=["given_name", "room.bed", "email"], deadline=1.0
            )
            assert dict(view.values) == {"given_name": "Ada", "room.bed": "king"}
            assert view.withheld["email"].reason == "purpose_not_permitted"
        assert isinstance(client, privet.Client)

        async def main() -> privet.View:
            async with vault.async_client("city-front-desk") as client:
                return await client.fetch(ada, purpose=PERSONAL, fields=["given_name"])

        assert asyncio.run(main()).subject == view.subject
        assert (
            vault.service("city-front-desk").find(email="ada@example.org", purpose=PERSONAL) == view.subject
        )
        with pytest.raises(Unavailable, match="closed"):
            client.fetch(ada, purpose=PERSONAL, fields=["given_name"])
        with pytest.raises(InvalidInput, match="city-front-desk"):
            vault.client("no-such-service")


def test_the_log_says_who_asked_what_and_why() -> None:
    """In order, refusals with their true reasons, nobody included; not what the test itself put there."""
    with FakeVault(HOTEL) as vault:
        ada = vault.add(email="ada@example.org", given_name="Ada", consents=["marketing.email"])
        bea = vault.add(email="bea@example.org", given_name="Bea")
        assert vault.log == []
        mailer = vault.client("marketing")
        mailer.fetch(ada, purpose="marketing.email", fields=["email"])
        with pytest.raises(AccessDenied):
            mailer.fetch(bea, purpose="marketing.email", fields=["email"])
        assert mailer.find(email="nobody@example.org", purpose="marketing.email") is None
        first, second, third = vault.log
        assert (first.service, first.act, first.purpose, first.fields) == (
            "marketing", "read", "marketing.email", ("email",),
        )  # fmt: skip
        assert (second.fields, second.withheld) == ((), {"email": "consent_required"})
        assert (third.act, third.about) == ("find", None)
        assert first.about not in (None, second.about)
        assert vault.log == [first, second, third]  # looking is not asking


def test_people_with_consents_and_records() -> None:
    """As a steward would import them; and what she does herself afterwards."""
    with FakeVault(HOTEL) as vault:
        stay = {"arrived": "2026-05-01", "booking": "B1", "room_type": "A"}
        ada = vault.add(
            email="ada@example.org", given_name="Ada", consents=["marketing.email"], records={"stays": [stay]}
        )
        me = vault.customer(ada)
        assert len(me.profile().collections["stays"]) == 1
        me.withdraw("marketing.email")
        with pytest.raises(AccessDenied):
            vault.client("marketing").fetch(ada, purpose="marketing.email", fields=["email"])
        me.erase()
        with pytest.raises(NotFound):
            vault.customer(ada)


def test_time_passes_when_told_to() -> None:
    """Its clock stands still: consent that runs out does so at once."""
    clock = StoppedClock()
    with FakeVault(HOTEL, clock=clock) as vault:
        ada = vault.add(email="ada@example.org", consents=["marketing.email"])
        mailer = vault.client("marketing")
        mailer.fetch(ada, purpose="marketing.email", fields=["email"])
        assert vault.log[0].at.timestamp() * 1000 == clock.now
        vault.clock.pass_time(timedelta(days=36_500))
        with pytest.raises(AccessDenied):
            mailer.fetch(ada, purpose="marketing.email", fields=["email"])


@pytest.mark.parametrize("milliseconds", [1, 1_001, 4_097, 86_400_001, 3_153_600_000_001])
def test_no_millisecond_is_lost(milliseconds: int) -> None:
    """However long it is: what expires at that instant has expired."""
    clock = StoppedClock(0)
    clock.pass_time(timedelta(milliseconds=milliseconds))
    assert clock.now == milliseconds


def test_a_person_is_known_by_what_she_has() -> None:
    """A look-up that is None, as a test of many people may pass it, is none."""
    with FakeVault(HOTEL) as vault:
        ada = vault.add(email=None, phone="+442079460201", given_name="Ada")
        assert ada.field == "phone"
        assert (
            vault.client("city-front-desk").fetch(ada, purpose=PERSONAL, fields=["given_name"])["given_name"]
            == "Ada"
        )


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"email": None},
        {"given_name": "Ada"},
        {"email": "no address"},
        {"email": "a@b.org", "nonsense": 1},
    ],
    ids=str,
)
def test_people_who_cannot_be(values: dict[str, object]) -> None:
    """Nobody to be known by, a bad value, a field that is none: InvalidInput."""
    with FakeVault(HOTEL) as vault, pytest.raises(InvalidInput):
        vault.add(values)


def test_a_catalogue_by_path_and_by_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory, a file, or YAML with its notices; what cannot be read or does not hold is said."""
    text = (HOTEL / "catalogue.yaml").read_text()
    notices = {path.stem: path.read_text() for path in (HOTEL / "notices").glob("*.md")}
    for vault in (FakeVault(str(HOTEL)), FakeVault(HOTEL / "catalogue.yaml"), FakeVault(text, notices)):
        with vault:
            assert "marketing" in vault.catalogue.services
    with pytest.raises(InvalidInput, match="catalogue"):
        FakeVault(tmp_path / "none")
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(module, "_MEMORY", tmp_path / "memory")
    with pytest.raises(CatalogueError):
        FakeVault("fields:\n  x: 7\n")
    assert left(tmp_path / "memory") == set()


def test_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed, forgotten, or when the process ends: no file stays behind, and no passphrase was asked for."""
    monkeypatch.setattr(module, "_MEMORY", tmp_path)  # where nobody else makes any
    FakeVault(HOTEL).close()
    before = left(tmp_path)  # what copies are made of stays for the process
    vault = FakeVault(HOTEL)
    assert len(left(tmp_path) - before) == 1
    vault.close()
    vault.close()
    assert left(tmp_path) == before
    code = (
        "from pathlib import Path; from privet.testing import FakeVault, fake;"
        f"fake._MEMORY = Path({str(tmp_path)!r}); v = FakeVault({str(HOTEL)!r}); v.add(email='a@b.org')"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env={})
    assert (done.returncode, done.stderr) == (0, "")
    gc.collect()
    assert left(tmp_path) == before


def test_a_child_that_was_forked_takes_nothing_with_it() -> None:
    """A test that forks, as a service with workers may: the vault and what copies are made of stay the parent's."""
    code = f"""
import os, sys
from privet.testing import FakeVault
vault = FakeVault({str(HOTEL)!r})
child = os.fork()
if child == 0:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
vault.add(email="a@b.org")
FakeVault({str(HOTEL)!r}).close()
vault.close()
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_quick() -> None:
    """Quick enough for a fresh one in each test: processor time, with room, for machines are shared."""
    FakeVault(HOTEL).close()
    times = []
    for _ in range(3):
        start = time.process_time()
        FakeVault(HOTEL).close()
        times.append(time.process_time() - start)
    assert min(times) < 0.4


def test_the_fixture(tmp_path: Path) -> None:
    """`fake_vault` in a project of somebody else's: fresh for each test, its catalogue named once."""
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nprivet_catalogue = {HOTEL}\n")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["privet.testing.plugin"]\n')
    (tmp_path / "test_it.py").write_text(
        "def test_one(fake_vault):\n    fake_vault.add(email='a@b.org')\n"
        "def test_two(fake_vault):\n    assert fake_vault.log == []\n    fake_vault.add(email='a@b.org')\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert "2 passed" in done.stdout, done.stdout
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert "privet_catalogue" in done.stdout


def test_the_hotel_s_receptions_are_told_what_they_collect() -> None:
    """In the shipped example a yes at the desk counts at once, and the desk sees how it stands and has its receipt."""
    with FakeVault(HOTEL) as vault:
        ada = vault.add(email="ada@example.org", given_name="Ada")
        desk = vault.client("city-front-desk")
        assert desk.consent_status(ada, "marketing.email") == "unknown"
        desk.consent(ada, "marketing.email", source="at the desk")
        assert desk.consent_status(ada, "marketing.email") == "given"
        assert desk.consent_receipt(ada, "marketing.email") is not None
        vault.customer(ada).withdraw("marketing.email")
        assert desk.consent_status(ada, "marketing.email") == "withdrawn"
