"""Customers and officers, and the vault itself, as the outside contract has them (design: outside contracts)."""

import json
import zipfile
from pathlib import Path

import pytest

import privet
from privet import by, errors
from privet.config.settings import FORMAT
from privet.errors import AccessDenied, InvalidInput, NotFound, Unavailable
from tests.invariants.conftest import Make
from tests.invariants.world import PASSPHRASE, World


def test_errors_have_their_names() -> None:
    """`privet.errors`: PrivetError > AccessDenied, NotFound, InvalidInput, Conflict, IntegrityError, Unavailable."""
    for name in ("AccessDenied", "NotFound", "InvalidInput", "Conflict", "IntegrityError", "Unavailable"):
        kind = getattr(privet.errors, name)
        assert issubclass(kind, errors.PrivetError)
    denied = AccessDenied("no", reasons=("restricted",), withheld={"a": 1}, audit_id="x")
    assert (denied.reasons, dict(denied.withheld), denied.audit_id) == (("restricted",), {"a": 1}, "x")


def test_nobody_is_not_found(shared: World) -> None:
    """`vault.customer`: nobody → NotFound."""
    with pytest.raises(NotFound):
        shared.vault.customer(privet.by(email="nobody@example.org"))


def test_a_profile(shared: World) -> None:
    """`me.profile()`: all that is held, collections included."""
    who = shared.guest(allergies=["nuts"], notes="x")
    stay = {"arrived": "2024-05-01", "booking": "B", "room": "1"}
    shared.service("front-desk").record(who, "stays", stay, purpose="stay")
    profile = shared.customer(who).profile()
    assert dict(profile) == {"given_name": "Ada", "email": who.value, "allergies": ["nuts"], "notes": "x"}
    assert profile.collections["stays"][0]["room"] == "1"


def test_accesses(shared: World) -> None:
    """`me.accesses()`: who saw or was refused her data, when, why, newest first, with the true reasons."""
    who = shared.guest()
    with pytest.raises(AccessDenied):
        shared.service("mailer").fetch(who, purpose="marketing.email", fields=["email"])
    view = shared.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
    lines = [line for line in shared.customer(who).accesses() if line.act != "access"]  # her own look at them
    released, refused, put = lines[:3]
    assert (released.audit_id, released.service, released.purpose) == (view.audit_id, "front-desk", "stay")
    assert released.fields == ("given_name",)
    assert (refused.decision, refused.withheld) == ("refuse", {"email": "consent_required"})
    assert put.act == "put"


def test_consent_and_withdraw_are_idempotent(shared: World) -> None:
    """`me.consent(…)` → receipt; `me.withdraw(…)`; each idempotent, effective at once."""
    who = shared.guest()
    me, mailer = shared.customer(who), shared.service("mailer")
    receipt = me.consent("marketing.email")
    assert isinstance(receipt, dict)
    assert json.dumps(receipt)
    me.consent("marketing.email")
    assert mailer.fetch(who, purpose="marketing.email", fields=["email"])["email"] == who.value
    status = {consent.purpose: consent.status for consent in me.consents()}
    assert status["marketing.email"] in ("given", "renewed")
    for _ in range(2):
        me.withdraw("marketing.email")
        with pytest.raises(AccessDenied):
            mailer.fetch(who, purpose="marketing.email", fields=["email"])
    status = {consent.purpose: consent.status for consent in me.consents()}
    assert status["marketing.email"] == "withdrawn"


@pytest.mark.parametrize("purpose", ["resale", "no-such-purpose"])
def test_consent_to_what_cannot_be(shared: World, purpose: str) -> None:
    """Consent to a prohibited or unknown purpose: InvalidInput."""
    with pytest.raises(InvalidInput):
        shared.customer(shared.guest()).consent(purpose)


def test_object(shared: World) -> None:
    """`me.object(…)` holds for the purpose and all below it, twice as once."""
    who = shared.guest()
    me, mailer = shared.customer(who), shared.service("mailer")
    me.consent("marketing.email")
    for _ in range(2):
        me.object("marketing")
        for purpose, field in (("marketing", "given_name"), ("marketing.email", "email")):
            with pytest.raises(AccessDenied):
                mailer.fetch(who, purpose=purpose, fields=[field])


def test_restrict_and_unrestrict(shared: World) -> None:
    """`me.restrict(); me.unrestrict()`, each idempotent: nothing is released between the two."""
    who = shared.guest()
    me, desk = shared.customer(who), shared.service("front-desk")
    for _ in range(2):
        me.restrict()
    with pytest.raises(AccessDenied):
        desk.fetch(who, purpose="stay", fields=["given_name"])
    for _ in range(2):
        me.unrestrict()
    assert desk.fetch(who, purpose="stay", fields=["given_name"])["given_name"]


def test_what_is_held_of_the_restricted_is_not_changed(shared: World) -> None:
    """No service overwrites, clears or fills a field of hers: it hears what it hears about nobody, and she sees that.

    A new record is stored, one that is held is not replaced.
    """
    who = shared.guest(given_name="Ada")
    me, desk = shared.customer(who), shared.service("front-desk")
    stay = {"arrived": "2024-05-01", "booking": "R1", "room": "9"}
    desk.record(who, "stays", stay, purpose="stay")
    me.restrict()
    with pytest.raises(AccessDenied) as nobody:
        desk.put(by(email="not.here@example.org"), {"given_name": "Eve"}, purpose="stay")
    for values in ({"given_name": "Eve"}, {"given_name": None}, {"notes": "new"}, {"given_name": "Ada"}):
        with pytest.raises(AccessDenied) as refused:
            desk.put(who, values, purpose="stay")
        assert refused.value.reasons == nobody.value.reasons == ("not_available",)
        assert refused.value.message == nobody.value.message
    with pytest.raises(AccessDenied):
        desk.record(who, "stays", {**stay, "room": "10"}, purpose="stay")
    desk.record(who, "stays", {**stay, "booking": "R2"}, purpose="stay")
    profile = me.profile()
    assert (profile["given_name"], "notes" in profile.fields) == ("Ada", False)
    assert sorted(str(held["booking"]) for held in profile.collections["stays"]) == ["R1", "R2"]
    assert {held["room"] for held in profile.collections["stays"]} == {"9"}
    tried = [use for use in me.accesses() if use.act == "put" and use.decision == "refuse"]
    assert len(tried) == 4
    me.unrestrict()
    desk.put(who, {"given_name": "Eve"}, purpose="stay")
    assert me.profile()["given_name"] == "Eve"


def test_correct(shared: World) -> None:
    """`me.correct({...})`; a corrected look-up value is pending until control of it is proved."""
    who = shared.guest()
    me, desk = shared.customer(who), shared.service("front-desk")
    corrected = me.correct({"given_name": "Adah", "email": "moved@example.org"})
    assert corrected.done == ("given_name",)
    assert set(corrected.pending) == {"email"}
    assert desk.fetch(who, purpose="stay", fields=["given_name", "email"])["email"] == who.value
    assert desk.find(email="moved@example.org", purpose="stay") is None
    me.confirm("email", corrected.pending["email"])
    assert desk.find(email="moved@example.org", purpose="stay")
    assert desk.find(email=who.value, purpose="stay") is None


def test_export(shared: World, tmp_path: Path) -> None:
    """Exports are plain ZIP with UTF-8 JSON, unescaped; made again, replaced."""
    who = shared.guest(given_name="Zoë Ω", notes="ß")
    me = shared.customer(who)
    for _ in range(2):
        me.export(tmp_path / "me.zip")
    with zipfile.ZipFile(tmp_path / "me.zip") as archive:
        assert archive.testzip() is None
        texts = {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    parsed = [json.loads(text) for name, text in texts.items() if name.endswith(".json")]
    assert parsed
    assert any("Zoë Ω" in text and "ß" in text for text in texts.values())


def test_erase(shared: World) -> None:
    """`me.erase()`: idempotent; afterwards she is nobody, and the log still verifies."""
    who = shared.guest()
    me = shared.customer(who)
    assert me.erase() == me.erase()
    with pytest.raises(NotFound):
        me.profile()
    with pytest.raises(NotFound):
        shared.customer(who)
    with pytest.raises(AccessDenied):
        shared.service("front-desk").fetch(who, purpose="stay", fields=["given_name"])
    assert shared.vault.officer("ana").audit.verify().ok


def test_officer_query(shared: World) -> None:
    """`ana.audit.query(…)`: filters AND, newest first, no limit unless asked; itself logged."""
    who = shared.guest()
    desk = shared.service("front-desk")
    desk.fetch_many([who] * 130, purpose="stay", fields=["given_name"])
    with pytest.raises(AccessDenied):
        desk.fetch(who, purpose="meals", fields=["allergies"])
    audit = shared.vault.officer("ana").audit
    lines = audit.query(subject=who)
    assert len(lines) == 132
    assert [line.position for line in lines] == sorted((line.position for line in lines), reverse=True)
    assert len(audit.query(subject=who, decision="permit", act="read")) == 130
    assert len(audit.query(subject=who, service="front-desk", purpose="meals", decision="refuse")) == 1
    assert audit.query(subject=who, service="mailer") == []
    assert len(audit.query(subject=who, limit=7)) == 7
    assert audit.query(act="query", limit=1)[0].actor == "officer:ana"


def test_officer_verify(shared: World) -> None:
    """`ana.audit.verify()` gives a report that holds."""
    report = shared.vault.officer("ana").audit.verify()
    assert report.ok
    assert report.size > 0


def test_no_vault_here(tmp_path: Path) -> None:
    """No directory: Unavailable; nor a file, nor an empty directory."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name in ("none", "file", "empty"):
        with pytest.raises(Unavailable):
            privet.Vault.open(tmp_path / name, passphrase=PASSPHRASE)


def test_wrong_passphrase_and_newer_version(make_place: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong passphrase, no passphrase, newer version: Unavailable."""
    place = make_place("sqlite")
    with pytest.raises(Unavailable, match="passphrase"):
        privet.Vault.open(place.directory, passphrase="wrong")
    with pytest.raises(Unavailable, match="passphrase"):
        privet.Vault.open(place.directory)
    settings = place.directory / "privet.toml"
    settings.write_text(settings.read_text().replace(f"format = {FORMAT}", f"format = {FORMAT + 1}"))
    with pytest.raises(Unavailable, match="newer"):
        place.open()


def test_where_the_passphrase_comes_from(
    make_place: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """passphrase=, PRIVET_PASSPHRASE or PRIVET_PASSPHRASE_FILE."""
    place = make_place("sqlite")
    monkeypatch.setenv("PRIVET_PASSPHRASE", PASSPHRASE)
    privet.Vault.open(str(place.directory)).close()
    monkeypatch.delenv("PRIVET_PASSPHRASE")
    (tmp_path / "secret").write_text(PASSPHRASE + "\n")
    monkeypatch.setenv("PRIVET_PASSPHRASE_FILE", str(tmp_path / "secret"))
    privet.Vault.open(place.directory).close()


def test_a_context_manager_that_closes(make_place: Make) -> None:
    """Context manager, close(): again is no error; a closed vault serves nobody."""
    place = make_place("sqlite")
    with place.open() as vault:
        desk = vault.service("front-desk")
    vault.close()
    with pytest.raises(Unavailable):
        desk.fetch(privet.by(email="a@b.org"), purpose="stay", fields=["given_name"])


def test_a_vault_directory(make_place: Make) -> None:
    """A vault directory: privet.toml, catalogue.yaml, notices/, database, keyring, anchors/; its owner's only."""
    place = make_place("sqlite")
    with place.open() as vault:
        World(place=place, vault=vault, clock=None).guest()  # type: ignore[arg-type]
    names = {path.name for path in place.directory.iterdir()}
    assert {"privet.toml", "catalogue.yaml", "notices", "vault.db", "keyring.json", "anchors"} <= names
    for name in ("vault.db", "keyring.json", "journal"):
        assert (place.directory / name).stat().st_mode & 0o077 == 0
