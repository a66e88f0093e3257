"""A vault over a real OPA: what is refused while it is away, holds another policy, or cannot be asked."""

from pathlib import Path
from typing import Any

import pytest

from privet.bootstrap.doctoring import examine
from privet.bootstrap.vault import Vault
from privet.config.catalogue import load_catalogue
from privet.decide.bundle import build_bundle
from privet.domain.request import By
from privet.errors import AccessDenied, Unavailable
from tests.contract.policy.relay import MAIL, SERVICE, Relay, guest, name_opa
from tests.contract.policy.signed import write_signed
from tests.contract.policy.test_opa_hostile import BUNDLE
from tests.contract.policy.test_opa_watch import until
from tests.invariants.world import PASSPHRASE

pytestmark = pytest.mark.opa


def test_with_opa_gone_misses_are_refused_and_logged(vault: Vault, opa_of_it: Any, relay: Relay) -> None:
    """engine_error, with a leaf of its own; what was known serves for a second; then OPA is back, without a restart."""
    who = guest(vault, 1)
    desk, mailer = vault.service("front-desk"), vault.service("mailer")
    desk.fetch(who, **SERVICE)
    opa_of_it.kill()
    with pytest.raises(AccessDenied) as caught:
        mailer.fetch(who, **MAIL)
    assert caught.value.reasons == ("engine_error",)
    assert caught.value.audit_id
    with pytest.raises(AccessDenied):
        vault.service("web-shop").put(who, {"notes": "late"}, purpose="enrolment")
    until(lambda: refused(desk, who), 20)
    opa_of_it.start()
    until(lambda: not refused(desk, who), 20)
    assert vault.parts.engine.assure() is None


def refused(desk: Any, who: By) -> bool:
    try:
        desk.fetch(who, **SERVICE)
    except AccessDenied as denied:
        reasons = set(denied.reasons)
    else:
        reasons = set()
    assert reasons <= {"engine_error", "engine_timeout", "revision_mismatch"}
    return bool(reasons)


def test_it_opens_while_opa_is_away_and_rights_go_on(directory: Path, opa_of_it: Any) -> None:
    """OPA away at start: reads are refused, a withdrawal and an erasure are not."""
    name_opa(directory, opa_of_it.url, 300)
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        who = guest(vault, 1)
        vault.customer(who).consent("marketing.email")
    opa_of_it.kill()
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        assert refused(vault.service("front-desk"), who)
        vault.customer(who).withdraw("marketing.email")
        vault.customer(who).erase()


def test_rolling_to_a_new_revision(directory: Path, opa_of_it: Any, tmp_path: Path) -> None:
    """The new bundle at OPA first, then the vault: refused in between, never wrong; the other order changes nothing."""
    name_opa(directory, opa_of_it.url)
    old = load_catalogue(directory)
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        who = guest(vault, 1)
        desk = vault.service("front-desk")
        assert not refused(desk, who)
        before = (directory / "catalogue.yaml").read_text()
        (directory / "catalogue.yaml").write_text(
            before.replace(
                "fields:\n",
                "fields:\n  added: {type: string, category: pd:Name, allow: [stay]}\n",
                1,
            )
        )
        new = load_catalogue(directory)
        assert build_bundle(new).revision != build_bundle(old).revision
        # The vault first: refused, and the running one goes on as if nothing had been tried.
        with pytest.raises(Unavailable) as caught:
            Vault.open(directory, passphrase=PASSPHRASE)
        assert build_bundle(new).revision in str(caught.value)
        assert build_bundle(old).revision in str(caught.value)
        assert not refused(desk, who)
        # OPA first: the old vault refuses from then on, with the reason.
        opa_of_it.restart(write_signed(build_bundle(new), tmp_path))
        until(lambda: refused(desk, who), 20)
        with pytest.raises(AccessDenied) as denied:
            desk.fetch(who, **SERVICE)
        assert denied.value.reasons == ("revision_mismatch",)
    with Vault.open(directory, passphrase=PASSPHRASE) as vault:
        assert vault.service("front-desk").fetch(who, **SERVICE)["given_name"] == "Ada"


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o666])
def test_a_token_that_anyone_may_read_is_refused(directory: Path, opa_of_it: Any, mode: int) -> None:
    """The token asks in the vault's name: its file is the vault's alone."""
    name_opa(directory, opa_of_it.url)
    (directory / "opa.token").chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        Vault.open(directory, passphrase=PASSPHRASE)


def test_files_of_the_settings_that_cannot_be_used_are_named(directory: Path, tmp_path: Path) -> None:
    """A missing authority or certificate, and a key that anyone may read: said before OPA is asked."""
    name_opa(directory, "https://127.0.0.1:1")
    settings = directory / "privet.toml"
    plain = settings.read_text()
    settings.write_text(plain.replace('engine = "opa"', 'engine = "opa"\nca_file = "ca.pem"'))
    with pytest.raises(Unavailable, match=r"policy\.ca_file"):
        Vault.open(directory, passphrase=PASSPHRASE)
    own = 'engine = "opa"\ncertificate_file = "us.crt"\nkey_file = "us.key"'
    settings.write_text(plain.replace('engine = "opa"', own))
    with pytest.raises(Unavailable, match=r"policy\.certificate_file"):
        Vault.open(directory, passphrase=PASSPHRASE)
    for name in ("us.crt", "us.key"):
        (directory / name).write_text("x")
        (directory / name).chmod(0o644)
    with pytest.raises(Unavailable, match="chmod 600"):
        Vault.open(directory, passphrase=PASSPHRASE)


def doctor_says(directory: Path) -> list[tuple[str, str]]:
    said = examine(directory, passphrase=PASSPHRASE.encode(), prompt=None)
    return [(one.level, one.sentence) for one in said if "OPA" in one.sentence]


def test_doctor_names_what_is_wrong_with_opa(
    directory: Path, opa_of_it: Any, opa_server: Any, tmp_path: Path
) -> None:
    """Well; away; with another policy; with another token: each in a sentence."""
    name_opa(directory, opa_of_it.url)
    assert doctor_says(directory) == [("ok", "the OPA server answers, with this vault's policy")]
    opa_of_it.kill()
    ((level, said),) = doctor_says(directory)
    assert (level, "does not answer" in said) == ("fault", True)
    opa_of_it.restart(write_signed(BUNDLE, tmp_path))
    ((level, said),) = doctor_says(directory)
    assert (level, BUNDLE.revision in said) == ("fault", True)
    (directory / "opa.token").write_text("x" * 40)
    ((level, said),) = doctor_says(directory)
    assert (level, "policy.token_file" in said) == ("fault", True)
